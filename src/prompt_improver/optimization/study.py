"""The study: trials one after the other, kept in Optuna's journal file, gone on with after any stop."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import filelock
import numpy
import optuna
import sklearn
from optuna import Study
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from prompt_improver.errors import DataShortfall, EnvironmentFailure
from prompt_improver.features.extractor import extractor_id
from prompt_improver.optimization.evaluation import Judged, auc_over_median, predict_unseen
from prompt_improver.optimization.pipelines import SPACE_VERSION, STARTS, choose
from prompt_improver.optimization.rows import LearningRows

__all__ = ["StudyResult", "Trial", "TrialProgress", "run_study", "study_name"]

_WAIT = 5.0


@dataclass(frozen=True)
class Trial:
    """One finished trial: what was chosen, its AUC over the median split of unseen rows (None: it failed), and how long it took."""

    number: int
    choice: dict[str, Any]
    auc: float | None
    seconds: float


@dataclass(frozen=True)
class StudyResult:
    """Finished trials in order; `resumed` of them were there before, `stopped` says whether time ran out."""

    name: str
    trials: tuple[Trial, ...]
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
    versions = (SPACE_VERSION, extractor_id(), numpy.__version__, optuna.__version__, sklearn.__version__)
    return hashlib.sha256(repr((rows.digest(), len(judged.folds), judged.grouped, len(judged.places), seed, versions)).encode()).hexdigest()[:16]


def run_study(
    rows: LearningRows, judged: Judged, *, folder: Path, trials: int, timeout: float, seed: int, progress: TrialProgress | None = None
) -> StudyResult:
    """Runs trials until there are as many as asked, or time is up (at least one is made).

    What a trial chooses depends on the seed and on the trials before it, so a stopped study that is gone on with gives what an undisturbed
    one gives.

    Args:
        rows: n labelled rows.
        judged: rows to be judged on, and their folds.
        folder: where journals are kept; one file a study.
        trials: trials in all, those of an earlier call included.
        timeout: seconds; no trial begins after them.
        seed: of choices and learners.
        progress: told of every finished trial.

    Raises:
        DataShortfall: no trial gave a figure.
        EnvironmentFailure: the journal cannot be written, or another process is at this study.
    """
    name = study_name(rows, judged, seed)
    begun, stopped = perf_counter(), False
    with _open_study(folder, name) as study:
        found = _finished(study)
        resumed = len(found)
        while len(found) < trials:
            if len(found) > resumed and perf_counter() - begun > timeout:
                stopped = True
                break
            found.append(_run_trial(study, len(found), rows, judged, seed))
            if progress is not None:
                progress(found[-1], trials)
    result = StudyResult(name, tuple(found), resumed, stopped)
    if not result.ranked:
        raise DataShortfall(f"none of {len(found)} trials could learn from the {len(rows)} rows. Look at them with: prompt-improver validate")
    return result


def _run_trial(study: Study, place: int, rows: LearningRows, judged: Judged, seed: int) -> Trial:
    begun = perf_counter()
    study.sampler = TPESampler(seed=int.from_bytes(hashlib.sha256(f"{seed}/{place}".encode()).digest()[:4], "big"), n_startup_trials=5)
    if place < len(STARTS) and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):  # a killed call may have left it in the queue
        study.enqueue_trial(STARTS[place])
    trial = study.ask()
    choice, auc = choose(trial, rows=len(rows)), None
    try:
        auc = auc_over_median(rows.scores[judged.places], predict_unseen(choice, rows, judged, seed=seed))
    except (ValueError, FloatingPointError) as error:  # a choice that these rows cannot carry; the study goes on with others
        trial.set_user_attr("failure", str(error)[:500])
    trial.set_user_attr("choice", json.dumps(choice))
    seconds = perf_counter() - begun
    trial.set_user_attr("seconds", seconds)
    study.tell(trial, auc, state=TrialState.COMPLETE if auc is not None else TrialState.FAIL)
    return Trial(place, choice, auc, seconds)


def _finished(study: Study) -> list[Trial]:
    """Trials that ended in an earlier call; one that was cut off is closed, and is none of them."""
    found: list[Trial] = []
    for trial in study.get_trials(deepcopy=False):
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
        elif "choice" in trial.user_attrs:
            attributes = trial.user_attrs
            found.append(Trial(len(found), json.loads(attributes["choice"]), trial.value, float(attributes["seconds"])))
    return found


@contextmanager
def _open_study(folder: Path, name: str) -> Iterator[Study]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = folder / f"{name}.journal"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{path}.lock", timeout=_WAIT):
            _mend(path)
            backend = JournalFileBackend(str(path), lock_obj=_Held(str(path)))
            yield optuna.create_study(storage=JournalStorage(backend), study_name=name, direction="maximize", load_if_exists=True)
    except filelock.Timeout:
        raise EnvironmentFailure(f"another process is at the study {path}; wait for it, or choose another --seed.") from None
    except OSError as error:
        raise EnvironmentFailure(f"the study's journal {path} cannot be used: {error.strerror or error}.") from None


class _Held(JournalFileOpenLock):
    """The journal's own lock is not needed: the whole study is locked, by a lock that ends with the process that holds it."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        return None


def _mend(path: Path) -> None:
    """Takes off a last line that was cut short when a process was killed."""
    if path.is_file() and (content := path.read_bytes()) and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
