"""Domain files: mistakes are named with file, family and key; clashing texts are found."""

from pathlib import Path

import pytest

from prompt_improver.domains.clashes import find_clashes
from prompt_improver.domains.compile import read_folder
from prompt_improver.domains.content import RULES, STRENGTHS
from prompt_improver.domains.grammar import BUILT_IN, load_grammar
from prompt_improver.domains.source import read_domain
from prompt_improver.errors import DomainError

HEAD = """format = 1
name = "tiny"
title = "A tiny domain"
share = 1.0
[envelopes]
clarity = [0, 1]
length = [1, 500]
specificity = [0, 1]
complexity = [1, 10]
context_richness = [0, 1]
actionability = [0, 1]
[slots]
city = ["Lisbon", "Osaka", "Quito"]
pair = [{ a = "tea", b = "cup" }, { a = "ink", b = "pen" }]
n = { from = 10, to = 30, step = 10 }
[[family]]
name = "visit"
about = "Going somewhere"
difficulty = 0.5
[[family.prompt]]
key = "trip"
form = "question"
text = "what can i do in {{city}} with {{pair.a}}"
[[family.prompt.rewrite]]
text = "Name two things to do in {{city}} with {{pair.a}} and a {{pair.b}}."
rules = { name_specifics = "well" }
"""
CLAUSES = "[family.clauses]\n" + "".join(
    f"[family.clauses.{rule}]\n" + "".join(f'{strength} = ["Clause {rule} {strength}, {{{{n}}}} words."]\n' for strength in STRENGTHS)
    for rule in RULES
)


def write(folder: Path, text: str, name: str = "tiny.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sound_file_is_read(tmp_path):
    domain = read_domain(write(tmp_path, HEAD + CLAUSES))
    assert domain.families[0].slots["n"][""] == ("10", "20", "30")
    assert domain.families[0].prompts[0].rewrites[0].rules == {"name_specifics": "well"}


@pytest.mark.parametrize(
    "old, new, told",
    [
        ("format = 1", "format = 2", "reads format 1"),
        ("share = 1.0", "share = 2.0", "share: 2.0"),
        ("clarity = [0, 1]", "clarity = [1, 0]", "'clarity'"),
        ('["Lisbon", "Osaka", "Quito"]', '["Lisbon", "Lisbon"]', "city: filler 'lisbon' stands twice"),
        ("{ from = 10, to = 30, step = 10 }", "{ from = 10, to = 30, step = 0 }", "slots: n"),
        ('in {{city}} with {{pair.a}}"', 'in {{town}} with {{pair.a}}"', "family visit: prompt trip: text: slot {{town}}"),
        ('in {{city}} with {{pair.a}}"', 'in {{city}}s with {{pair.a}}"', "glued"),
        ('in {{city}} with {{pair.a}}"', 'in {{city}} with {{pair.a}}/{{pair.b}}"', "glued"),
        ("with {{pair.a}} and a {{pair.b}}.", "with tea.", "slot 'pair'"),
        ("and a {{pair.b}}.", "and a {{pair.c}}.", "no such field"),
        ('form = "question"', 'form = "shout"', "prompt trip: 'form'"),
        ('name_specifics = "well"', 'name_things = "well"', "rewrite 1: rule 'name_things'"),
        ('name_specifics = "well"', 'name_specifics = "nicely"', "'nicely'"),
        ("difficulty = 0.5", "difficulty = 5", "family visit: 'difficulty'"),
        ("difficulty = 0.5", 'difficulty = 0.5\ncolour = "red"', "'colour' is not a known key"),
        ('badly = ["Clause cut_padding badly, {{n}} words."]', "", "clauses: cut_padding: badly"),
        ('["Clause cut_padding badly, {{n}} words."]', '["{{n}} words."]', "starts with a slot"),
        ('["Clause cut_padding badly, {{n}} words."]', '["No end mark"]', "no end mark"),
        ("[envelopes]", "[envelopes", "not valid TOML"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, told):
    text = HEAD + CLAUSES
    assert old in text
    with pytest.raises(DomainError) as caught:
        read_domain(write(tmp_path, text.replace(old, new)))
    assert told in str(caught.value)
    assert "tiny.toml" in str(caught.value)


@pytest.mark.parametrize(
    "fillers, text, rewrite, clashes",
    [
        ('["Paris", "Lyon"]', "go to {{city}} with {{pair.a}}", "Go to {{city}} with {{pair.a}}.", False),
        ('["Paris", "Paris with tea"]', "go to {{city}} with {{pair.a}}", "Go: {{city}}; {{pair.a}}.", False),
        ('["a", "a tea"]', "{{pair.a}} {{city}}", "Go: {{city}}; {{pair.a}}.", False),
        ('["a", "a b", "b a", "b"]', "{{city}} {{city2}} {{pair.a}}", "Go: {{city}}; {{city2}}; {{pair.a}}.", True),
        ('["Paris", "Lyon"]', "go to {{city}} with {{pair.a}}", "{{city}}, {{pair.a}}. Clause cut_padding badly, tea.", False),
    ],
)
def test_clashes_within_a_prompt(tmp_path, fillers, text, rewrite, clashes):
    head = HEAD.replace('["Lisbon", "Osaka", "Quito"]', f"{fillers}\ncity2 = {fillers}")
    head = head.replace("what can i do in {{city}} with {{pair.a}}", text)
    head = head.replace("Name two things to do in {{city}} with {{pair.a}} and a {{pair.b}}.", rewrite)
    assert bool(find_clashes([read_domain(write(tmp_path, head + CLAUSES))])) is clashes


def test_clashes_between_prompts_and_with_clauses(tmp_path):
    other = '[[family.prompt]]\nkey = "{key}"\nform = "question"\ntext = "{text}"\n[[family.prompt.rewrite]]\ntext = "{rewrite}"\nrules = {{}}\n'
    same = other.format(key="b", text="what can i do in {{city}} with tea", rewrite="Now {{city}}.")
    behind = other.format(
        key="c", text="see {{city}}", rewrite="Name two things to do in {{city}} with tea and a cup. Clause cut_padding badly, yes."
    )
    fine = other.format(key="d", text="see {{city}}", rewrite="Look at {{city}}.")
    assert find_clashes([read_domain(write(tmp_path, HEAD + same + CLAUSES))])
    assert find_clashes([read_domain(write(tmp_path, HEAD + behind + CLAUSES))])
    assert not find_clashes([read_domain(write(tmp_path, HEAD + fine + CLAUSES))])


def test_a_folder_without_domains_is_refused(tmp_path):
    with pytest.raises(DomainError, match="found none"):
        read_folder(tmp_path)


def test_an_own_folder_is_compiled_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMPT_IMPROVER_HOME", str(tmp_path / "home"))
    folder = tmp_path / "domains"
    folder.mkdir()
    write(folder, HEAD + CLAUSES)
    first = load_grammar(folder)
    assert first.capacity(0) == 6
    assert len(list((tmp_path / "home" / "cache").glob("*.grammar"))) == 1
    write(folder, HEAD.replace('"Quito"', '"Quito", "Oslo"') + CLAUSES)
    assert load_grammar(folder).capacity(0) == 8


def test_the_built_in_content_holds_enough():
    grammar = load_grammar(BUILT_IN)
    names = [facts.name for facts in grammar.domains]
    assert sorted(names) == ["analytical", "conversational", "creative", "instructional", "technical"]
    assert all(int((grammar["family_domain"] == number).sum()) >= 12 for number in range(5))
    shares = {"technical": 0.25, "creative": 0.20, "analytical": 0.20, "instructional": 0.20, "conversational": 0.15}
    assert all(grammar.capacity(names.index(name)) >= share * 10_000_000 for name, share in shares.items())


def test_families_of_a_folder_follow_those_of_the_file(tmp_path):
    path = write(tmp_path, HEAD + CLAUSES)
    (tmp_path / "tiny").mkdir()
    family = "[[family]]" + (HEAD + CLAUSES).split("[[family]]", 1)[1]
    write(
        tmp_path,
        family.replace('name = "visit"', 'name = "stay"').replace("what can i do", "where can i sleep").replace("do in", "see in"),
        "tiny/stay.toml",
    )
    domain = read_domain(path)
    assert [family.name for family in domain.families] == ["visit", "stay"]
    assert domain.families[1].slots["city"] == domain.families[0].slots["city"]
    write(tmp_path, 'format = 1\n[[family]]\nname = "x"\n', "tiny/stay.toml")
    with pytest.raises(DomainError, match=r"stay\.toml: top: 'format' is not a known key"):
        read_domain(path)


def test_clauses_of_the_file_serve_families_without_their_own(tmp_path):
    shared = CLAUSES.replace("[family.clauses", "[clauses")
    own = '[family.clauses.ask_format]\nwell = ["Answer in a table of {{n}} rows."]\n'
    domain = read_domain(write(tmp_path, HEAD.replace("[slots]", shared.replace("[clauses]\n", "", 1) + "[slots]") + own))
    clauses = domain.families[0].clauses
    assert str(clauses["ask_format", "well"][0].parts[0]) == "Answer in a table of "
    assert str(clauses["ask_format", "badly"][0].parts[0]) == "Clause ask_format badly, "


def test_an_article_agrees_with_every_filler(tmp_path):
    text = HEAD.replace("and a {{pair.b}}", "and {{a pair.b}}").replace('b = "cup"', 'b = "urn"')
    ref = read_domain(write(tmp_path, text + CLAUSES)).families[0].prompts[0].rewrites[0].text.refs[-1]
    assert read_domain(write(tmp_path, text + CLAUSES)).families[0].slots[ref.slot][ref.field] == ("an urn", "a pen")
