"""From labelled rows to a model in use: study, stack, figures, card."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from threadpoolctl import threadpool_limits

from prompt_improver.errors import DataShortfall, InputError
from prompt_improver.execution.local import engine_version
from prompt_improver.features.extractor import extractor_id
from prompt_improver.optimization.card import ModelCard
from prompt_improver.optimization.effects import learn_effects
from prompt_improver.optimization.ensemble import Stack, combine
from prompt_improver.optimization.evaluation import Judged, baselines, count_rarer, figures, make_folds
from prompt_improver.optimization.mixing import LEAST_REAL, compare_kinds
from prompt_improver.optimization.model import Model, pack_model, save_model
from prompt_improver.optimization.pipelines import fit_pipeline
from prompt_improver.optimization.rows import BASIC_ROWS, Floats, LearningRows
from prompt_improver.optimization.study import StudyResult, TrialProgress, run_study

__all__ = ["ENSEMBLE_ROWS", "Learned", "Material", "Options", "learn"]

ENSEMBLE_ROWS = 20
_MANY = 100
_RARE = 3
_LEVEL = 0.9


@dataclass(frozen=True)
class Options:
    """How to learn. None: 5 trials in 30 s under 100 rows, else 10 in 120 s; an ensemble from 20 rows on."""

    trials: int | None = None
    timeout: float | None = None
    ensemble: bool | None = None
    seed: int = 42

    def __post_init__(self) -> None:
        if self.trials is not None and self.trials < 1:
            raise InputError(f"trials is {self.trials}; expected 1 or more.")
        if self.timeout is not None and not self.timeout >= 0:
            raise InputError(f"timeout is {self.timeout}; expected 0 seconds or more.")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed is {self.seed}; expected a whole number from 0 to {2**32 - 1}.")


@dataclass(frozen=True)
class Material:
    """n rows with `storage.database.LEARNING_COLUMNS`, and which of them a user rated; the runs that the others came from; the best attainable AUC
    on these, if anybody knows it; how many rows there are in all where not every one was read."""

    table: pa.Table
    real: npt.NDArray[np.bool_]
    runs: tuple[dict[str, Any], ...]
    ceiling: float | None
    present: int


@dataclass(frozen=True)
class Learned:
    """What a call of `learn` gave: the model, where it lies, the study behind it, and the seconds it took."""

    model: Model
    folder: Path
    study: StudyResult
    seconds: float

    @property
    def card(self) -> ModelCard:
        return self.model.card


def learn(material: Material, options: Options, *, folder: Path, progress: TrialProgress | None = None) -> Learned:
    """Learns from rows and puts the model in place.

    The same rows, options and library versions give the same model, unless the time limit ends a study earlier.

    Args:
        material: n rows.
        options: trials, time, ensemble, seed.
        folder: `studies/` and `models/` are kept in it.
        progress: told of every finished trial.

    Raises:
        DataShortfall: fewer rows than learning needs, or nothing to be learnt from them.
        EnvironmentFailure: disk.
    """
    with threadpool_limits(1):  # threads of boosting wait for each other in a spin: on a busy machine one is ten times as fast as two
        return _learn(material, options, folder, progress)


def _learn(material: Material, options: Options, folder: Path, progress: TrialProgress | None) -> Learned:
    begun = perf_counter()
    count = material.table.num_rows
    _check_count(count, options)
    rows = LearningRows.measure(material.table, material.real).without_rated()
    judged = _choose_judged(rows, options.seed)
    trials = options.trials if options.trials is not None else (10 if count >= _MANY else 5)
    timeout = options.timeout if options.timeout is not None else (120.0 if count >= _MANY else 30.0)
    study = run_study(rows, judged, folder=folder / "studies", trials=trials, timeout=timeout, seed=options.seed, progress=progress)
    several = options.ensemble if options.ensemble is not None else count >= ENSEMBLE_ROWS
    made = combine(study, rows, judged, several=several)
    members = tuple(fit_pipeline(choice, rows, seed=options.seed) for choice in made.choices)
    synthetic = rows.take(~rows.real)
    effects = learn_effects(synthetic.source, synthetic.scores, synthetic.groups, seed=options.seed)
    content = pack_model(members, made.weights, effects)
    card = _write_card(material, options, rows, judged, study, made, hashlib.sha256(content).hexdigest())
    place, kept = save_model(folder / "models", content, card)
    return Learned(Model(members, made.weights, effects, kept), place, study, perf_counter() - begun)


def _check_count(count: int, options: Options) -> None:
    needed, what = (ENSEMBLE_ROWS, "an ensemble") if options.ensemble else (BASIC_ROWS, "learning")
    if count < needed:
        raise DataShortfall(
            f"{what} needs {needed} rows and there are {count}: {needed - count} missing. "
            "Make rows with: prompt-improver bootstrap, or add rated prompts of your own with: prompt-improver import FILE"
        )


def _choose_judged(rows: LearningRows, seed: int) -> Judged:
    """Real rows alone where there are enough of them, good and bad; else all rows."""
    real, rarer, note = int(rows.real.sum()), 0, ""
    if real >= LEAST_REAL:
        rarer = count_rarer(rows.scores[rows.real])
        note = "" if rarer >= _RARE else f"{real} real rows, but only {rarer} of the rarer half: too few to be judged on alone"
    elif real:
        note = f"{real} real rows: too few to be judged on alone, which {LEAST_REAL} would do for"
    count = real if rarer >= _RARE else len(rows)
    judged = make_folds(rows, folds=5 if count >= _MANY else 3, seed=seed, judged=rows.real if rarer >= _RARE else None)
    return replace(judged, note=note)


def _half_width(scores: Floats, unseen: Floats) -> float:
    """A quantile of errors on unseen rows: a new one is below it with about the chance `_LEVEL` (CV+, Barber et al. 2021, in one width)."""
    errors = np.sort(np.abs(scores - unseen))
    place = min(int(np.ceil((len(errors) + 1) * _LEVEL)), len(errors))
    return float(errors[place - 1])


def _write_card(material: Material, options: Options, rows: LearningRows, judged: Judged, study: StudyResult, made: Stack, digest: str) -> ModelCard:
    import optuna
    import sklearn
    import skops

    scores, on_real = rows.scores[judged.places], bool(rows.real[judged.places].all())
    best, got, seed = made.choices[int(np.argmax(made.weights))], figures(scores, made.unseen), options.seed
    libraries = {"numpy": np.__version__, "scikit-learn": sklearn.__version__, "optuna": optuna.__version__, "skops": skops.__version__}
    told = {
        "synthetic": int((~rows.real).sum()),
        "real": int(rows.real.sum()),
        "superseded": material.table.num_rows - len(rows),
        "present": material.present,
        "groups": len(np.unique(rows.groups)),
        "judged_on": "real" if on_real else "synthetic" if not rows.real.any() else "synthetic and real",
        "folds": len(judged.folds),
        "grouped": judged.grouped,
        "note": judged.note,
    }
    identity = repr((study.name, len(study.trials), made.choices, made.weights, sorted(libraries.items())))
    return ModelCard(
        model_id=hashlib.sha256(identity.encode()).hexdigest()[:12],
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        engine_version=engine_version(),
        extractor=extractor_id(),
        libraries=libraries,
        study=study.name,
        seed=seed,
        trials=len(study.trials),
        best_trial=study.ranked[0].auc or 0.0,
        choices=list(made.choices),
        weights=list(made.weights),
        rows=told,
        runs=list(material.runs),
        figures=got,
        baselines=baselines(best, rows, judged, seed=seed, ceiling=None if rows.real[judged.places].any() else material.ceiling),
        real=compare_kinds(best, rows, judged, real_auc=got["auc"], seed=seed) if on_real else None,
        half_width=_half_width(scores, made.unseen),
        level=_LEVEL,
        sha256=digest,
    )
