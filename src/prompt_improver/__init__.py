"""Prompt Improver: training rows for a prompt optimiser that nobody has used yet."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from prompt_improver.batch import Batch
    from prompt_improver.optimization.optimizer import Learned
    from prompt_improver.optimization.scorer import Scorer
    from prompt_improver.optimization.study import TrialProgress

__all__ = ["Scorer", "generate", "optimize"]

T = TypeVar("T")


def __getattr__(name: str) -> Any:
    if name == "Scorer":  # brings scikit-learn with it, so only when it is asked for
        from prompt_improver.optimization.scorer import Scorer

        return Scorer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def generate(samples: int, *, seed: int = 42, workers: int = 1, **fields: Any) -> Batch:
    """Training rows without a database.

    Args:
        samples: rows, 1 or more.
        seed: whole number in [0, 2**64); the same seed gives the same bytes.
        workers: threads; the bytes do not depend on them.
        fields: any other field of a recipe, such as `domain_distribution` or `noise`.

    Returns:
        A batch: `rows` is an Arrow table with `samples` rows, `truth` what a learner must not see.

    Raises:
        RecipeError: a field is unknown or out of range.
        CapacityError: the content holds fewer prompts than asked.
    """
    from prompt_improver.execution.local import open_run
    from prompt_improver.installation.synthetic_data_generator import collect
    from prompt_improver.recipe.recipe import make_recipe

    return collect(open_run(make_recipe({**fields, "samples": samples, "seed": seed}, "generate")), workers)


def optimize(
    rows: Batch | None = None,
    *,
    database_url: str | None = None,
    trials: int | None = None,
    timeout: float | None = None,
    ensemble: bool | None = None,
    seed: int = 42,
    folder: Path | str | None = None,
    progress: TrialProgress | None = None,
) -> Learned:
    """Learns which prompts work and keeps the model for `Scorer.load()`.

    Args:
        rows: rows to learn from, as `generate` gives them; None for those of the database.
        database_url: the database; None for the one of the settings.
        trials: trials in all, those of an earlier call included; None for 10, under 100 rows 5.
        timeout: seconds after which no trial begins; None for 120, under 100 rows 30.
        ensemble: whether to stack the best of each kind; None for 20 rows or more.
        seed: the same rows and seed give the same model, if time does not run out.
        folder: where studies and models are kept; None for the data folder.
        progress: called with each finished trial and the number of trials.

    Returns:
        The model with its card, where it lies, and the study.

    Raises:
        DataShortfall: fewer than 10 rows (20 for an ensemble), or nothing to be learnt from them.
        InputError: `rows` and `database_url` were both given, or an option is out of range.
        EnvironmentFailure: database or disk.
    """
    from prompt_improver.errors import InputError
    from prompt_improver.installation.initializer import resolve_url
    from prompt_improver.optimization.optimizer import Options, learn
    from prompt_improver.optimization.sources import material_of, read_database
    from prompt_improver.settings import data_folder

    if rows is not None and database_url is not None:
        raise InputError("rows and database_url were both given; name one source.")
    material = material_of(rows) if rows is not None else _finish(read_database(resolve_url(database_url)))
    options = Options(trials, timeout, ensemble, seed)
    return learn(material, options, folder=Path(folder) if folder is not None else data_folder(), progress=progress)


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """The result of asynchronous work; in a thread of its own, since the caller may be in a loop, as in a notebook."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
