"""The model card: what a model was made from, what it is worth, and what it cannot do."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from prompt_improver.optimization.pipelines import describe_choice

__all__ = ["ModelCard", "describe_rows", "list_limits", "write_card"]


class ModelCard(BaseModel):
    """The card as it is stored beside the model, in `card.json`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    model_id: str
    created_at: str
    engine_version: str
    extractor: str
    libraries: dict[str, str]
    study: str
    seed: int
    trials: int
    best_trial: float
    choices: list[dict[str, Any]]
    weights: list[float]
    rows: dict[str, Any]
    runs: list[dict[str, Any]]
    figures: dict[str, Any]
    baselines: dict[str, float | None]
    real: dict[str, Any] | None
    half_width: float
    level: float
    sha256: str


def describe_rows(card: ModelCard) -> str:
    """The rows that figures are of, in words."""
    rows = card.rows
    seen = "whose task family or group the model had not seen" if rows["grouped"] else "that the model had not seen, all of one group"
    return f"{card.figures['rows']:,} {rows['judged_on']} rows {seen} ({rows['folds']} folds)"


def list_limits(card: ModelCard) -> list[str]:
    """What the model cannot do."""
    limits = ["English prompts of a few words to some hundred; the features know no other language."]
    limits += [f"The interval is for rows like those it was judged on: about {card.level:.0%} lie inside. For other prompts it promises nothing."]
    if card.rows["synthetic"]:
        limits += [
            "Synthetic labels follow from a structural model with stated weights; a high AUC says that rows can be learnt, not that advice is right.",
            "Effects of rules are those in synthetic rows, where a rule is applied well at times and badly at others.",
        ]
    if card.rows["judged_on"] != "real":
        limits += ["Figures are of rows of the same generator. Measure on prompts of your own."]
    return limits


def write_card(card: ModelCard) -> str:
    """The card as a Markdown page."""
    rows, figures = card.rows, card.figures
    page = [f"# Model {card.model_id}", "", "Predicts the effectiveness of a prompt, from 0 to 1, from its text.", ""]
    page += ["## Made from", "", f"- {rows['synthetic']:,} synthetic and {rows['real']:,} real rows, {rows['groups']:,} task families or groups"]
    page += [f"- run `{run['id']}`: seed {run['seed']}, {run['samples']:,} rows, recipe `{run['recipe_fingerprint'][:12]}`" for run in card.runs]
    page += [f"- extractor `{card.extractor}`, version {card.engine_version}, seed {card.seed}, study `{card.study}`, {card.trials} trials"]
    page += ["- " + ", ".join(f"{name} {version}" for name, version in card.libraries.items()) + f"; made at {card.created_at}", ""]
    page += ["## What it is", ""]
    page += [f"- {weight:.2f} x {describe_choice(choice)}: `{choice}`" for choice, weight in zip(card.choices, card.weights, strict=True)]
    page += ["", "## What it is worth", "", f"On {describe_rows(card)}; members and weights, too, were chosen without them:", ""]
    page += [rows["note"] + ".", ""] if rows["note"] else []
    page += ["| figure | value |", "| --- | --- |"]
    page += [f"| {name} | {_shown(figures[key])} |" for name, key in (("AUC over the median split", "auc"), ("R2", "r2"), ("Spearman", "spearman"))]
    calibration = figures["calibration"]
    page += [f"| calibration slope, intercept | {_shown(calibration['slope'])}, {_shown(calibration['intercept'])} |"]
    page += [f"| mean distance of predicted and observed over fifths | {_shown(calibration['error'])} |"]
    page += [f"| half width of the {card.level:.0%} interval | {_shown(card.half_width)} |", ""]
    page += ["| baseline | AUC |", "| --- | --- |"]
    page += [f"| {name.replace('_', ' ')} | {_shown(value)} |" for name, value in card.baselines.items()]
    page += ["", f"Best of {card.trials} trials, chosen on these rows: {_shown(card.best_trial)}."]
    page += ["", "| predicted | observed | rows |", "| --- | --- | --- |"]
    page += [f"| {_shown(part['predicted'])} | {_shown(part['observed'])} | {part['rows']} |" for part in calibration["bins"]]
    if card.real is not None:
        page += ["", "## Real rows", ""]
        page += [f"- {name.replace('_', ' ')}: {_shown(value)}" for name, value in card.real.items() if name != "curve"]
        page += ["", "| real rows learnt from | AUC without synthetic rows |", "| --- | --- |"]
        page += [f"| {point['rows']} | {_shown(point['auc'])} |" for point in card.real["curve"]]
    page += ["", "## Limits", "", *[f"- {limit}" for limit in list_limits(card)], "", f"sha256 of `model.skops`: `{card.sha256}`", ""]
    return "\n".join(page)


def _shown(value: object) -> str:
    if value is None:
        return "not known"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
