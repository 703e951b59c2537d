"""Counts add up by parts; features are defined for any text and agree however many are measured at once."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prompt_improver.batch import FEATURES
from prompt_improver.features.counts import COUNTS, TOKEN, count_piece, count_text, lexicon
from prompt_improver.features.extractor import extract, extractor_id

WORDS = st.sampled_from(
    ["write", "a", "list", "of", "3", "cities,", "at", "least", "Osaka", "stuff.", "Then", "explain", "why?", "\n-", "foo_bar", "e.g.", "😀", "дом"]
)


def count(text, name):
    return count_text(text)[COUNTS.index(name)]


@pytest.mark.parametrize(
    "text, name, expected",
    [
        ("Write a list. Explain it, then compare both.", "directive", 3),
        ("I write every day", "directive", 0),
        ("at least 3 items and at most 5", "numbers", 2),
        ("Tell Anna about Lisbon", "named", 2),
        ("Lisbon is nice", "named", 0),
        ("use pandas.DataFrame and my_table in src/app.py", "code", 3),
        ("teh quikc fox", "unknown", 2),
        ("Is it? Yes. Really!", "sentences", 3),
        ("Is it? Yes. Really!", "questions", 1),
        ("a\nb\n\nc", "lines", 2),
        ('say "yes"', "quotes", 2),
        ("for example such as", "example", 3),
        ("naïve café 12km", "unknown", 0),
        ("It’s a McCafé, m² and Über", "unknown", 0),
        ("respÐ¾nd and DetermÑne", "unknown", 2),
        ("write it. then read. Done. e.g. so", "uncapped", 3),
        ("Use it.\nand this", "uncapped", 0),
    ],
)
def test_counts_of_known_texts(text, name, expected):
    assert count(text, name) == expected


@given(st.lists(WORDS, min_size=2, max_size=30), st.data())
def test_counts_add_up_over_pieces_and_seams(words, data):
    place = data.draw(st.integers(1, len(words) - 1))
    parts = [" ".join(words[:place]) + " ", " ".join(words[place:])]
    whole, (left, right) = count_piece("".join(parts)), map(count_piece, parts)
    seam = [lexicon().pair(left.last, right.first).count(i) for i in range(len(COUNTS))] if min(left.last, right.first) >= 0 else [0] * len(COUNTS)
    assert list(whole.counts) == [a + b + c for a, b, c in zip(left.counts, right.counts, seam, strict=True)]


@given(st.text(max_size=300))
@example("")
@example("\x00\ud7ff \u200b\ufeff")
@example("def f(x):\n    return {'a': x}\n```")
def test_any_text_has_defined_features(text):
    row = extract([text])[0]
    assert np.isfinite(row).all()
    assert row[1] == len(text)
    assert row[3] == int(row[3])
    assert 1 <= row[3] <= 10
    assert all(0 <= row[FEATURES.index(name)] <= 1 for name in FEATURES if name not in ("length", "complexity"))


@pytest.mark.parametrize("text", ["a" * 100_000, "word " * 20_000, "!" * 100_000, "\n" * 100_000, "é😀字" * 30_000])
def test_large_texts_have_defined_features(text):
    assert np.isfinite(extract([text])).all()


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=80), min_size=1, max_size=40))
def test_one_by_one_equals_all_at_once(texts):
    assert np.array_equal(extract(texts), np.vstack([extract([text]) for text in texts]))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_tokens_cover_everything_but_blanks(text):
    assert "".join(TOKEN.findall(text)).replace("\n", "").split() == [] or "".join("".join(TOKEN.findall(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "better, worse, name",
    [
        ("Explain how DNS works.", "Explain hwo DNS wroks.", "clarity"),
        ("Explain how DNS works.", "explain how DNS works.", "clarity"),
        ("Describe entropy.", "Would you mind telling me what entropy is?", "clarity"),
        ("Describe thermodynamic equilibrium.", "Describe what it is like.", "specificity"),
        ("List 5 cities in Peru under 2000 m.", "List some cities or so.", "specificity"),
        ("Write a haiku about rain.", "rain", "actionability"),
        ("I am a nurse and my patients are children; explain fever.", "Explain fever.", "context_richness"),
        ("List the steps, compare both, then draw a table with 3 columns.", "List the steps.", "complexity"),
    ],
)
def test_features_point_the_right_way(better, worse, name):
    one, other = extract([better, worse])[:, FEATURES.index(name)]
    assert one > other


def test_extractor_names_itself():
    name, _, digest = extractor_id().partition("+")
    assert name == "prompt-features/3"
    assert len(digest) == 12
