"""Where labelled rows come from: a database, a file, a batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import URL

from prompt_improver.batch import Batch
from prompt_improver.errors import DataShortfall
from prompt_improver.optimization.evaluation import auc_over_median
from prompt_improver.optimization.optimizer import Material
from prompt_improver.storage.connect import open_engine
from prompt_improver.storage.database import LEARNING_COLUMNS, count_rows, find_runs, read_learning_rows
from prompt_improver.storage.parts import read_stored
from prompt_improver.storage.schema import check_schema
from prompt_improver.storage.urls import shown

__all__ = ["MOST_ROWS", "material_of", "read_database", "read_rows"]

MOST_ROWS = 20_000
"""Synthetic rows that are read unless more are asked for; each block of a run is an image of the whole, so the first ones do."""


async def read_database(url: URL, *, most: int = MOST_ROWS) -> Material:
    """Synthetic rows of complete runs, the first `most` of them, and every real row.

    Raises:
        DataShortfall: the database has no tables.
        EnvironmentFailure: it cannot be read.
    """
    engine = open_engine(url)
    try:
        if not await check_schema(engine):
            raise DataShortfall(f"{shown(url)} holds no rows. Make some with: prompt-improver bootstrap")
        synthetic = await read_learning_rows(engine, source="synthetic", limit=most)
        real = await read_learning_rows(engine, source="real")
        runs, present = await find_runs(engine), await count_rows(engine)
    finally:
        await engine.dispose()
    ceilings = [(run.quality_report or {}).get("bayes_auc") for run in runs]
    facts = tuple({"id": run.id, "seed": int(run.seed), "samples": run.samples, "recipe_fingerprint": run.recipe_fingerprint} for run in runs)
    return Material(
        table=pa.concat_tables([synthetic, real]),
        real=np.arange(synthetic.num_rows + real.num_rows) >= synthetic.num_rows,
        runs=facts,
        ceiling=ceilings[0] if len(ceilings) == 1 else None,
        present=sum(present.values()),
    )


def read_rows(path: str | Path, *, most: int = MOST_ROWS) -> Material:
    """The rows of a file or folder that `bootstrap --output` wrote, the first `most` of them.

    Raises:
        InputError: not such a file or folder; a part that is read is missing or altered.
        DataShortfall: it holds no rows.
    """
    batches, rows = [], 0
    found, manifest = read_stored(path)
    for batch in found:
        rows += len(batch)
        if rows - len(batch) < most:
            batches.append(batch)
        elif manifest is not None:  # which says how many rows there are
            rows = sum(part.rows for part in manifest.parts)
            break
    if not batches:
        raise DataShortfall(f"{path} holds no rows. Make some with: prompt-improver bootstrap --output {path}")
    whole = Batch(batches[0].origin, pa.concat_tables([batch.rows for batch in batches]).slice(0, most))
    material = material_of(whole, present=rows)
    return material if manifest is None else replace(material, ceiling=(manifest.report or {}).get("bayes_auc"))


def material_of(batch: Batch, *, present: int | None = None) -> Material:
    """The rows of a batch; with its truth the ceiling is known too."""
    origin, ceiling = batch.origin, None
    scores = batch.rows["effectiveness_score"].to_numpy()
    if batch.truth is not None and len(scores) > 1 and np.ptp(scores) > 0:
        ceiling = auc_over_median(scores, batch.truth["known_score"].to_numpy())
    run: dict[str, Any] = {"id": origin.run_id, "seed": origin.seed, "samples": origin.samples, "recipe_fingerprint": origin.recipe_fingerprint}
    return Material(
        table=batch.rows.select(LEARNING_COLUMNS),
        real=np.array([source == "real" for source in batch.rows["data_source"].to_pylist()], dtype=np.bool_),
        runs=(run,),
        ceiling=ceiling,
        present=len(batch) if present is None else present,
    )
