"""Scores: of known shape, the same alone and among others, and right about rows that were never seen."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt_improver import Scorer, generate, optimize
from prompt_improver.batch import FEATURES, TIERS
from prompt_improver.domains.content import RULES
from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.features.extractor import extract
from prompt_improver.optimization.evaluation import auc_over_median
from prompt_improver.optimization.score_file import score_file
from prompt_improver.storage.lines import MAX_PROMPT


@pytest.fixture(scope="module")
def scorer(learned):
    return Scorer(learned.model)


@settings(max_examples=30)
@given(texts=st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=200), max_size=6))
def test_any_text_has_a_score_that_does_not_depend_on_the_others(scorer, texts):
    scores = scorer.score(texts)
    assert scores == [scorer.score([text])[0] for text in texts]
    for text, score in zip(texts, scores, strict=True):
        low, high = score.interval
        assert 0.0 <= low <= score.effectiveness_score <= high <= 1.0
        assert score.tier in TIERS
        assert list(score.features.values()) == extract([text])[0].tolist()
        assert list(score.features) == list(FEATURES)
        assert {gain.rule for gain in score.rules} <= set(RULES)
        assert all(0 < gain.low <= gain.gain <= gain.high for gain in score.rules)
        assert [gain.gain for gain in score.rules] == sorted((gain.gain for gain in score.rules), reverse=True)


def test_rows_of_another_seed_are_ranked_and_covered(scorer):
    rows = generate(2000, seed=77).rows
    scores, truth = scorer.score(rows["enhanced_prompt"].to_pylist()), rows["effectiveness_score"].to_numpy()
    assert auc_over_median(truth, np.array([score.effectiveness_score for score in scores])) > 0.78
    inside = [score.interval[0] <= value <= score.interval[1] for score, value in zip(scores, truth, strict=True)]
    assert 0.86 <= np.mean(inside) <= 0.97


@pytest.mark.parametrize("seed", [3, 42])
def test_context_is_advised_where_there_is_none(seed, tmp_path):
    scorer = Scorer(optimize(generate(1000, seed=seed), trials=2, folder=tmp_path).model)  # of 400 rows the order of the rules is chance
    bare, told = scorer.score(["write about dogs", "I am a vet and my clients are children. Explain in 5 sentences why dogs need water."])
    gains = [{gain.rule: gain.gain for gain in score.rules}.get("give_context", 0.0) for score in (bare, told)]
    assert bare.rules[0].rule == "give_context"
    assert gains[0] > 2 * gains[1]
    assert told.effectiveness_score > bare.effectiveness_score


def write(path, *lines):
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_a_file_keeps_its_order_and_its_fields(scorer, tmp_path):
    texts = [f"Write {count} lines about rain." for count in range(50)]
    source = write(tmp_path / "in.jsonl", *(json.dumps({"id": place, "prompt": text}) for place, text in enumerate(texts)))
    done = score_file(scorer, source, tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert (done.lines, done.scored, done.skipped) == (50, 50, ())
    assert [(row["id"], row["prompt"]) for row in rows] == list(enumerate(texts))
    assert [row["effectiveness_score"] for row in rows] == [score.effectiveness_score for score in scorer.score(texts)]


def test_parts_of_a_file_are_scored_as_the_whole(scorer, tmp_path, monkeypatch):
    source = write(tmp_path / "in.jsonl", *(json.dumps({"prompt": f"{count} words"}) for count in range(23)))
    score_file(scorer, source, tmp_path / "whole.jsonl")
    monkeypatch.setattr("prompt_improver.optimization.score_file._PART", 7)
    score_file(scorer, source, tmp_path / "parts.jsonl")
    assert (tmp_path / "parts.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


BROKEN = {
    "{": "is not JSON",
    "[]": "expected an object",
    "{}": "is missing",
    '{"prompt": 3}': "expected a text",
    '{"prompt": null}': "expected a text",
    json.dumps({"prompt": "a" * (MAX_PROMPT + 1)}): "expected at most",
    '{"prompt": "\\ud800"}': "not UTF-8 text",
    "[" * 100_000: "nested too deeply",
    '{"prompt": "a", "note": "\\ud800"}': "not UTF-8 text",
    '{"prompt": "a", "note": NaN}': "no number",
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_named_and_nothing_is_written(scorer, tmp_path, line):
    source = write(tmp_path / "in.jsonl", '{"prompt": "first"}', line, "", '{"prompt": "last"}')
    with pytest.raises(InputError, match=f"1 of 3 lines.*\n  line 2: .*{BROKEN[line]}"):
        score_file(scorer, source, tmp_path / "out.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl"]
    done = score_file(scorer, source, tmp_path / "out.jsonl", skip_invalid=True)
    assert [row["prompt"] for row in map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())] == ["first", "last"]
    assert [found.line for found in done.skipped] == [2]


def test_an_older_file_of_scores_stays_when_the_new_one_fails(scorer, tmp_path):
    target = write(tmp_path / "out.jsonl", "old")
    with pytest.raises(InputError, match="No line is left to score"):
        score_file(scorer, write(tmp_path / "in.jsonl", "{"), target, skip_invalid=True)
    with pytest.raises(InputError, match="holds no prompts"):
        score_file(scorer, write(tmp_path / "none.jsonl"), target)
    with pytest.raises(EnvironmentFailure, match="could not be written"):
        score_file(scorer, write(tmp_path / "in.jsonl", '{"prompt": "a"}'), tmp_path / "no" / "out.jsonl")
    assert target.read_text() == "old\n"


def test_input_and_output_are_two_files(scorer, tmp_path):
    source = write(tmp_path / "in.jsonl", '{"prompt": "a"}')
    (tmp_path / "link.jsonl").symlink_to(source)
    for target in (source, tmp_path / "." / "in.jsonl", tmp_path / "link.jsonl"):
        with pytest.raises(InputError, match="both input and output"):
            score_file(scorer, source, target)
    assert source.read_text() == '{"prompt": "a"}\n'


def test_fields_that_give_way_to_the_score_are_named(scorer, tmp_path):
    source = write(tmp_path / "in.jsonl", '{"prompt": "a", "tier": "mine", "id": 4}', '{"prompt": "b", "rules": []}')
    assert score_file(scorer, source, tmp_path / "out.jsonl").replaced == ("rules", "tier")
    assert json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])["id"] == 4


def test_a_cell_of_another_encoding_is_a_broken_line(scorer, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"prompt,author\nWrite a poem,Jos\xe9\nb,c\n")
    with pytest.raises(InputError, match="line 2: holds a field that is not UTF-8"):
        score_file(scorer, tmp_path / "in.csv", tmp_path / "out.jsonl")


def test_one_text_is_no_list_of_texts(scorer):
    with pytest.raises(InputError, match="expected a list"):
        scorer.score("abc")
    assert scorer.score(np.array(["abc"], dtype=object)) == scorer.score(["abc"])


def test_another_column_and_csv(scorer, tmp_path):
    source = write(tmp_path / "in.csv", "id,text", '1,"Write a haiku, please."', "2,Explain DNS.")
    score_file(scorer, source, tmp_path / "out.jsonl", column="text")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == ["Write a haiku, please.", "Explain DNS."]
    with pytest.raises(InputError, match=r"no column 'prompt'; it has 'id', 'text'.*--prompt-column"):
        score_file(scorer, source, tmp_path / "out.jsonl")
