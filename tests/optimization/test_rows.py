"""What a learner sees: text, six features, counts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prompt_improver.features.counts import COUNTS, count_text
from prompt_improver.features.extractor import extract
from prompt_improver.optimization.rows import COUNTED, LENGTH, SIX, TEXT, build_table


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=120), min_size=1, max_size=8))
def test_the_table_holds_text_features_and_counts(texts):
    table, features = build_table(texts)
    assert table[:, TEXT].tolist() == texts
    assert np.array_equal(features, extract(texts))
    expected = features.copy()
    expected[:, 1] = np.log1p(features[:, 1])
    assert np.array_equal(table[:, SIX].astype(float), expected)
    assert np.array_equal(table[:, LENGTH][:, 0].astype(float), np.log1p([len(text) for text in texts]))
    words = np.array([count_text(text)[COUNTS.index("words")] for text in texts])
    assert np.allclose(table[:, COUNTED].astype(float), np.array([count_text(text) for text in texts]) / np.sqrt(words + 4.0)[:, None])


def test_a_digest_sees_texts_labels_groups_and_order(rows):
    whole = rows.digest()
    assert rows.take(np.arange(len(rows))).digest() == whole
    assert rows.take(np.arange(len(rows))[::-1]).digest() != whole
    assert rows.take(np.arange(len(rows) - 1)).digest() != whole
    changed = rows.take(np.arange(len(rows)))
    changed.scores[0] += 1e-9
    assert changed.digest() != whole
