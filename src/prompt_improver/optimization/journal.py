"""A study's journal: what every trial chose and gave, in Optuna's file, with the predictions beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import optuna
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from prompt_improver.errors import EnvironmentFailure
from prompt_improver.optimization.evaluation import Judged, predict_unseen
from prompt_improver.optimization.pipelines import STARTS, choose
from prompt_improver.optimization.rows import Floats, LearningRows

__all__ = ["Asked", "Journal", "Trial"]

_WAIT = 5.0


@dataclass(frozen=True)
class Trial:
    """One finished trial: what was chosen, its AUC over the median split of unseen rows (None: it failed), and how long it took."""

    number: int
    choice: dict[str, Any]
    auc: float | None
    seconds: float


@dataclass(frozen=True)
class Asked:
    """A trial that was asked for, and its choice."""

    trial: optuna.Trial
    choice: dict[str, Any]


class Journal:
    """An Optuna study in a file, locked by this process, with the predictions of its trials beside it.

    A trial is known by one attribute, written before it is closed; one without was cut off and is none.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path, self._beside, self._name = folder / f"{name}.journal", folder / f"{name}.predictions", name
        self._lock = filelock.FileLock(folder / f"{name}.lock", timeout=_WAIT)

    def __enter__(self) -> Journal:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with self._disk():
            self._beside.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire()
            except filelock.Timeout:
                raise EnvironmentFailure(f"another process is at the study {self._path}; wait for it, or choose another --seed.") from None
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            with self._disk():
                self._open()
            undo.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def _open(self) -> None:
        _mend(self._path)
        try:
            backend = JournalFileBackend(str(self._path), lock_obj=_Held(str(self._path)))
            self._study = optuna.create_study(storage=JournalStorage(backend), study_name=self._name, direction="maximize", load_if_exists=True)
            self.finished = self._read()
        except (ValueError, KeyError, AssertionError) as error:
            raise EnvironmentFailure(f"the study's journal {self._path} is damaged ({type(error).__name__}). Delete it, and run again.") from None

    def _read(self) -> list[Trial]:
        found: list[Trial] = []
        for frozen in self._study.get_trials(deepcopy=False):
            result = json.loads(frozen.user_attrs["result"]) if "result" in frozen.user_attrs else None
            if frozen.state == TrialState.RUNNING:
                self._close(frozen.number, result["auc"] if result else None)
            if result is not None:
                found.append(Trial(len(found), result["choice"], result["auc"], result["seconds"]))
        return found

    def ask(self, place: int, seed: int, rows: int) -> Asked:
        """Asks for the next choice; it depends on seed, place and the trials before."""
        with self._disk():
            self._study.sampler = TPESampler(seed=_stream(seed, place), n_startup_trials=5)
            if place < len(STARTS) and not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):  # left there by a kill
                self._study.enqueue_trial(STARTS[place])
            trial = self._study.ask()
            return Asked(trial, choose(trial, rows=rows))

    def tell(self, asked: optuna.Trial, trial: Trial, predicted: Floats | None) -> None:
        """Keeps what a trial gave."""
        with self._disk():
            if predicted is not None:
                partial = self._beside / ".partial.npy"
                np.save(partial, predicted, allow_pickle=False)
                partial.replace(self._beside / f"{trial.number}.npy")
            asked.set_user_attr("result", json.dumps({"choice": trial.choice, "auc": trial.auc, "seconds": trial.seconds}))
            self._close(asked.number, trial.auc)

    def predictions(self, trial: Trial, rows: LearningRows, judged: Judged, seed: int) -> Floats:
        """Predictions of a trial of an earlier call; made again where the file is not there or not whole."""
        try:
            kept: Floats = np.load(self._beside / f"{trial.number}.npy", allow_pickle=False)
        except (OSError, EOFError, ValueError):
            kept = np.empty(0)
        return kept if kept.shape == judged.places.shape else predict_unseen(trial.choice, rows, judged, seed=seed)

    def _close(self, number: int, auc: float | None) -> None:
        self._study.tell(number, auc, state=TrialState.COMPLETE if auc is not None else TrialState.FAIL)

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EnvironmentFailure(f"the study's journal {self._path} cannot be used: {error.strerror or error}.") from None


def _stream(seed: int, place: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{place}".encode()).digest()[:4], "big")


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
