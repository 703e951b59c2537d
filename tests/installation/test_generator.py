"""The generator keeps the contract's names and shapes."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from prompt_improver.errors import InputError
from prompt_improver.installation.synthetic_data_generator import ProductionSyntheticDataGenerator
from prompt_improver.settings import data_folder
from prompt_improver.storage.connect import open_engine
from prompt_improver.storage.models import TrainingPrompt
from prompt_improver.storage.schema import prepare_schema
from prompt_improver.storage.urls import database_url


@pytest.mark.parametrize("n", [1, 10, 103])
async def test_the_dictionary_of_the_contract(n):
    data = await ProductionSyntheticDataGenerator(target_samples=n, random_state=1).generate_comprehensive_training_data()
    assert set(data) == {"prompts", "features", "effectiveness_scores", "metadata"}
    assert {len(data[name]) for name in ("prompts", "features", "effectiveness_scores")} == {n}
    assert all(len(pair) == 2 for pair in data["prompts"])
    assert all(len(row) == 6 for row in data["features"])
    meta = data["metadata"]
    assert set(meta) == {"source", "total_samples", "domain_distribution", "quality_validation", "generation_timestamp"}
    assert meta["source"] == "enhanced_synthetic"
    assert meta["total_samples"] == sum(meta["domain_distribution"].values()) == n
    assert meta["quality_validation"]["sample_count"] == n


async def test_rows_enter_a_session_of_the_callers_own():
    generator = ProductionSyntheticDataGenerator(target_samples=25)
    engine = open_engine(database_url(None, data_folder()))
    await prepare_schema(engine)
    data = await generator.generate_comprehensive_training_data()
    async with AsyncSession(engine) as session:
        assert await generator.save_to_database(data, session) == 25
        await session.commit()
        assert (await session.execute(select(func.count()).select_from(TrainingPrompt))).scalar_one() == 25
    with pytest.raises(InputError, match="not what this generator made"):
        await generator.save_to_database({**data, "effectiveness_scores": []}, None)
    await engine.dispose()


def test_the_summary_and_attributes():
    generator = ProductionSyntheticDataGenerator(target_samples=50, domain_distribution={"technical": 0.5, "creative": 0.5})
    assert generator.get_generation_summary()["domain_distribution"] == generator.domain_distribution == {"technical": 0.5, "creative": 0.5}
    assert list(generator.feature_specs) == generator.feature_names
