"""Prompt Improver: training rows for a prompt optimiser that nobody has used yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prompt_improver.batch import Batch

__all__ = ["generate"]


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
