"""The command line as a separate process: what it prints, where, and how it ends."""

import json
import os
import signal
import subprocess
import sys

import pytest

RUN = [sys.executable, "-m", "prompt_improver.cli"]
TELL_MODULES = """
import atexit, sys
from prompt_improver.cli.app import main
atexit.register(lambda: print("MODULES", *sys.modules, file=sys.stderr))
sys.argv[1:] = %r
main()
"""


def run(*arguments: str, **keywords):
    return subprocess.run([*RUN, *arguments], capture_output=True, text=True, check=False, timeout=120, **keywords)


def test_bootstrap_then_status_validate_export_and_again(tmp_path):
    first = run("bootstrap", "--samples", "120", "--json")
    told = json.loads(first.stdout)
    assert (first.returncode, told["rows"], told["written"], told["ready"]) == (0, 120, True, True)
    assert json.loads(run("bootstrap", "--samples", "50", "--json").stdout)["written"] is False
    assert json.loads(run("status", "--json").stdout)["rows"] == {"synthetic": 120}
    assert json.loads(run("validate", "--json").stdout)["ready"] is True
    assert run("export", str(tmp_path / "a.parquet")).returncode == 0
    assert run("bootstrap", "--samples", "120", "--output", str(tmp_path / "b.parquet")).returncode == 0
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert json.loads(run("bootstrap", "--samples", "50", "--replace", "--json").stdout)["replaced"] == 120
    assert json.loads(run("status", "--json").stdout)["rows"] == {"synthetic": 50}


def test_optimize_then_score(tmp_path):
    assert run("optimize").returncode == 1  # nothing to learn from
    run("bootstrap", "--samples", "250")
    status = json.loads(run("status", "--json").stdout)
    assert (status["next"], status["model"][:5]) == ("prompt-improver optimize", "none:")
    done = run("optimize", "--trials", "2", "--json")
    told = json.loads(done.stdout)
    assert done.stderr.count("trial ") == 2
    assert (len(told["trials"]), told["resumed_trials"], told["card"]["rows"]["synthetic"]) == (2, 0, 250)
    assert told["card"]["figures"]["auc"] > 0.7
    again = run("optimize", "--trials", "2")
    assert "2 of an earlier call" in again.stdout
    for name in ("shuffled labels", "domain only", "length only", "bayes ceiling", "MODEL_CARD.md", "prompt-improver score"):
        assert name in again.stdout
    status = json.loads(run("status", "--json").stdout)
    assert status["model"].startswith(told["card"]["model_id"])
    assert status["next"] == "prompt-improver validate"

    alone = json.loads(run("score", "Write a haiku about Osaka.", "--json").stdout)
    assert alone == json.loads(run("score", "-", "--json", input="Write a haiku about Osaka.").stdout)
    shown = run("score", "write about dogs").stdout
    for name in ("effectiveness", "actionability", "give_context", told["card"]["model_id"]):
        assert name in shown
    (tmp_path / "in.jsonl").write_text('{"prompt": "Write a haiku about Osaka."}\n{"prompt": "b"}\n{\n')
    words = ("score", "--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl"))
    refused = run(*words)
    assert (refused.returncode, (tmp_path / "out.jsonl").exists()) == (2, False)
    assert "line 3" in refused.stderr
    done = run(*words, "--skip-invalid", "--json")
    assert (json.loads(done.stdout)["scored"], "line 3" in done.stderr) == (2, True)
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert first == {"prompt": "Write a haiku about Osaka."} | {name: value for name, value in alone.items() if name != "model"}


def test_a_stopped_study_says_how_to_go_on():
    run("bootstrap", "--samples", "120")
    process = subprocess.Popen([*RUN, "optimize", "--trials", "5000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline().startswith("trial   1 of 5000")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == "stopped; nothing was half-written. Run the same command again."
    assert "of an earlier call" in run("optimize", "--trials", "2").stdout


def test_rows_of_a_file_are_learnt_from(tmp_path):
    run("bootstrap", "--samples", "60", "--output", str(tmp_path / "rows.parquet"))
    told = json.loads(run("optimize", "--input", str(tmp_path / "rows.parquet"), "--rows", "40", "--trials", "1", "--json").stdout)
    assert (told["card"]["rows"]["synthetic"], told["card"]["rows"]["present"], told["card"]["figures"]["rows"]) == (40, 60, 40)


def test_install_twice():
    first, second = run("install", "--samples", "30"), run("install", "--samples", "30")
    assert (first.returncode, second.returncode) == (0, 0)
    assert "30 in " in first.stdout
    assert "nothing to do: everything was in place already" in second.stdout
    assert json.loads(run("install", "--no-bootstrap", "--json").stdout)["changed"] is False


def test_a_failing_bootstrap_leaves_a_working_installation():
    done = run("install", "--samples", "9000000000000")
    assert done.returncode == 2
    assert run("install", "--samples", "9000000000").returncode == 2  # more than the content holds
    assert run("install", "--samples", "9000000000").stderr.splitlines()[-1] == "go on with: prompt-improver bootstrap"
    assert run("bootstrap", "--samples", "20").returncode == 0


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["bootstrap", "--samples", "0"], 2),
        (["bootstrap", "--samples", "-1"], 2),
        (["bootstrap", "--samples", "abc"], 2),
        (["bootstrap", "--seed", "x"], 2),
        (["bootstrap", "--recipe", "missing.toml"], 2),
        (["bootstrap", "--recipe", "broken.toml"], 2),
        (["bootstrap", "--recipe", "unknown-domain.toml"], 2),
        (["bootstrap", "--recipe", "shares.toml"], 2),
        (["bootstrap", "--recipe", "folder.toml"], 2),
        (["bootstrap", "--output", "rows.xls"], 2),
        (["bootstrap", "--output", "no/such/folder/rows.csv"], 3),
        (["bootstrap", "--output", "a.csv", "--truth", "a.csv"], 2),
        (["bootstrap", "--database-url", "mysql://u:hunter2@h/x"], 2),
        (["bootstrap", "--database-url", "nonsense"], 2),
        (["bootstrap", "--database-url", "postgresql://u:hunter2@127.0.0.1:9/x"], 3),
        (["bootstrap", "--database-url", "sqlite:///broken.toml/x.db"], 3),
        (["validate", "--database-url", "sqlite:///broken.toml"], 3),
        (["validate"], 1),
        (["validate", "--input", "missing.parquet"], 2),
        (["validate", "--input", "broken.jsonl"], 2),
        (["validate", "--input", "broken.parquet"], 2),
        (["validate", "--input", "broken.csv"], 2),
        (["export", "x.parquet"], 1),
        (["import"], 2),
        (["import", "missing.jsonl"], 2),
        (["import", "."], 2),
        (["import", "broken.toml"], 2),
        (["import", "broken.jsonl"], 2),
        (["import", "broken.csv"], 2),
        (["import", "broken.jsonl", "--skip-invalid"], 2),
        (["import", "rated.csv", "--scale", "1"], 2),
        (["import", "rated.csv", "--scale", "1", "x"], 2),
        (["import", "rated.csv", "--scale", "5", "1"], 2),
        (["import", "rated.csv", "--scale", "nan", "1"], 2),
        (["import", "rated.csv", "--domain-column", "area"], 2),
        (["import", "rated.csv", "--database-url", "mysql://u:hunter2@h/x"], 2),
        (["import", "rated.csv", "--database-url", "postgresql://u:hunter2@127.0.0.1:9/x"], 3),
        (["import", "rated.csv", "--database-url", "sqlite:///broken.toml"], 3),
        (["domains", "check", "."], 2),
        (["domains", "list", "nowhere"], 2),
        (["optimize"], 1),
        (["optimize", "--trials", "0"], 2),
        (["optimize", "--timeout", "-1"], 2),
        (["optimize", "--seed", "-1"], 2),
        (["optimize", "--input", "broken.csv"], 2),
        (["optimize", "--input", "a.parquet", "--database-url", "sqlite:///b.db"], 2),
        (["score"], 2),
        (["score", ""], 2),
        (["score", "a"], 1),
        (["score", "a", "--input", "broken.jsonl"], 2),
        (["score", "--input", "broken.jsonl"], 2),
        (["score", "--input", "broken.jsonl", "--output", "x.csv"], 2),
        (["score", "a", "--model", "nowhere"], 1),
        (["score", "a", "--skip-invalid"], 2),
        (["score", "a" * 100_001], 2),
        (["frobnicate"], 2),
    ],
)
def test_bad_input_ends_with_one_message(tmp_path, arguments, code):
    (tmp_path / "broken.toml").write_text("samples = [")
    (tmp_path / "unknown-domain.toml").write_text("[domain_distribution]\nsports = 1.0\n")
    (tmp_path / "shares.toml").write_text("[domain_distribution]\ntechnical = 0.5\n")
    (tmp_path / "folder.toml").write_text('domains_folder = "nowhere"\n')
    (tmp_path / "broken.jsonl").write_text('{"row_index": 0}\n{')
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    (tmp_path / "broken.csv").write_text("a,b\n1\n")
    (tmp_path / "rated.csv").write_text("prompt,score\nWrite a haiku.,1\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert done.stderr.strip()
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_errors_are_json_too():
    done = run("bootstrap", "--samples", "0", "--json")
    assert json.loads(done.stdout)["error"]["exit_code"] == done.returncode == 2


def test_preview_stores_nothing():
    done = run("bootstrap", "--preview", "2")
    assert done.stdout.count("effectiveness ") == 2
    assert json.loads(run("status", "--json").stdout)["rows"] == 0


def test_the_truth_goes_to_a_file_of_its_own(tmp_path):
    run("bootstrap", "--samples", "30", "--output", str(tmp_path / "rows.jsonl"), "--truth", str(tmp_path / "truth.jsonl"))
    rows, truth = ([json.loads(line) for line in (tmp_path / name).read_text().splitlines()] for name in ("rows.jsonl", "truth.jsonl"))
    assert [row["row_index"] for row in rows] == [row["row_index"] for row in truth] == list(range(30))
    assert not {"structural_score", "noise", "care", "difficulty"} & set(rows[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl", "truth.jsonl"]


FIGURES = {"run_id", "rows", "written", "replaced", "where", "made", "seconds", "phases", "rows_per_second", "bytes", "peak_memory"}
FIGURES |= {"engine", "workers", "parts", "kept", "report", "ready"}


@pytest.mark.parametrize("place", ["rows.parquet", "rows.jsonl", "rows.csv", "rows/", "sqlite", "postgresql"])
def test_the_final_figures_are_the_same_fields_for_every_output(place, tmp_path, request):
    url = {"sqlite": f"sqlite:///{tmp_path}/rows.db", "postgresql": place == "postgresql" and request.getfixturevalue("postgres_url")}
    words = ["--database-url", url[place]] if place in url else ["--output", f"{tmp_path}/{place}"]
    done = run("bootstrap", "--samples", "9000", "--workers", "2", "--json", *words)
    told = json.loads(done.stdout)
    assert (done.stderr, set(told)) == ("", FIGURES)
    assert (told["rows"], told["made"], told["written"], told["engine"], told["workers"]) == (9000, 9000, True, "local", 2)
    assert list(told["phases"]) == ["plan", "make_and_write", "check"]
    assert min(told["phases"].values()) > 0
    assert told["seconds"] == pytest.approx(sum(told["phases"].values()))
    assert told["rows_per_second"] == pytest.approx(9000 / told["seconds"], abs=0.1)
    assert 50e6 < told["peak_memory"] < 2e9
    assert (told["parts"], told["kept"]) == ((1, 0) if place == "rows/" else (None, None))
    if place != "postgresql":
        assert told["bytes"] == sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file() and path.name != "manifest.json")
    assert 1e6 < told["bytes"] < 3e7
    if not place.startswith("rows."):
        again = json.loads(run("bootstrap", "--samples", "9000", "--json", *words).stdout)
        assert (again["written"], again["rows"], again["made"], again["rows_per_second"]) == (False, 9000, 0, 0)
        exact = place != "postgresql"  # whose housekeeping adds pages of its own
        assert again["bytes"] == pytest.approx(told["bytes"], rel=0 if exact else 0.05, abs=0)


def test_the_truth_of_a_folder_stands_beside_its_parts(tmp_path):
    folder = f"{tmp_path}/rows/"
    refused = run("bootstrap", "--samples", "30", "--output", folder, "--truth", str(tmp_path / "truth.jsonl"))
    assert (refused.returncode, list(tmp_path.iterdir())) == (2, [])
    assert f"--output {folder} --truth {folder}" in refused.stderr
    assert run("bootstrap", "--samples", "30", "--output", folder, "--truth", str(tmp_path / "rows")).returncode == 0
    assert sorted(path.name for path in (tmp_path / "rows").iterdir()) == ["manifest.json", "part-00000.parquet", "truth-00000.parquet"]


def test_import_twice_then_status(tmp_path):
    (tmp_path / "r.csv").write_text("text,stars\nWrite a haiku about Osaka.,5\ndo it,2\ndo it,1\n,3\nx,9\n", encoding="utf-8")
    command = ["import", str(tmp_path / "r.csv"), "--prompt-column", "text", "--score-column", "stars", "--scale", "1", "5"]
    refused = run(*command)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[1:3] == ["  line 5: 'text' is ''; expected a prompt", "  line 6: 'stars' is 9; expected a number from 1 to 5"]
    assert json.loads(run("status", "--json").stdout)["rows"] == 0
    dry = run(*command, "--skip-invalid", "--dry-run")
    assert (dry.returncode, "2 added" in dry.stdout, "nothing was stored" in dry.stdout) == (0, True, True)
    assert json.loads(run("status", "--json").stdout)["rows"] == 0
    done = run(*command, "--skip-invalid")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].endswith("5 lines of " + command[1] + ", 2 left out")
    assert "1 prompt was rated more than once; the mean is kept" in done.stdout
    assert "2 added, 0 updated, 0 unchanged in " in done.stdout
    assert done.stdout.splitlines()[-1] == "next       prompt-improver optimize"
    assert "  line 5: 'text' is ''" in done.stderr
    again = run(*command, "--skip-invalid", "--json")
    told = json.loads(again.stdout)
    assert (told["added"], told["updated"], told["unchanged"], told["written"], told["repeated"]) == (0, 0, 2, False, 1)
    assert [(found["line"], found["column"]) for found in told["skipped"]] == [(5, "text"), (6, "stars")]
    assert json.loads(run("status", "--json").stdout)["rows"] == {"real": 2}
    told = run("status").stdout.splitlines()
    assert (told[2], told[-1]) == ("rows         2 real", "next         prompt-improver bootstrap")
    assert run("install", "--samples", "20").returncode == 0
    assert json.loads(run("bootstrap", "--samples", "30", "--replace", "--json").stdout)["replaced"] == 20
    assert json.loads(run("status", "--json").stdout)["rows"] == {"real": 2, "synthetic": 30}


def test_features_of_a_text_and_of_standard_input():
    by_argument = run("features", "Write a haiku about Osaka.", "--json")
    by_pipe = run("features", "-", "--json", input="Write a haiku about Osaka.")
    assert json.loads(by_argument.stdout) == json.loads(by_pipe.stdout)
    assert json.loads(by_argument.stdout)["features"]["length"] == 26
    assert run("features", "").returncode == 0


@pytest.mark.parametrize(
    "command",
    [[], ["install"], ["bootstrap"], ["import"], ["validate"], ["features"], ["status"], ["export"], ["domains", "check"], ["domains", "list"]],
)
def test_help_shows_examples(command):
    done = run(*command, "--help")
    assert done.returncode == 0
    assert command == [] or "Example" in done.stdout


@pytest.mark.parametrize(
    "arguments, banned",
    [
        (["--help"], {"numpy", "pyarrow", "sqlalchemy", "sklearn", "pydantic"}),
        (["bootstrap", "--samples", "20"], {"sklearn", "scipy", "optuna", "alembic", "asyncpg"}),
        (["bootstrap", "--samples", "20", "--output", "{folder}/rows/"], {"sklearn", "scipy", "optuna", "sqlalchemy", "sqlmodel"}),
    ],
)
def test_slow_packages_are_imported_where_they_are_used(arguments, banned, tmp_path):
    arguments = [argument.format(folder=tmp_path) for argument in arguments]
    done = subprocess.run([sys.executable, "-c", TELL_MODULES % arguments], capture_output=True, text=True, check=False, env=os.environ)
    loaded = done.stderr.split("MODULES", 1)[1].split()
    assert not banned & set(loaded)
