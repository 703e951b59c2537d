"""Real rows beside synthetic ones: the right ones are judged on, and what is said of them is so."""

import asyncio

import numpy as np
import pytest

from prompt_improver import generate, optimize
from prompt_improver.optimization.evaluation import make_folds
from prompt_improver.optimization.mixing import OVERFIT_GAP, _worth, compare_kinds
from prompt_improver.optimization.optimizer import _choose_judged
from prompt_improver.optimization.pipelines import STARTS
from prompt_improver.storage.urls import database_url
from tests.optimization.conftest import mixed


def compared(rows, real_auc, seed=1):
    return compare_kinds(STARTS[0], rows, make_folds(rows, folds=3, seed=seed, judged=rows.real), real_auc=real_auc, seed=seed)


def test_real_rows_of_the_same_kind_leave_no_gap(rows):
    both = mixed(rows, 100, seed=1)
    found = compared(both, 0.8)
    assert not found["overfit_warning"]
    assert found["mixing_ratio"]["rows"] == 0.25
    assert found["mixing_ratio"]["weight"] == pytest.approx(100 * 100 / (100 * 100 + 300 * 10))
    assert found["synthetic_only_auc"] > 0.7
    assert found["worth_real_rows"] is None or found["worth_real_rows"] > 8
    assert [point["rows"] for point in found["curve"]] == [8, 16, 32, 64, 66]


def test_real_rows_that_say_the_opposite_are_warned_about(rows):
    found = compared(mixed(rows, 100, seed=1, flip=True), 0.4)
    assert found["overfit_warning"]
    assert found["gap"] > OVERFIT_GAP
    assert found["synthetic_only_auc"] < 0.4
    assert found["worth_real_rows"] == 0.0  # worse than no rows at all


def test_a_text_that_was_rated_is_not_learnt_from_elsewhere(rows):
    """The same texts once more with the user's own scores, which are noise: nothing is to be found."""
    count, rng = 100, np.random.default_rng(1)
    places = np.concatenate([np.arange(len(rows)), np.arange(count)])
    twice = rows.take(places)
    twice.scores[:count] = twice.scores[len(rows) :] = rng.random(count)
    twice.real[len(rows) :] = True
    clean = twice.without_rated()
    assert len(clean) == len(rows)
    assert clean.real.sum() == count
    assert abs(compared(clean, 0.5)["synthetic_only_auc"] - 0.5) < 0.12
    assert rows.without_rated().digest() == rows.digest()


@pytest.mark.parametrize(
    "curve, reached, worth",
    [
        ([(8, 0.6), (16, 0.7)], 0.65, 12.0),
        ([(8, 0.6), (16, 0.7)], 0.7, 16.0),
        ([(8, 0.6), (16, 0.7)], 0.55, 4.0),
        ([(8, 0.6), (16, 0.7)], 0.3, 0.0),
        ([(8, 0.6), (16, 0.7)], 0.9, None),
        ([(8, 0.4), (16, 0.7)], 0.55, 12.0),
    ],
)
def test_worth_is_read_off_the_curve(curve, reached, worth):
    assert _worth([{"rows": rows, "auc": auc} for rows, auc in curve], reached) == worth


@pytest.mark.parametrize("count, judged_on_real", [(0, False), (19, False), (20, True), (100, True)])
def test_real_rows_are_judged_on_alone_from_twenty_on(rows, count, judged_on_real):
    both = mixed(rows, count, seed=1)
    judged = _choose_judged(both, 1)
    assert len(judged.places) == (count if judged_on_real else len(both))
    assert both.real[judged.places].all() == judged_on_real
    assert (judged.note == "") == (count == 0 or judged_on_real)


def test_ratings_that_are_all_the_same_do_not_stop_learning(rows):
    both = mixed(rows, 30, seed=1)
    both.scores[both.real] = 1.0
    judged = _choose_judged(both, 1)
    assert len(judged.places) == len(both)
    assert judged.note == "30 real rows, but only 0 of the rarer half: too few to be judged on alone"


async def test_rows_of_a_database_are_read_with_their_priority(database, tmp_path):
    from prompt_improver.installation.bootstrap import bootstrap_database
    from prompt_improver.installation.ratings import import_file
    from prompt_improver.optimization.sources import read_database
    from prompt_improver.recipe.recipe import make_recipe
    from prompt_improver.storage.ratings import RatingColumns

    url = database_url(database, tmp_path)
    run = await bootstrap_database(make_recipe({"samples": 150}, "test"), url)
    lines = [f'{{"prompt": "Explain topic {place} to a pupil.", "score": {place % 7}}}' for place in range(30)]
    (tmp_path / "r.jsonl").write_text("\n".join(lines))
    await import_file(tmp_path / "r.jsonl", url, RatingColumns(low=0, high=6))
    material = await read_database(url, most=100)
    assert (material.table.num_rows, int(material.real.sum()), material.present) == (130, 30, 180)
    assert material.runs[0]["id"] == run.run_id
    assert material.ceiling == run.report["bayes_auc"]
    assert material.table["training_priority"].to_pylist() == [10] * 100 + [100] * 30
    learned = await asyncio.to_thread(optimize, database_url=database, trials=2, folder=tmp_path)
    assert learned.card.rows["judged_on"] == "real"
    assert learned.card.figures["rows"] == 30
    assert learned.card.baselines["bayes_ceiling"] is None
    assert learned.card.real["mixing_ratio"]["rows"] == pytest.approx(30 / 180)
    assert "Real rows" in (learned.folder / "MODEL_CARD.md").read_text()


def test_a_ceiling_is_known_where_the_truth_is(tmp_path):
    batch = generate(300, seed=1)
    card = optimize(batch, trials=1, ensemble=False, folder=tmp_path).card
    assert card.baselines["bayes_ceiling"] > card.figures["auc"]
    assert np.isfinite(card.half_width)
