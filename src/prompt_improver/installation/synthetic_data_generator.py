"""The generator as the optimiser's code knows it: a thin front."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_improver.batch import FEATURES, ROW_SCHEMA, Batch
from prompt_improver.errors import InputError
from prompt_improver.execution.local import Run, open_run, stream_batches
from prompt_improver.installation.bootstrap import expectation
from prompt_improver.recipe.recipe import Recipe, make_recipe
from prompt_improver.storage.database import save_batch
from prompt_improver.validation.quick import Sample
from prompt_improver.validation.report import build_report

__all__ = ["ProductionSyntheticDataGenerator", "collect"]

SOURCE = "enhanced_synthetic"
FEATURE_SPECS: dict[str, dict[str, Any]] = {
    "clarity": {"range": (0.0, 1.0), "what": "how unambiguous and readable"},
    "length": {"range": (0, None), "what": "size of the text in characters"},
    "specificity": {"range": (0.0, 1.0), "what": "numbers, named things, constraints, exact terms"},
    "complexity": {"range": (1, 10), "what": "how much is asked at once, a whole number"},
    "context_richness": {"range": (0.0, 1.0), "what": "audience, background, purpose, material supplied"},
    "actionability": {"range": (0.0, 1.0), "what": "deliverable, steps, format, success criterion"},
}


def collect(run: Run, workers: int = 1) -> Batch:
    """A whole run as one batch; memory grows with its size."""
    parts = list(stream_batches(run, workers=workers))
    truths = [part.truth for part in parts if part.truth is not None]
    return Batch(run.origin, pa.concat_tables([part.rows for part in parts]), pa.concat_tables(truths))


class ProductionSyntheticDataGenerator:
    """Makes training rows whose texts, features and labels belong together.

    Attributes:
        target_samples: rows that a call makes, exactly.
        domain_distribution: share of each domain; they add up to 1.
        feature_names: the six features, in the order of the columns of `features`.
        feature_specs: range and meaning of each feature.
    """

    def __init__(
        self,
        *,
        target_samples: int = 1000,
        random_state: int = 42,
        domain_distribution: dict[str, float] | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        """Checks the request; nothing is made yet.

        Raises:
            RecipeError: samples, seed or shares are out of range.
            CapacityError: the content holds fewer prompts than asked.
        """
        fields = recipe.model_dump() if recipe is not None else {}
        fields |= {"samples": target_samples, "seed": random_state}
        if domain_distribution is not None:
            fields["domain_distribution"] = dict(domain_distribution)
        self._run = open_run(make_recipe(fields, "ProductionSyntheticDataGenerator"))
        self.target_samples = target_samples
        self.domain_distribution = dict(self._run.shares)
        self.feature_names = list(FEATURES)
        self.feature_specs = FEATURE_SPECS

    async def generate_comprehensive_training_data(self) -> dict[str, Any]:
        """The rows, measured.

        Returns:
            `prompts`: n pairs (original, enhanced); `features`: n x 6 floats; `effectiveness_scores`: n floats in
            [0, 1]; `metadata`: source, total_samples, domain_distribution (rows by domain), quality_validation,
            generation_timestamp. All lists run row by row.
        """
        batch = await asyncio.to_thread(collect, self._run)
        sample = Sample()
        sample.add(batch, gaps=self._run.recipe.tier_gaps)
        report, _ = build_report(sample, expectation(self._run), noise=self._run.recipe.noise)
        self._last = (batch, report)
        return {
            "prompts": list(zip(batch.rows["prompt_text"].to_pylist(), batch.rows["enhanced_prompt"].to_pylist(), strict=True)),
            "features": np.column_stack([batch.rows[name].to_numpy() for name in FEATURES]).tolist(),
            "effectiveness_scores": batch.rows["effectiveness_score"].to_pylist(),
            "metadata": {
                "source": SOURCE,
                "total_samples": len(batch),
                "domain_distribution": sample.tally.domains,
                "quality_validation": report["quality_validation"],
                "generation_timestamp": datetime.now(UTC).isoformat(),
            },
        }

    async def save_to_database(self, training_data: dict[str, Any], session: AsyncSession) -> int:
        """Adds the rows of the last call within the session's transaction; the caller commits.

        Returns:
            Rows added.

        Raises:
            InputError: `training_data` is not what the last call gave.
        """
        batch, report = getattr(self, "_last", (None, {}))
        given = training_data.get("effectiveness_scores")
        if batch is None or given != batch.rows["effectiveness_score"].to_pylist():
            raise InputError("training_data is not what this generator made last; call generate_comprehensive_training_data first.")
        return await save_batch(session, batch, report)

    def get_generation_summary(self) -> dict[str, Any]:
        """What a call makes: sizes, shares, seed, recipe fingerprint, extractor and columns."""
        origin = self._run.origin
        return {
            "target_samples": self.target_samples,
            "domain_distribution": self.domain_distribution,
            "random_state": origin.seed,
            "recipe_fingerprint": origin.recipe_fingerprint,
            "extractor": origin.extractor,
            "engine_version": origin.engine_version,
            "feature_names": self.feature_names,
            "columns": ROW_SCHEMA.names,
        }
