"""The commands that learn from rows and score prompts: `optimize`, `score`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prompt_improver.cli.shared import DatabaseUrl, Json, print_json, run_async, say
from prompt_improver.errors import InputError

if TYPE_CHECKING:
    from prompt_improver.optimization.card import ModelCard
    from prompt_improver.optimization.journal import Trial
    from prompt_improver.optimization.optimizer import Learned
    from prompt_improver.optimization.scorer import Score

__all__ = ["OPTIMIZE_EXAMPLES", "SCORE_EXAMPLES", "optimize", "score"]

OPTIMIZE_EXAMPLES = (
    "Examples:  prompt-improver optimize   |   prompt-improver optimize --trials 30 --timeout 300   |   prompt-improver optimize --input rows.parquet"
)
SCORE_EXAMPLES = (
    'Examples:  prompt-improver score "Write a haiku about Osaka."   |   cat prompt.txt | prompt-improver score -   |   '
    "prompt-improver score --input prompts.jsonl --output scores.jsonl"
)
ModelFolder = Annotated[Path | None, typer.Option("--model", help="A model's folder. Default: the model in use.")]


def optimize(
    trials: Annotated[int | None, typer.Option(min=1, max=10_000, help="Trials in all; 10, under 100 rows 5.", show_default=False)] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds for trials; 120, under 100 rows 30.", show_default=False)] = None,
    ensemble: Annotated[
        bool | None, typer.Option("--ensemble/--no-ensemble", help="Stack the best of each kind; from 20 rows on by itself.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same rows and seed give the same model.")] = 42,
    rows: Annotated[int, typer.Option(min=1, help="Synthetic rows to read at most; real ones are all read.")] = 20_000,
    database_url: DatabaseUrl = None,
    input_file: Annotated[str | None, typer.Option("--input", help="Rows in a file instead (.parquet, .jsonl, .csv), or a folder of parts.")] = None,
    as_json: Json = False,
) -> None:
    """Learn from the stored rows which prompts work, and keep the model for `score`. A stopped study goes on where it was."""
    from prompt_improver.installation.initializer import resolve_url
    from prompt_improver.optimization.optimizer import Options, learn
    from prompt_improver.optimization.sources import read_database, read_rows
    from prompt_improver.settings import data_folder

    if input_file is not None and database_url is not None:
        raise InputError("--input and --database-url were both given; name one place.")
    material = read_rows(input_file, most=rows) if input_file is not None else run_async(read_database(resolve_url(database_url), most=rows))
    learned = learn(material, Options(trials, timeout, ensemble, seed), folder=data_folder(), progress=_tell_trial)
    if as_json:
        study = [{"number": trial.number, "choice": trial.choice, "auc": trial.auc, "seconds": trial.seconds} for trial in learned.study.trials]
        told: dict[str, Any] = {"model": str(learned.folder), "seconds": learned.seconds, "stopped_by_time": learned.study.stopped}
        print_json(told | {"resumed_trials": learned.study.resumed, "trials": study, "card": learned.card.model_dump()})
    else:
        _tell_learned(learned)


def score(
    text: Annotated[str | None, typer.Argument(help="The prompt, or - for standard input.")] = None,
    input_file: Annotated[Path | None, typer.Option("--input", help='Many prompts: JSON lines {"prompt": …}, or .csv.')] = None,
    output: Annotated[Path | None, typer.Option(help="Where their scores go: JSON lines, in the same order.")] = None,
    prompt_column: Annotated[str, typer.Option(metavar="NAME", help="Column of the prompt in --input.")] = "prompt",
    skip_invalid: Annotated[bool, typer.Option("--skip-invalid", help="Score the good lines and list the others.")] = False,
    model: ModelFolder = None,
    as_json: Json = False,
) -> None:
    """Score a prompt: features, predicted effectiveness, and the rules predicted to help most."""
    from prompt_improver.optimization.scorer import Scorer
    from prompt_improver.storage.lines import find_text_problem

    _check_places(text, input_file, output)
    if input_file is None and (skip_invalid or prompt_column != "prompt"):
        raise InputError("--skip-invalid and --prompt-column are for --input; it was not given.")
    if input_file is not None and output is not None:
        _score_file(Scorer.load(model), input_file, output, prompt_column, skip_invalid, as_json)
        return
    text = _read_prompt() if text == "-" else text
    problem = find_text_problem(text) if text is not None and text.strip() else "is blank; expected a text to score"
    if text is None or problem is not None:
        raise InputError(f"the prompt {problem}.")
    scorer = Scorer.load(model)
    scored = scorer.score([text])[0]
    if as_json:
        print_json({"model": scorer.card.model_id, **scored.to_json()})
    else:
        _tell_score(scored, scorer.card)


def _read_prompt() -> str:
    from prompt_improver.storage.lines import MAX_PROMPT

    try:
        return sys.stdin.buffer.read(4 * MAX_PROMPT + 1).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"the prompt is not UTF-8 text at byte {error.start + 1}.") from None


def _check_places(text: str | None, input_file: Path | None, output: Path | None) -> None:
    if text is None and input_file is None:
        raise InputError(
            'nothing to score; give a prompt, - for standard input, or --input FILE --output FILE. For example: prompt-improver score "…"'
        )
    if text is not None and input_file is not None:
        raise InputError("a prompt and --input were both given; name one.")
    if (input_file is None) != (output is None):
        raise InputError("--input and --output go together; one was given without the other.")
    if output is not None and output.suffix.lower() != ".jsonl":
        raise InputError(f"{output}: scores are written as JSON lines; expected a name that ends in .jsonl.")


def _score_file(scorer: Any, source: Path, target: Path, column: str, skip_invalid: bool, as_json: bool) -> None:
    from prompt_improver.optimization.score_file import score_file
    from prompt_improver.storage.lines import tell_broken

    done = score_file(scorer, source, target, column=column, skip_invalid=skip_invalid)
    if done.skipped:
        say("\n".join([f"left out {len(done.skipped):,} of {done.lines:,} lines:", *tell_broken(done.skipped)]))
    if done.replaced:
        say(f"fields of the input that gave way to the score's: {', '.join(done.replaced)}")
    if as_json:
        skipped = [{"line": found.line, "problem": found.problem} for found in done.skipped]
        told = {"where": str(target), "model": scorer.card.model_id, "seconds": done.seconds}
        print_json({"scored": done.scored, "skipped": skipped, "replaced": done.replaced} | told)
    else:
        print(f"scored {done.scored:,} prompts in {done.seconds:.1f} s; wrote {target}")


def _tell_trial(trial: "Trial", asked: int) -> None:
    from prompt_improver.optimization.pipelines import describe_choice

    figure = "failed   " if trial.auc is None else f"AUC {trial.auc:.3f}"
    say(f"trial {trial.number + 1:>3} of {asked}  {figure}  {describe_choice(trial.choice)}, {trial.seconds:.1f} s")


def _tell_learned(learned: "Learned") -> None:
    from prompt_improver.optimization.card import describe_rows

    card, study = learned.card, learned.study
    rows, figures, calibration = card.rows, card.figures, card.figures["calibration"]
    unread = rows["present"] - rows["synthetic"] - rows["real"]
    print(f"rows       {rows['synthetic']:,} synthetic, {rows['real']:,} real" + (f"; {unread:,} more were not read (--rows)" if unread > 0 else ""))
    if rows["superseded"]:
        print(f"           {rows['superseded']:,} synthetic rows gave way to ratings of the same text")
    best = f"; the best, chosen on these rows, AUC {card.best_trial:.3f}"
    print(f"study      {len(study.trials)} trials" + _spent(study.resumed, study.stopped) + best)
    print("model      " + " + ".join(_members(card)))
    print(f"judged on  {describe_rows(card)}")
    if rows["note"]:
        print(f"           {rows['note']}")
    print(f"AUC        {figures['auc']:.3f} over the median split; R2 {figures['r2']:.3f}, Spearman {figures['spearman']:.3f}")
    print("baselines  " + ", ".join(f"{name.replace('_', ' ')} {_three(value)}" for name, value in card.baselines.items()))
    line = f"slope {calibration['slope']:.2f}, intercept {calibration['intercept']:+.2f}"
    print(f"calibrated {line}; predicted and observed are {calibration['error']:.3f} apart")
    if card.real is not None:
        _tell_real(card.real)
    print(f"kept       {learned.folder}, in {learned.seconds:.1f} s; its card is MODEL_CARD.md there")
    print('next       prompt-improver score "your prompt"')


def _spent(resumed: int, stopped: bool) -> str:
    return (f" ({resumed} of an earlier call)" if resumed else "") + (" (time ran out)" if stopped else "")


def _members(card: "ModelCard") -> list[str]:
    from prompt_improver.optimization.pipelines import describe_choice

    return [f"{weight:.2f} x {describe_choice(choice)}" for choice, weight in zip(card.choices, card.weights, strict=True)]


def _tell_real(real: dict[str, Any]) -> None:
    share = real["mixing_ratio"]
    print(f"mixing     real rows are {share['rows']:.1%} of the rows and {share['weight']:.1%} of their weight")
    if real["synthetic_auc"] is None:
        return
    print(f"real rows  AUC {real['real_auc']:.3f}; learnt from synthetic rows alone {real['synthetic_only_auc']:.3f}")
    most, worth = real["curve"][-1]["rows"], real["worth_real_rows"]
    print("worth      synthetic rows alone do as well as " + (f"about {worth:.0f} real rows" if worth is not None else f"more than {most} real rows"))
    print(
        f"gap        {real['gap']:+.3f} (AUC on synthetic rows {real['synthetic_auc']:.3f})"
        + (": OVERFIT WARNING" if real["overfit_warning"] else "")
    )
    if real["overfit_warning"]:
        print("           over .2: the model follows one kind of rows and not the other; add real rows before you trust it")


def _tell_score(scored: "Score", card: "ModelCard") -> None:
    from prompt_improver.optimization.effects import LEAST_ROWS

    low, high = scored.interval
    print(f"effectiveness     {scored.effectiveness_score:.2f}  {scored.tier}; {card.level:.0%} of such prompts lie between {low:.2f} and {high:.2f}")
    for name, value in scored.features.items():
        print(f"{name:17} {value:g}")
    if scored.rules:
        print("likely to help most:")
    for gain in scored.rules:
        print(f"  {gain.rule:15} {gain.gain:+.2f}  ({gain.low:+.2f} to {gain.high:+.2f})  {_what(gain.rule)}")
    if not scored.rules:
        print(
            "no rule is sure to help" if card.rows["synthetic"] >= LEAST_ROWS else f"no advice: rules are learnt from {LEAST_ROWS} synthetic rows on"
        )
    print(f"model {card.model_id}: AUC {card.figures['auc']:.2f} on {card.rows['judged_on']} rows that it had not seen")


def _what(rule: str) -> str:
    from prompt_improver.domains.rules import describe_rules

    return describe_rules().get(rule, "")


def _three(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"
