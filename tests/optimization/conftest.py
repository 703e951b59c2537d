"""Rows to learn from, and one model that many tests look at."""

from pathlib import Path

import numpy as np
import pytest

from prompt_improver import generate, optimize
from prompt_improver.batch import Batch
from prompt_improver.optimization.optimizer import Learned
from prompt_improver.optimization.rows import LearningRows
from prompt_improver.optimization.sources import material_of


def measured(batch: Batch) -> LearningRows:
    material = material_of(batch)
    return LearningRows.measure(material.table, material.real)


@pytest.fixture(scope="session")
def rows() -> LearningRows:
    return measured(generate(400, seed=3))


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """A small ensemble, made once."""
    return optimize(generate(400, seed=3), trials=3, folder=tmp_path_factory.mktemp("learned"))


@pytest.fixture
def models(learned: Learned, tmp_path: Path) -> Path:
    """A folder of models of this test alone."""
    target = tmp_path / "models" / learned.folder.name
    target.mkdir(parents=True)
    for file in learned.folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    (target.parent / "current").write_text(target.name)
    return target.parent


def mixed(synthetic: LearningRows, count: int, *, seed: int, flip: bool = False, shift: float = 0.0) -> LearningRows:
    """Rows of which the last `count` count as a user's own; `flip` turns their scores round."""
    real = np.arange(len(synthetic)) >= len(synthetic) - count
    rng = np.random.default_rng(seed)
    scores = np.where(real & flip, 1.0 - synthetic.scores, synthetic.scores) + np.where(real, shift * rng.standard_normal(len(synthetic)), 0.0)
    weights = np.where(real, 100.0, 10.0)
    groups = np.where(real, [f"real-{place}" for place in range(len(synthetic))], synthetic.groups)
    return LearningRows(
        synthetic.source, synthetic.table, np.clip(scores, 0, 1), groups.astype(np.str_), synthetic.domains, weights / weights.mean(), real
    )
