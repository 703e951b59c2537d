"""Killed at every step, then run again: one complete run, the same bytes, nothing left over."""

import atexit
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import administer
from tests.faults.looks import digest, look, whole_or_nothing

CHILD = Path(__file__).parent / "child.py"
SAMPLES = 24


@cache
def nursery() -> str:
    """Where this process's `child.py` listens."""
    folder = tempfile.mkdtemp(prefix="kill")
    process = subprocess.Popen([sys.executable, str(CHILD), f"{folder}/s"], stdout=subprocess.PIPE, text=True)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(process.communicate)
    atexit.register(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == "listening\n"
    return f"{folder}/s"


def child(kill_at: int, home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PROMPT_IMPROVER_HOME": str(home)}
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(120)
        line.connect(nursery())
        line.sendall(json.dumps({"kill_at": kill_at, "environment": environment, "command": command}).encode() + b"\n")
        with line.makefile() as answer:
            code, out, err = json.load(answer)
    return subprocess.CompletedProcess(command, code, out, err)


def places(steps: list[str]) -> list[int]:
    """Every step to kill at; of a long row of equal ones the first, a middle one and the last."""
    chosen, start = [], 0
    for place in range(1, len(steps) + 1):
        if place == len(steps) or steps[place] != steps[start]:
            chosen += sorted({start, (start + place - 1) // 2, place - 1})
            start = place
    return [place + 1 for place in chosen]


def new_home(base: Path, name: str, cache: Path) -> Path:
    home = base / name
    home.mkdir()
    (home / "cache").symlink_to(cache)
    return home


def leftovers(home: Path) -> list[str]:
    return [path.name for path in home.rglob("*") if path.suffix in (".partial", ".lock", ".db-journal") or path.name.endswith("-journal")]


def kill_everywhere(count: list[str], attempt: Callable[[int], None]) -> int:
    chosen = places(count)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(attempt, chosen))
    return len(chosen)


def steps_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    code, steps = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    return steps


@pytest.mark.faults
@pytest.mark.parametrize("command", ["bootstrap", "install"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_at_every_step_of_a_database_run(kind, command, tmp_path, compiled, request, record_property):
    server = request.getfixturevalue("postgres_server") if kind == "postgresql" else ""

    def database_for(name: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / name / 'rows.db'}"
        administer(server, f"CREATE DATABASE {name}")
        return server.replace("/postgres?", f"/{name}?") if "?" in server else server.rsplit("/", 1)[0] + f"/{name}"

    def words(database: str) -> tuple[str, ...]:
        return (command, "--samples", str(SAMPLES), "--database-url", database)

    prefix = f"k{command}{kind}{os.getpid()}".lower()
    plain = database_for(f"{prefix}0")
    steps = steps_of(child(0, new_home(tmp_path, f"{prefix}0", compiled), *words(plain)))
    wanted = digest(look(plain)[1])
    assert len(look(plain)[1]) == SAMPLES
    seen = []

    def attempt(kill_at: int) -> None:
        name = f"{prefix}{kill_at}"
        database, home = database_for(name), new_home(tmp_path, name, compiled)
        assert child(kill_at, home, *words(database)).returncode == -9
        seen.append(whole_or_nothing(database, SAMPLES))
        steps_of(child(0, home, *words(database)))
        assert whole_or_nothing(database, SAMPLES) == "whole"
        assert digest(look(database)[1]) == wanted
        assert leftovers(home) == []

    record_property("killed", kill_everywhere(steps, attempt))
    assert set(seen) == {"nothing", "whole"}  # both sides of the commit were met


@pytest.mark.faults
@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_killed_at_every_step_of_a_file(suffix, tmp_path, compiled, record_property):
    def words(home: Path) -> tuple[str, ...]:
        return ("bootstrap", "--samples", str(SAMPLES), "--output", str(home / f"rows.{suffix}"), "--truth", str(home / "truth.jsonl"))

    plain = new_home(tmp_path, "plain", compiled)
    steps = steps_of(child(0, plain, *words(plain)))

    def attempt(kill_at: int) -> None:
        home = new_home(tmp_path, f"k{kill_at}", compiled)
        assert child(kill_at, home, *words(home)).returncode == -9
        for name in (f"rows.{suffix}", "truth.jsonl"):
            assert not (home / name).exists() or (home / name).read_bytes() == (plain / name).read_bytes()
        steps_of(child(0, home, *words(home)))
        for name in (f"rows.{suffix}", "truth.jsonl"):
            assert (home / name).read_bytes() == (plain / name).read_bytes()
        assert leftovers(home) == []

    record_property("killed", kill_everywhere(steps, attempt))


@pytest.mark.faults
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_at_every_step_of_an_import(kind, tmp_path, compiled, request, record_property):
    server = request.getfixturevalue("postgres_server") if kind == "postgresql" else ""
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("prompt,score\na,0.1\nb,0.2\n")
    second.write_text("prompt,score\nb,0.9\nc,0.3\nd,0.4\n")

    def database_for(name: str, like: str = "") -> str:
        home = new_home(tmp_path, name, compiled)
        if kind == "sqlite":
            if like:
                shutil.copy(tmp_path / like / "rows.db", home / "rows.db")
            return f"sqlite:///{home / 'rows.db'}"
        administer(server, f"CREATE DATABASE {name}" + (f" TEMPLATE {like}" if like else ""))
        return server.replace("/postgres?", f"/{name}?") if "?" in server else server.rsplit("/", 1)[0] + f"/{name}"

    prefix = f"kimport{kind}{os.getpid()}"
    base = f"{prefix}base"
    empty = database_for(base)
    steps_of(child(0, tmp_path / base, "import", str(first), "--database-url", empty))
    before = digest(look(empty)[1])
    plain = database_for(f"{prefix}0", like=base)
    steps = steps_of(child(0, tmp_path / f"{prefix}0", "import", str(second), "--database-url", plain))
    after = digest(look(plain)[1])
    assert len(look(plain)[1]) == 4
    seen = []

    def attempt(kill_at: int) -> None:
        database, home = database_for(f"{prefix}{kill_at}", like=base), tmp_path / f"{prefix}{kill_at}"
        assert child(kill_at, home, "import", str(second), "--database-url", database).returncode == -9
        seen.append(digest(look(database)[1]))
        steps_of(child(0, home, "import", str(second), "--database-url", database))
        assert digest(look(database)[1]) == after
        assert leftovers(home) == []

    begun = len(steps) - steps[::-1].index("connect")  # what comes before the last connection only reads
    record_property("killed", kill_everywhere(steps[begun:], lambda place: attempt(begun + place)))
    assert set(seen) == {before, after}  # both sides of the commit were met, and nothing between


def test_a_writer_that_commits_by_parts_is_caught(tmp_path):
    """The control: what these tests look for is really there in a naive writer."""
    path = tmp_path / "rows.db"
    shutil.copy(_complete(tmp_path), path)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM training_prompts WHERE row_index >= 10")
    connection.close()
    with pytest.raises(AssertionError):
        whole_or_nothing(f"sqlite:///{path}", SAMPLES)


def _complete(folder: Path) -> Path:
    database = folder / "whole.db"
    run = [sys.executable, "-m", "prompt_improver.cli", "bootstrap", "--samples", str(SAMPLES), "--database-url", f"sqlite:///{database}"]
    subprocess.run(run, check=True, capture_output=True)
    return database


@pytest.mark.parametrize("where", ["connect", "BEGIN IMMEDIATE", "INSERT INTO training_prompts", "commit", "close"])
def test_killed_at_a_step_of_each_kind(where, tmp_path, compiled):
    words = ("bootstrap", "--samples", str(SAMPLES), "--database-url", f"sqlite:///{tmp_path / 'rows.db'}")
    steps = steps_of(child(0, new_home(tmp_path, "plain", compiled), *words))
    wanted = digest(look(words[-1])[1])
    (tmp_path / "rows.db").unlink()
    kill_at = max(place for place, label in enumerate(steps, 1) if label.startswith(where))
    home = new_home(tmp_path, "killed", compiled)
    assert child(kill_at, home, *words).returncode == -9
    whole_or_nothing(words[-1], SAMPLES)
    steps_of(child(0, home, *words))
    assert digest(look(words[-1])[1]) == wanted
