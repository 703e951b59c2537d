"""Progress on standard error: rate and time left of the phase under way, a line now and then where there is no terminal."""

import os
import pty
import subprocess
import sys

import pytest

from prompt_improver.cli import progress as progress_module
from prompt_improver.cli.progress import PhaseProgress

RUN = [sys.executable, "-m", "prompt_improver.cli", "bootstrap"]


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def tell(progress: PhaseProgress, clock: Clock, phase: str, total: int, steps: list[tuple[float, int]]) -> None:
    for seconds, done in steps:
        clock.now += seconds
        progress(phase, done, total)


def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end(clock, capsys):
    with PhaseProgress() as progress:
        tell(progress, clock, "make_and_write", 10_000, [(0, 0), *[(1, 100 * step) for step in range(1, 100)], (1, 10_000)])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "made 1,000 of 10,000 rows, 100 rows/s, 90 s left"
    assert lines[1] == "made 2,000 of 10,000 rows, 100 rows/s, 80 s left"
    assert lines[-1] == "made 10,000 of 10,000 rows"
    assert len(lines) == 10


def test_rows_of_an_earlier_call_say_nothing_about_the_rate(clock, capsys):
    with PhaseProgress() as progress:
        tell(progress, clock, "make_and_write", 10_000_000, [(0, 9_000_000), (10, 9_001_000)])
    assert capsys.readouterr().err == "made 9,001,000 of 10,000,000 rows, 100 rows/s, 2 h 46 min left\n"


def test_each_phase_has_a_rate_of_its_own(clock, capsys):
    with PhaseProgress() as progress:
        tell(progress, clock, "verify", 4000, [(0, 1000), (20, 2000)])
        tell(progress, clock, "make_and_write", 4000, [(0, 2000), (5, 4000)])
        tell(progress, clock, "check", 4000, [(0, 0), (11, 1000), (1, 4000)])
    assert capsys.readouterr().err.splitlines() == [
        "compared 2,000 of 4,000 rows, 50 rows/s, 40 s left",
        "made 4,000 of 4,000 rows",
        "checked 1,000 of 4,000 rows, 91 rows/s, 33 s left",
    ]


def test_nothing_is_told_where_nobody_looks(clock, capsys):
    with PhaseProgress(shown=False) as progress:
        tell(progress, clock, "make_and_write", 100, [(0, 0), (100, 50), (100, 100)])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("output", ["rows.parquet", "rows/", None])
def test_a_terminal_shows_a_bar_with_rate_and_time_left(output, tmp_path):
    done, shown = on_a_terminal("--samples", "120000", *(["--output", str(tmp_path) + "/" + output] if output else []))
    assert done == 0
    for words in ("making rows", "checking rows", " rows/s, ", " s left", "/120000"):
        assert words in shown


def test_validate_shows_one_too(tmp_path):
    subprocess.run([*RUN, "--samples", "9000", "--output", f"{tmp_path}/rows.parquet"], check=True, capture_output=True)
    done, shown = on_a_terminal("--input", f"{tmp_path}/rows.parquet", command="validate")
    assert (done, "checking rows" in shown, "9000/9000" in shown) == (0, True, True)


def test_json_is_silent_on_a_terminal_too(tmp_path):
    assert on_a_terminal("--samples", "9000", "--output", f"{tmp_path}/rows.parquet", "--json") == (0, "")


def on_a_terminal(*words: str, command: str = "bootstrap") -> tuple[int, str]:
    """How a command ends whose standard error is a terminal, and what it shows there."""
    ours, its = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen([*RUN[:-1], command, *words], stdout=subprocess.DEVNULL, stderr=its, env=environment)
    os.close(its)
    shown = b""
    while True:
        try:
            shown += (piece := os.read(ours, 65536))
        except OSError:  # the other end is closed
            break
        if not piece:
            break
    os.close(ours)
    return process.wait(60), shown.decode()
