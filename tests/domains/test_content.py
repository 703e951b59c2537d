"""The built-in content: enough of it, proofread, varied, and nobody else's words."""

import json
import os
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from prompt_improver.domains.content import Domain
from prompt_improver.domains.grammar import BUILT_IN, load_grammar
from prompt_improver.domains.proof import load_vocabulary, proofread, word_runs
from prompt_improver.domains.source import read_domain
from prompt_improver.execution.local import open_run, stream_batches
from prompt_improver.recipe.recipe import make_recipe

REAL = Path(os.environ.get("PROMPT_IMPROVER_REALDATA", Path(__file__).parents[3] / "shared" / "realdata"))


@pytest.fixture(scope="module")
def domains() -> list[Domain]:
    return [read_domain(path) for path in sorted(BUILT_IN.glob("*.toml")) if path.with_suffix("").is_dir()]


def rows_of(seed: int, samples: int = 2000) -> pa.Table:
    return pa.concat_tables([batch.rows for batch in stream_batches(open_run(make_recipe({"samples": samples, "seed": seed})))])


def test_there_is_enough_of_it(domains):
    assert len(domains) == 5
    for domain in domains:
        assert len(domain.families) >= 20
        assert sum(len(family.prompts) for family in domain.families) >= 300


def test_the_proofreader_has_nothing_to_say(domains):
    assert proofread(domains, load_vocabulary()) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("column", ["prompt_text", "enhanced_prompt"])
def test_no_opening_is_worn_out(seed, column):
    openings = Counter(" ".join(text.lower().split()[:3]) for text in rows_of(seed)[column].to_pylist())
    words, count = openings.most_common(1)[0]
    assert count <= 0.02 * 2000, words


def test_loading_reads_compiled_tables_only(monkeypatch):
    monkeypatch.setattr("prompt_improver.domains.source.tomllib.loads", None)
    assert load_grammar(BUILT_IN).domains


def real_texts() -> list[str]:
    texts = []
    for file in sorted(REAL.glob("*.jsonl")):
        for row in map(json.loads, file.read_text(encoding="utf-8").strip().split("\n")):
            texts += [row[key] for key in ("prompt", "original", "improved") if isinstance(row.get(key), str)]
    return texts


@pytest.mark.skipif(not REAL.is_dir(), reason="the real prompts for measuring do not ship with the product")
def test_no_eight_words_in_a_row_are_taken_from_real_prompts():
    real = set().union(*(word_runs(text, 8) for text in real_texts()))
    ours: dict[tuple[str, ...], str] = {}
    for seed in (1, 2):
        rows = rows_of(seed, 12_000)
        for column in ("prompt_text", "enhanced_prompt"):
            for text in rows[column].to_pylist():
                ours.update(dict.fromkeys(word_runs(text, 8), text))
    shared = {" ".join(run): ours[run][:80] for run in ours.keys() & real if sum(word.isalpha() and len(word) > 1 for word in run) >= 5}
    assert shared == {}


def test_a_shared_run_of_eight_words_would_be_seen():
    planted = "Please tell me, Why is the sky blue on a clear day at noon?"
    assert word_runs("why is the sky blue on a clear day", 8) & word_runs(planted, 8)
    assert not word_runs("why is the sky so very blue on a clear day", 8) & word_runs(planted, 8)
