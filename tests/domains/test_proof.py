"""The proofreader finds each planted fault, and none in sound content."""

import pytest

from prompt_improver.domains.proof import load_vocabulary, proofread
from prompt_improver.domains.source import read_domain
from tests.domains.test_source import CLAUSES, HEAD, write

MANY = '["' + '", "'.join(f"{word} Street" for word in "Oak Elm Ash Fir Yew Bay Fig Box Gum Tea Rye Oat Nut Ivy Hop".split()) + '"]'
SOUND = (
    HEAD.replace('["Lisbon", "Osaka", "Quito"]', MANY).replace("to = 30", "to = 1000")
    + '[[family.prompt]]\nkey = "count"\nform = "command"\ntext = "count the trees of {{city}} in {{n}} days"\n'
    + '[[family.prompt.rewrite]]\ntext = "Count the trees of {{city}} in {{n}} days and report them."\nrules = {}\n'
    + CLAUSES
)


def remarks(tmp_path, text, vocabulary=frozenset()):
    return proofread([read_domain(write(tmp_path, text))], vocabulary)


def test_sound_content_gets_no_remark(tmp_path):
    assert remarks(tmp_path, SOUND) == []


@pytest.mark.parametrize(
    "old, new, told",
    [
        ("count the trees of", "count an trees of", "count: 'an trees': the article does not agree"),
        ("and a {{pair.b}}", "and an {{pair.b}}", "trip: rewrite 1: 'an cup': the article does not agree"),
        ("Count the trees", "Count the treess", "'treess' stands in no dictionary"),
        ("Count the trees", "Mail john@company.com the trees", "looks like an e-mail address"),
        ("Count the trees", "Call +44 20 7946 0958, count the trees", "looks like a telephone number"),
        ("Count the trees", "Ask 93.184.216.34, count the trees", "looks like a public network address"),
        ("Count the trees", "Use a pistol, count the trees", "'pistol' is a word that we do not print"),
        ('text = "count the trees of {{city}} in {{n}} days"', 'text = "what can i do in {{city}} with {{n}} in days"', "of their word triples"),
        ("to = 1000", "to = 10", "at least 30 are asked"),
    ],
)
def test_planted_faults_are_found(tmp_path, old, new, told):
    assert old in SOUND
    found = "\n".join(remarks(tmp_path, SOUND.replace(old, new)))
    assert told in found


def test_a_filler_of_another_form_is_found(tmp_path):
    fillers = "[" + ", ".join(f'"going to {street}"' for street in "Oak Elm Ash Fir Yew Bay Fig".split()) + ', "go home"]'
    text = SOUND.replace("[[family]]", f"walk = {fillers}\n[[family]]").replace("in {{n}} days and report", "in {{n}} days, {{walk}}, and report")
    assert any("another form than the rest: 'go home'" in remark for remark in remarks(tmp_path, text))


def test_a_vocabulary_lets_a_word_pass(tmp_path):
    text = SOUND.replace("Count the trees", "Count the zorbles")
    assert remarks(tmp_path, text)
    (tmp_path / "vocabulary.txt").write_text("zorbles\n", encoding="utf-8")
    assert remarks(tmp_path, text, load_vocabulary(tmp_path)) == []
