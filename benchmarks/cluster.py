"""Parts made by Ray, beside threads of one process."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.figures import Figure
from benchmarks.pairs import paired
from benchmarks.workload import SEED, lacking, recipe_of, scratch
from prompt_improver.execution.cluster import load_ray
from prompt_improver.installation.parts import PART_BLOCKS, bootstrap_folder

__all__ = ["measure"]

_WORKERS = 2


def measure(*, rounds: int, quick: bool) -> Iterator[Figure]:
    """Two workers against two threads; the cluster and its workers have started before."""
    n, part_blocks = (20_000, 1) if quick else (2_000_000, PART_BLOCKS)
    work, told = "Ray, two workers, part files, start-up apart", "two threads of one process"
    if reason := lacking("ray"):
        yield Figure("cluster.ray", work, told, limit=1.2, missing=reason)
        return
    ray = load_ray()
    ray.init(num_cpus=_WORKERS, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        took, floors = paired(partial(_run, n, "ray", part_blocks), partial(_run, n, "local", part_blocks), rounds=rounds)
    finally:
        ray.shutdown()
    note = f"parts of {part_blocks * 4096:,} rows; Ray's workers give way to other processes (niceness 15), so another load slows them more"
    yield Figure("cluster.ray", work, told, n, n, seed=SEED, limit=1.2, ours=took, floors=floors, note=note)


def _run(n: int, engine: str, part_blocks: int) -> float:
    with scratch() as folder:
        return bootstrap_folder(recipe_of(n), f"{folder}/rows/", engine=engine, workers=_WORKERS, part_blocks=part_blocks).seconds
