"""The one value that flows between rooms: rows of a run as an Arrow table, with where they came from."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

__all__ = ["FEATURES", "ROW_SCHEMA", "TIERS", "TRUTH_SCHEMA", "Batch", "Origin"]

FEATURES = ("clarity", "length", "specificity", "complexity", "context_richness", "actionability")
"""The six features, in the order of every feature matrix."""

TIERS = ("low", "medium", "high")

ROW_SCHEMA = pa.schema(
    [
        pa.field("row_index", pa.int64(), nullable=False),
        pa.field("domain", pa.string(), nullable=False),
        pa.field("pattern", pa.string(), nullable=False),
        pa.field("prompt_text", pa.string(), nullable=False),
        pa.field("enhanced_prompt", pa.string(), nullable=False),
        pa.field("rules", pa.list_(pa.string()), nullable=False),
        pa.field("clarity", pa.float64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("specificity", pa.float64(), nullable=False),
        pa.field("complexity", pa.int64(), nullable=False),
        pa.field("context_richness", pa.float64(), nullable=False),
        pa.field("actionability", pa.float64(), nullable=False),
        pa.field("effectiveness_score", pa.float64(), nullable=False),
        pa.field("tier", pa.string(), nullable=False),
        pa.field("data_source", pa.string(), nullable=False),
        pa.field("training_priority", pa.int64(), nullable=False),
        pa.field("is_active", pa.bool_(), nullable=False),
    ]
)
"""Columns of a row, but for `id`, `run_id` and `created_at`, which its store adds."""

TRUTH_SCHEMA = pa.schema(
    [
        pa.field("row_index", pa.int64(), nullable=False),
        pa.field("difficulty", pa.float64(), nullable=False),
        pa.field("care", pa.float64(), nullable=False),
        pa.field("fit", pa.float64(), nullable=False),
        pa.field("seen_score", pa.float64(), nullable=False),
        pa.field("known_score", pa.float64(), nullable=False),
        pa.field("structural_score", pa.float64(), nullable=False),
        pa.field("noise", pa.float64(), nullable=False),
        pa.field("rule_strengths", pa.list_(pa.int8()), nullable=False),
        pa.field("slip", pa.string()),
        pa.field("slip_wrote", pa.string()),
        pa.field("slip_meant", pa.string()),
    ]
)
"""What a learner must not see; written apart on request, joined to a row by `row_index`."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows came from; stored with every run and in the metadata of every file.

    `run_id` is a digest of everything else here, so the same run has the same one everywhere.
    """

    run_id: str
    seed: int
    samples: int
    recipe_fingerprint: str
    extractor: str
    engine_version: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one block, in the order of `row_index`.

    `rows` has `ROW_SCHEMA`; `truth`, where it was asked for, has `TRUTH_SCHEMA` and as many rows.
    """

    origin: Origin
    rows: pa.Table
    truth: pa.Table | None = None

    def __len__(self) -> int:
        return int(self.rows.num_rows)
