"""Near-copies against brute force over Python's sets, and texts that a careless search would take hours or gigabytes for."""

import hashlib
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt_improver import generate
from prompt_improver.validation.near import chance_found, find_near_copies


def column(texts: list[str], *, chunk: int = 1000) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(texts[place : place + chunk], pa.string()) for place in range(0, len(texts), chunk)], type=pa.string())


def alike(left: str, right: str) -> float:
    one, other = (set(text.lower().split()) or {""} for text in (left, right))
    return len(one & other) / len(one | other)


def best_earlier(texts: list[str]) -> list[float]:
    return [max((alike(text, other) for other in texts[:place]), default=0.0) for place, text in enumerate(texts)]


def planted(similarity: tuple[int, int], *, pairs: int, seed: int) -> list[str]:
    """Strangers, then for each a copy with which it has so many of so many words in common."""
    rng = np.random.default_rng(seed)
    common, every = similarity
    apart = (every - common) // 2
    words = rng.permutation(pairs * every).reshape(pairs, every).astype(str)
    firsts, seconds = words[:, : common + apart], np.column_stack([words[:, :common], words[:, common + apart :]])
    return [" ".join(rng.permutation(row)) for row in (*firsts, *seconds)]


words = st.lists(st.sampled_from("a b c d e f g h".split()), max_size=7).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(words, max_size=6), st.sampled_from([0.5, 0.8, 1.0]))
def test_what_is_named_is_an_earlier_text_as_alike_as_told(texts, threshold):
    found = find_near_copies(column(texts, chunk=2), threshold=threshold)
    best = best_earlier(texts)
    assert len(found.earlier) == len(found.similarity) == len(texts)
    for place, (earlier, similarity) in enumerate(zip(found.earlier, found.similarity, strict=True)):
        if earlier >= 0:
            assert earlier < place
            assert threshold <= similarity == alike(texts[place], texts[earlier])
        else:
            assert similarity == 0
            assert best[place] < 1  # a text that stands there already is never missed among so few


@pytest.mark.parametrize("similarity", [(38, 42), (48, 60), (42, 60)], ids=lambda pair: f"{pair[0] / pair[1]:.2f}")
def test_planted_copies_are_found_as_often_as_told(similarity):
    texts = planted(similarity, pairs=3000, seed=5)
    found = find_near_copies(column(texts), threshold=similarity[0] / similarity[1])
    assert (found.earlier[:3000] == -1).all()
    hits = found.earlier[3000:] == np.arange(3000)
    chance = chance_found(similarity[0] / similarity[1])
    assert abs(hits.mean() - chance) <= 4 * (chance * (1 - chance) / 3000) ** 0.5 + 0.5 / 3000


def test_prompts_with_an_earlier_one_nearly_alike_are_those_of_brute_force():
    texts = generate(1500, seed=11).rows["prompt_text"].to_pylist()
    texts += [f"{text} please" for text in texts[::3]]
    truth = np.array(best_earlier(texts)) >= 0.8
    got = find_near_copies(column(texts)).earlier >= 0
    assert not (got & ~truth).any()
    assert (got & truth).sum() >= 0.99 * truth.sum() > 350


def test_the_answer_does_not_depend_on_how_texts_are_chunked_and_is_the_same_everywhere():
    texts = [" ".join(f"w{(row * 7 + k * k) % 97}" for k in range(9 + row % 5)) for row in range(600)]
    found, other = (find_near_copies(column(texts, chunk=chunk), threshold=0.6) for chunk in (7, 600))
    assert found.earlier.tolist() == other.earlier.tolist()
    assert found.similarity.tolist() == other.similarity.tolist()
    assert hashlib.sha256(repr(found.earlier.tolist()).encode()).hexdigest()[:16] == "2104b7a932da1ec1"


STEM = " ".join(f"w{number}" for number in range(40))


@pytest.mark.parametrize(
    "texts, share",
    [
        ([], 0.0),
        (["", " \n", "a", "A ", "b"], 0.4),
        ([""] * 30_000, 1 - 1 / 30_000),
        ([STEM] * 30_000, 1 - 1 / 30_000),
        ([f"{STEM} {number}" for number in range(30_000)], 1 - 1 / 30_000),
        ([f"{STEM} " + " ".join(f"{number}/{k}" for k in range(7)) for number in range(30_000)], 0.0),  # all in one band, none alike enough
        ([f"{STEM} {number}" for number in range(50)] + ["x" * 5_000_000, " ".join(map(str, range(400_000)))], 49 / 52),
    ],
    ids=["none", "few", "empty", "equal", "nearly equal", "just too far", "giants"],
)
def test_texts_that_are_all_alike_take_bounded_memory(texts, share):
    given = column(texts, chunk=30_000)
    tracemalloc.start()
    found = find_near_copies(given)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.share == pytest.approx(share, abs=1e-9)
    assert most < 200e6


def test_a_short_text_differs_by_case_and_space_only():
    found = find_near_copies(column(["Write a  POEM", "write\na poem ", "write a poem now"]))
    assert (found.earlier.tolist(), found.similarity.tolist()) == ([-1, 0, -1], [0.0, 1.0, 0.0])
