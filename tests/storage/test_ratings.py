"""A user's rated prompts in a file: every column, every scale, every kind of broken line."""

import csv
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt_improver.errors import EnvironmentFailure, InputError
from prompt_improver.storage.ratings import MAX_PROMPT, RatingColumns, read_ratings

PLAIN = RatingColumns()
ALL = RatingColumns(prompt="text", score="stars", original="before", domain="area", group="task", low=1, high=5)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_json_lines(tmp_path):
    path = write(tmp_path / "a.jsonl", '\ufeff{"prompt": " Say hi ", "score": 1, "more": [1]}\r\n\n{"score": 0.25, "prompt": "Say\\nbye"}')
    read = read_ratings(path, PLAIN)
    assert [(row.line, row.prompt, row.original, row.domain, row.score) for row in read.rows] == [
        (1, " Say hi ", " Say hi ", "unknown", 1.0),
        (3, "Say\nbye", "Say\nbye", "unknown", 0.25),
    ]
    assert (read.lines, read.broken, read.repeated) == (2, (), 0)


def test_csv(tmp_path):
    path = write(tmp_path / "a.CSV", '\ufeffscore, prompt \r\n 0.5 ,"Say ""hi"",\r\ntwice"\r\n\r\n1e-1,bye\n,late\n')
    read = read_ratings(path, PLAIN)
    assert [(row.line, row.prompt, row.score) for row in read.rows] == [(2, 'Say "hi",\r\ntwice', 0.5), (5, "bye", 0.1)]
    assert [found.line for found in read.broken] == [6]
    assert read.lines == 3


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv", "text,stars,before,area,task\nNew,4,Old, maths ,7\nOther,2,,,\n"),
        (
            "a.jsonl",
            '{"text": "New", "stars": 4, "before": "Old", "area": " maths ", "task": 7}\n{"text": "Other", "stars": 2, "before": null, "area": ""}\n',
        ),
    ],
)
def test_columns_of_other_names(tmp_path, name, content):
    new, other = read_ratings(write(tmp_path / name, content), ALL).rows
    assert (new.prompt, new.original, new.domain, new.group, new.score) == ("New", "Old", "maths", "7", 0.75)
    assert (other.original, other.domain, other.score) == ("Other", "unknown", 0.25)
    assert other.group.startswith("real-")


def test_rewrites_of_one_prompt_are_a_group(tmp_path):
    pairs = [("A one", "Tell me"), ("A two", " tell  ME\n"), ("A three", "Tell him"), ("tell me", "")]
    lines = [json.dumps({"prompt": prompt, "before": before, "score": 1}) for prompt, before in pairs]
    one, two, three, four = (row.group for row in read_ratings(write(tmp_path / "a.jsonl", "\n".join(lines)), RatingColumns(original="before")).rows)
    assert one == two == four != three
    assert len(one) <= 64


@pytest.mark.parametrize(
    "low, high, given, expected", [(0, 1, 0.3, 0.3), (1, 5, 1, 0), (1, 5, 5, 1), (0, 100, 35, 0.35), (-1, 1, 0, 0.5), (-3, -1, -2.5, 0.25)]
)
def test_scales(tmp_path, low, high, given, expected):
    columns = RatingColumns(low=low, high=high)
    by_json = write(tmp_path / "a.jsonl", json.dumps({"prompt": "x", "score": given}))
    by_csv = write(tmp_path / "a.csv", f"prompt,score\nx,{given}\n")
    assert [read_ratings(path, columns).rows[0].score for path in (by_json, by_csv)] == [expected, expected]


@pytest.mark.parametrize("low, high", [(1, 1), (5, 1), (float("nan"), 1), (0, float("inf")), (-1e308, 1e308)])
def test_a_scale_is_two_numbers_the_lower_one_first(low, high):
    with pytest.raises(InputError, match="lower one first"):
        RatingColumns(low=low, high=high)


def test_a_prompt_rated_more_than_once_has_the_mean(tmp_path):
    scores = [("a", 0.1), ("b", 1), ("a", 0.1), ("c", 0.2), ("a", 0.1), ("c", 0.6)]
    lines = [json.dumps({"prompt": prompt, "score": score, "d": f"d{place}"}) for place, (prompt, score) in enumerate(scores)]
    read = read_ratings(write(tmp_path / "a.jsonl", "\n".join(lines)), RatingColumns(domain="d"))
    assert [(row.prompt, row.score, row.domain, row.line) for row in read.rows] == [("a", 0.1, "d0", 1), ("b", 1.0, "d1", 2), ("c", 0.4, "d3", 4)]
    assert (read.lines, read.repeated) == (6, 2)


@pytest.mark.parametrize(
    "line, column, told",
    [
        ("{", None, "is not JSON"),
        ("[1]", None, "is a list; expected an object"),
        ('"x"', None, "is 'x'; expected an object"),
        ("[" * 100_000, None, "nested too deeply"),
        ('{"prompt": ' + "[" * 100_000 + "]" * 100_000 + ', "score": 1}', None, "nested too deeply"),
        ('{"prompt": "x", "score": ' + "9" * 5000 + "}", None, "number of thousands of digits"),
        (b'{"prompt": "\xff", "score": 1}', None, "is not UTF-8 text at byte 13"),
        ("{}", "prompt", "is missing"),
        ('{"prompt": "x"}', "score", "is missing"),
        ('{"score": 1}', "prompt", "is missing"),
        ('{"prompt": "", "score": 1}', "prompt", "is ''; expected a prompt"),
        ('{"prompt": " \\n\\t", "score": 1}', "prompt", "expected a prompt"),
        ('{"prompt": null, "score": 1}', "prompt", "is null; expected a prompt"),
        ('{"prompt": 7, "score": 1}', "prompt", "is 7; expected a prompt"),
        ('{"prompt": ["x"], "score": 1}', "prompt", "is a list; expected a prompt"),
        ('{"prompt": "a\\u0000b", "score": 1}', "prompt", "NUL character at character 2"),
        ('{"prompt": "a\\ud800b", "score": 1}', "prompt", "is not UTF-8 text at character 2"),
        (json.dumps({"prompt": "x" * (MAX_PROMPT + 1), "score": 1}), "prompt", "has 100,001 characters; expected at most 100,000"),
        ('{"prompt": "x", "score": true}', "score", "is true; expected a number from 0 to 1"),
        ('{"prompt": "x", "score": "0.5"}', "score", "is '0.5'; expected a number"),
        ('{"prompt": "x", "score": null}', "score", "is null; expected a number"),
        ('{"prompt": "x", "score": NaN}', "score", "is nan; expected a number"),
        ('{"prompt": "x", "score": Infinity}', "score", "is inf; expected a number"),
        ('{"prompt": "x", "score": 1e999}', "score", "is inf; expected a number"),
        ('{"prompt": "x", "score": -0.01}', "score", "is -0.01; expected a number"),
        ('{"prompt": "x", "score": 1.0000001}', "score", "is 1.0000001; expected a number"),
        ('{"prompt": "x", "score": ' + "9" * 4000 + "}", "score", "…; expected a number"),
        ('{"prompt": "x", "score": {}}', "score", "is an object; expected a number"),
        ('{"prompt": "x", "score": 1, "before": "' + "x" * (MAX_PROMPT + 1) + '"}', "before", "has 100,001 characters"),
        ('{"prompt": "x", "score": 1, "before": 7}', "before", "is 7; expected a text"),
        ('{"prompt": "x", "score": 1, "area": "' + "x" * 65 + '"}', "area", "has 65 characters; expected at most 64"),
        ('{"prompt": "x", "score": 1, "area": "a\\u0000"}', "area", "NUL character"),
        ('{"prompt": "x", "score": 1, "task": "' + "x" * 65 + '"}', "task", "has 65 characters; expected at most 64"),
        ('{"prompt": "x", "score": 1, "task": true}', "task", "is true; expected a text"),
        ('{"prompt": "x", "score": 1, "task": 1.5}', "task", "is 1.5; expected a text"),
    ],
)
def test_broken_json_lines_are_named(tmp_path, line, column, told):
    good = b'{"prompt": "good", "score": 1, "before": "b", "area": "a", "task": "t"}'
    content = b"\n".join([good, b"", line if isinstance(line, bytes) else line.encode(), good])
    read = read_ratings(write(tmp_path / "a.jsonl", content), RatingColumns(original="before", domain="area", group="task"))
    (found,) = read.broken
    assert (found.line, found.column, read.lines, len(read.rows)) == (3, column, 3, 1)
    assert told in found.problem
    assert len(found.problem) < 200


@pytest.mark.parametrize(
    "row, column, told",
    [
        (b"x", None, "has 1 cells; expected 4 as in the header"),
        (b"x,1,a,t,more", None, "has 5 cells; expected 4 as in the header"),
        (b" ,1,a,t", "prompt", "expected a prompt"),
        (b"a\0b,1,a,t", "prompt", "NUL character at character 2"),
        (b"caf\xe9,1,a,t", "prompt", "is not UTF-8 text at character 4"),
        (b"x" * (MAX_PROMPT + 1) + b",1,a,t", "prompt", "has 100,001 characters"),
        (b"x,,a,t", "score", "is ''; expected a number from 0 to 1"),
        (b"x,high,a,t", "score", "is 'high'; expected a number"),
        (b'x,"0,5",a,t', "score", "is '0,5'; expected a number"),
        (b"x,nan,a,t", "score", "is 'nan'; expected a number"),
        (b"x,inf,a,t", "score", "is 'inf'; expected a number"),
        (b"x,0_1,a,t", "score", "is '0_1'; expected a number"),
        (b"x,True,a,t", "score", "is 'True'; expected a number"),
        ("x,٣,a,t".encode(), "score", "is '٣'; expected a number"),
        (b"x,1e999,a,t", "score", "is inf; expected a number"),
        (b"x," + b"9" * 5000 + b",a,t", "score", "is inf; expected a number"),
        (b"x,7,a,t", "score", "is 7; expected a number"),
        (b"x,1," + b"a" * 65 + b",t", "area", "has 65 characters"),
        (b"x,1,a," + b"t" * 65, "task", "has 65 characters"),
    ],
)
def test_broken_csv_rows_are_named(tmp_path, row, column, told):
    content = b"\n".join([b"prompt,score,area,task", b'"two\nlines",1,a,t', b"", row, b"good,1,a,t"])
    read = read_ratings(write(tmp_path / "a.csv", content), RatingColumns(domain="area", group="task"))
    (found,) = read.broken
    assert (found.line, found.column, read.lines, [row.line for row in read.rows]) == (5, column, 3, [2, 6])
    assert told in found.problem


@pytest.mark.parametrize(
    "name, content, told",
    [
        ("a.txt", "x", "the suffix '.txt' names no format"),
        ("a", "x", "the suffix '' names no format"),
        ("a.jsonl", "", "holds no rated prompts"),
        ("a.jsonl", "\ufeff\n \n", "holds no rated prompts"),
        ("a.csv", "", "holds no rated prompts"),
        ("a.csv", "prompt,score\n\n", "holds no rated prompts"),
        (
            "a.jsonl",
            '{"text": "x", "score": 1}\n{"text": "y"}',
            "no column 'prompt'; it has 'text', 'score'. Name the right one with --prompt-column",
        ),
        ("a.csv", "prompt,rating\nx,1\n", "no column 'score'; it has 'prompt', 'rating'. Name the right one with --score-column"),
        ("a.csv", "a,b\nx,1\n", "no column 'prompt' and no column 'score'; it has 'a', 'b'"),
        ("a.csv", "prompt;score\nx,y;1\n", "it has 'prompt;score'. Cells are parted by commas"),
        ("a.csv", "\x1b[31m,score\nx,1\n", r"it has '\x1b[31m', 'score'"),
        ("a.csv", "prompt,score,prompt\nx,1,y\n", "names the column 'prompt' twice"),
        ("a.csv", 'prompt,score\nx,1\n"y\n,1\nz,1\n', "the row that begins on line 3 is not CSV"),
        ("a.csv", 'prompt,score\n"x"y,1\n', "the row that begins on line 2 is not CSV"),
        ("a.csv", f"prompt,score\n{'x' * 200_000},1\n", "the row that begins on line 2 is not CSV: field larger than field limit"),
        ("a.csv", f"prompt,score\n{'x' * 10_000_001},1\n", "line 2 has more than 10,000,000 characters"),
        ("a.jsonl", "\n" + "x" * 10_000_001, "line 2 has more than 10,000,000 bytes"),
        ("a.csv", "prompt,score\nx,1\n".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        ("a.jsonl", '{"prompt": "x", "score": 1}'.encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, name, content, told):
    with pytest.raises(InputError) as caught:
        read_ratings(write(tmp_path / name, content), PLAIN)
    assert told in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("option", ["original", "domain", "group"])
@pytest.mark.parametrize("name, content", [("a.csv", "prompt,score\nx,1\n"), ("a.jsonl", '{"prompt": "x", "score": 1}')])
def test_a_column_that_was_asked_for_must_be_there(tmp_path, option, name, content):
    with pytest.raises(InputError, match=rf"no column 'mine'; it has 'prompt', 'score'. Name the right one with --{option}-column"):
        read_ratings(write(tmp_path / name, content), RatingColumns(**{option: "mine"}))


def test_many_columns_are_not_all_listed(tmp_path):
    path = write(tmp_path / "a.jsonl", json.dumps({f"c{place}": place for place in range(5000)}))
    with pytest.raises(InputError) as caught:
        read_ratings(path, PLAIN)
    assert "'c29', …" in str(caught.value)


def test_a_folder_and_nothing_at_all(tmp_path):
    (tmp_path / "a.jsonl").mkdir()
    for name, told in (("a.jsonl", "is a folder"), ("b.jsonl", "there is no such file"), ("c.csv", "there is no such file")):
        with pytest.raises(InputError, match=told):
            read_ratings(tmp_path / name, PLAIN)


def test_a_disk_that_fails(tmp_path):
    with pytest.raises(EnvironmentFailure, match="cannot be read"):
        read_ratings(tmp_path / ("x" * 300 + ".csv"), PLAIN)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200).filter(str.strip)
RATED = st.lists(st.tuples(TEXTS, TEXTS, st.floats(0, 1)), min_size=1, max_size=8, unique_by=lambda row: row[0])


@settings(max_examples=200, deadline=None)
@given(rated=RATED, escape=st.booleans())
def test_any_text_comes_through(tmp_path_factory, rated, escape):
    folder = tmp_path_factory.mktemp("any")
    lines = "\n".join(json.dumps({"prompt": prompt, "before": before, "score": score}, ensure_ascii=escape) for prompt, before, score in rated)
    with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["prompt", "before", "score"], *rated])
    for path in (write(folder / "a.jsonl", lines), folder / "a.csv"):
        read = read_ratings(path, RatingColumns(original="before"))
        assert [(row.prompt, row.original, row.score) for row in read.rows] == rated
        assert read.broken == ()


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=200), suffix=st.sampled_from(["csv", "jsonl"]), header=st.booleans())
def test_any_bytes_end_with_rows_or_a_message(tmp_path_factory, content, suffix, header):
    path = write(tmp_path_factory.mktemp("any") / f"a.{suffix}", (b"prompt,score\n" if header else b"") + content)
    told, lines, found = str(path), 1, 1
    try:
        read = read_ratings(path, PLAIN)
        lines, found = read.lines, len(read.rows) + len(read.broken)
    except InputError as error:
        told = str(error)
    assert str(path) in told
    assert lines >= found > 0
