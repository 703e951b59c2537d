"""A study is the same however often it is stopped; its journal outlives a kill."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from prompt_improver import generate, optimize
from prompt_improver.errors import DataShortfall, EnvironmentFailure, InputError
from prompt_improver.optimization.evaluation import make_folds
from prompt_improver.optimization.optimizer import Options
from prompt_improver.optimization.study import run_study, study_name
from tests.optimization.conftest import mixed

STUDY = """
import sys
from pathlib import Path
from prompt_improver import generate
from prompt_improver.optimization.evaluation import make_folds
from prompt_improver.optimization.study import run_study
from tests.optimization.conftest import measured
rows = measured(generate(120, seed=9))
found = run_study(rows, make_folds(rows, folds=5, seed=1), folder=Path(sys.argv[1]), trials=14, timeout=600, seed=1,
                  progress=lambda trial, asked: print(trial.number, flush=True))
print([(trial.choice, trial.auc) for trial in found.trials], flush=True)
"""


def plain(result):
    return [(trial.number, trial.choice, trial.auc) for trial in result.trials]


def study(rows, folder, trials, seed=5, timeout=600.0, **more):
    return run_study(rows, make_folds(rows, folds=5, seed=seed), folder=folder, trials=trials, timeout=timeout, seed=seed, **more)


def test_a_study_gone_on_with_is_the_undisturbed_one(rows, tmp_path):
    whole = study(rows, tmp_path / "a", 6)
    parts = [study(rows, tmp_path / "b", count) for count in (1, 2, 4, 6)]
    assert plain(parts[-1]) == plain(whole)
    assert [part.resumed for part in parts] == [0, 1, 2, 4]
    first = study(rows, tmp_path / "b", 3)
    assert plain(first) == plain(whole)[:3]  # the first trials do not know of later ones
    assert first.resumed == 3
    assert all(np.array_equal(first.unseen[number], whole.unseen[number]) for number in range(3))


def test_progress_is_told_of_new_trials_only(rows, tmp_path):
    told = []
    for count in (2, 3):
        study(rows, tmp_path, count, progress=lambda trial, asked: told.append((trial.number, asked)))
    assert told == [(0, 2), (1, 2), (2, 3)]


def test_time_ends_a_study_after_one_trial_at_least(rows, tmp_path):
    found = study(rows, tmp_path, 50, timeout=0.0)
    assert (len(found.trials), found.stopped) == (1, True)
    assert study(rows, tmp_path, 2).resumed == 1


def test_the_name_knows_rows_folds_and_seed(rows):
    judged = make_folds(rows, folds=5, seed=1)
    changed = rows.take(np.arange(len(rows)) != 3)
    names = {
        study_name(rows, judged, 1),
        study_name(rows, judged, 2),
        study_name(rows, make_folds(rows, folds=3, seed=1), 1),
        study_name(changed, make_folds(changed, folds=5, seed=1), 1),
    }
    assert len(names) == 4
    assert study_name(rows, make_folds(rows, folds=5, seed=1), 1) in names


def test_the_best_trial_comes_first(rows, tmp_path):
    ranked = study(rows, tmp_path, 4).ranked
    assert [trial.auc for trial in ranked] == sorted((trial.auc for trial in ranked), reverse=True)


@pytest.mark.parametrize("cut", [b'{"op_code": 4, "wor', b"\x00\xff", b"{"])
def test_a_last_line_cut_short_is_taken_off(rows, tmp_path, cut):
    whole = study(rows, tmp_path / "a", 4)
    study(rows, tmp_path / "b", 2)
    journal = next((tmp_path / "b").glob("*.journal"))
    journal.write_bytes(journal.read_bytes() + cut)
    assert plain(study(rows, tmp_path / "b", 4)) == plain(whole)


def test_a_folder_that_cannot_be_written_is_named(rows, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailure, match="journal"):
        study(rows, tmp_path / "file", 2)


def test_two_at_one_study_do_not_mix(rows, tmp_path, monkeypatch):
    import filelock

    monkeypatch.setattr("prompt_improver.optimization.journal._WAIT", 0.2)
    study(rows, tmp_path, 1)
    with filelock.FileLock(next(tmp_path.glob("*.lock"))), pytest.raises(EnvironmentFailure, match="another process"):
        study(rows, tmp_path, 2)


@pytest.mark.parametrize("where", ["optuna.Study.ask", "optuna.Study.tell", "prompt_improver.optimization.study.predict_unseen"])
@pytest.mark.parametrize("place", [0, 3])
def test_interrupted_at_a_step_the_study_goes_on_and_ends_the_same(rows, tmp_path, monkeypatch, where, place):
    whole = study(rows, tmp_path / "a", 5)
    if place:
        study(rows, tmp_path / "b", place)

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(where, stop)
        with pytest.raises(KeyboardInterrupt):
            study(rows, tmp_path / "b", place + 1)
    for count in (place + 1, 4, 5):  # gone on with more than once
        found = study(rows, tmp_path / "b", count)
    assert plain(found) == plain(whole)
    assert all(np.array_equal(found.unseen[number], whole.unseen[number]) for number in range(5))


@pytest.mark.parametrize("damage", [lambda text: text.replace(b'"op_code"', b'"op', 1), lambda text: text + b"\0\0\0\n", lambda text: b"{}\n" + text])
def test_a_damaged_journal_is_named(rows, tmp_path, damage):
    study(rows, tmp_path, 2)
    journal = next(tmp_path.glob("*.journal"))
    journal.write_bytes(damage(journal.read_bytes()))
    with pytest.raises(EnvironmentFailure, match=r"damaged.*Delete it"):
        study(rows, tmp_path, 3)


@pytest.mark.parametrize("content", [None, b"", b"\x93NUMPY nothing"])
def test_predictions_that_are_lost_are_made_again(rows, tmp_path, content):
    whole = study(rows, tmp_path, 2)
    for file in tmp_path.glob("*.predictions/*.npy"):
        file.unlink() if content is None else file.write_bytes(content)
    again = study(rows, tmp_path, 2)
    assert all(np.array_equal(again.unseen[number], whole.unseen[number]) for number in range(2))


def test_an_error_of_the_caller_is_not_taken_for_one_of_the_disk(rows, tmp_path):
    def gone(*_):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        study(rows, tmp_path, 2, progress=gone)
    assert study(rows, tmp_path, 1).resumed == 1


@pytest.mark.faults
def test_killed_anywhere_the_study_goes_on_and_ends_the_same(tmp_path):
    """Kills at growing times, until a run comes through; no kill costs more than the trial that was running."""

    def begin(folder, hashing):
        environment = {**os.environ, "PYTHONHASHSEED": hashing}
        return subprocess.Popen([sys.executable, "-c", STUDY, str(folder)], stdout=subprocess.PIPE, text=True, env=environment)

    undisturbed = begin(tmp_path / "whole", "1").communicate(timeout=300)[0].splitlines()[-1]
    kills = 0
    for attempt in range(30):
        process = begin(tmp_path / "killed", str(attempt))
        first = process.stdout.readline()  # a trial more is told of, so every attempt gets on
        time.sleep(0.02 * attempt)
        if attempt < 5 and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
            process.communicate(timeout=60)
            continue
        assert (first + process.communicate(timeout=300)[0]).splitlines()[-1] == undisturbed
        break
    assert kills >= 3


@pytest.mark.parametrize("samples, ensemble, missing", [(1, None, 9), (9, None, 1), (15, True, 5)])
def test_too_few_rows_are_refused_with_the_number_missing(tmp_path, samples, ensemble, missing):
    with pytest.raises(DataShortfall, match=f"{missing} missing.*prompt-improver bootstrap"):
        optimize(generate(samples, seed=1), ensemble=ensemble, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("samples, trials, members", [(10, 5, 1), (20, 5, None), (99, 5, None), (100, 10, None)])
def test_what_is_done_by_default(tmp_path, samples, trials, members):
    card = optimize(generate(samples, seed=2), folder=tmp_path).card
    assert card.trials == trials
    assert len(card.choices) == (members or len(card.choices))
    assert card.rows["folds"] == (5 if samples >= 100 else 3)
    assert Options() == Options(None, None, None, 42)


@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize("samples", [10, 20, 100])
def test_studies_end_with_a_model(tmp_path, samples, seed):
    """A sample of the sweep that `docs/design/0008-optimiser.md` reports."""
    learned = optimize(generate(samples, seed=seed), folder=tmp_path)
    assert learned.folder.is_dir()
    assert samples < 100 or learned.study.ranked[0].auc >= 0.7


@pytest.mark.parametrize("options", [{"trials": 0}, {"trials": -1}, {"timeout": -1.0}, {"timeout": float("nan")}, {"seed": -1}, {"seed": 2**32}])
def test_options_out_of_range_are_named(options):
    with pytest.raises(InputError, match=f"{next(iter(options))} is"):
        Options(**options)


async def test_a_program_in_a_loop_may_learn_too(tmp_path):
    """As a notebook does."""
    from prompt_improver.installation.bootstrap import bootstrap_database
    from prompt_improver.installation.initializer import resolve_url
    from prompt_improver.recipe.recipe import make_recipe

    await bootstrap_database(make_recipe({"samples": 40}, "test"), resolve_url(None))
    assert optimize(trials=1, folder=tmp_path).card.rows["synthetic"] == 40


def test_equal_scores_cannot_be_learnt_from(rows):
    same = mixed(rows, 0, seed=1)
    same.scores[:] = 0.5
    with pytest.raises(DataShortfall, match="nothing to learn"):
        make_folds(same, folds=3, seed=1)
