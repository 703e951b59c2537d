"""The study: trials one after the other, gone on with after any stop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import optuna
import sklearn

from prompt_improver.errors import DataShortfall
from prompt_improver.features.extractor import extractor_id
from prompt_improver.optimization.evaluation import Judged, auc_over_median, predict_unseen
from prompt_improver.optimization.journal import Journal, Trial
from prompt_improver.optimization.pipelines import SPACE_VERSION
from prompt_improver.optimization.rows import Floats, LearningRows

__all__ = ["StudyResult", "TrialProgress", "run_study", "study_name"]


@dataclass(frozen=True)
class StudyResult:
    """Finished trials in order; `resumed` of them were there before, `stopped` says whether time ran out.

    `unseen` holds, for each trial that gave a figure, its predictions for the judged rows.
    """

    name: str
    trials: tuple[Trial, ...]
    unseen: dict[int, Floats]
    resumed: int
    stopped: bool

    @property
    def ranked(self) -> list[Trial]:
        """Trials that gave a figure, the best first."""
        return sorted((trial for trial in self.trials if trial.auc is not None), key=lambda trial: (-(trial.auc or 0.0), trial.number))


TrialProgress = Callable[[Trial, int], None]
"""Called with each finished trial and the number of trials asked for."""


def study_name(rows: LearningRows, judged: Judged, seed: int) -> str:
    """A digest of everything that decides what a trial gives: rows, folds, seed, search space, extractor and library versions."""
    versions = (SPACE_VERSION, extractor_id(), np.__version__, optuna.__version__, sklearn.__version__)
    folds = hashlib.sha256(b"".join(part.astype("<i8").tobytes() for fold in judged.folds for part in fold)).hexdigest()
    return hashlib.sha256(repr((rows.digest(), folds, seed, versions)).encode()).hexdigest()[:16]


def run_study(
    rows: LearningRows, judged: Judged, *, folder: Path, trials: int, timeout: float, seed: int, progress: TrialProgress | None = None
) -> StudyResult:
    """Runs trials until there are as many as asked, or time is up (at least one is made).

    What a trial chooses depends on the seed and on the trials before it, so a stopped study that is gone on with gives what an undisturbed
    one gives; and what the first trials give does not depend on how many follow.

    Args:
        rows: n labelled rows.
        judged: rows to be judged on, and their folds.
        folder: where journals are kept; one file a study, and one folder of predictions.
        trials: trials in all, those of an earlier call included.
        timeout: seconds; no trial begins after them.
        seed: of choices and learners.
        progress: told of every finished trial.

    Raises:
        DataShortfall: no trial gave a figure.
        EnvironmentFailure: the journal cannot be written, is damaged, or another process is at this study.
    """
    name = study_name(rows, judged, seed)
    begun, stopped = perf_counter(), False
    with Journal(folder, name) as journal:
        found = journal.finished[:trials]
        unseen = {trial.number: journal.predictions(trial, rows, judged, seed) for trial in found if trial.auc is not None}
        resumed = len(found)
        while len(found) < trials:
            if found[resumed:] and perf_counter() - begun > timeout:
                stopped = True
                break
            trial, predicted = _run_trial(journal, len(found), rows, judged, seed)
            found.append(trial)
            if predicted is not None:
                unseen[trial.number] = predicted
            if progress is not None:
                progress(trial, trials)
    result = StudyResult(name, tuple(found), unseen, resumed, stopped)
    if not result.ranked:
        raise DataShortfall(f"none of {len(found)} trials could learn from the {len(rows)} rows. Look at them with: prompt-improver validate")
    return result


def _run_trial(journal: Journal, place: int, rows: LearningRows, judged: Judged, seed: int) -> tuple[Trial, Floats | None]:
    begun = perf_counter()
    asked = journal.ask(place, seed, len(rows))
    predicted, auc = None, None
    try:
        predicted = predict_unseen(asked.choice, rows, judged, seed=seed)
        auc = auc_over_median(rows.scores[judged.places], predicted)
    except (ValueError, FloatingPointError):  # a choice that these rows cannot carry; the study goes on with others
        predicted = None
    trial = Trial(place, asked.choice, auc, perf_counter() - begun)
    journal.tell(asked.trial, trial, predicted)
    return trial, predicted
