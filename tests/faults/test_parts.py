"""A folder of part files, killed anywhere and made again: the bytes of an undisturbed run, and finished parts are not made twice."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.faults.test_environment import run, small_disk
from tests.faults.test_kills import child, kill_everywhere, new_home, steps_of

__all__ = ["small_disk"]  # a fixture

SAMPLES = 2 * 4096 + 50


def words(folder: Path, *, samples: int = SAMPLES, workers: int = 2, truth: bool = False, blocks: int = 1) -> tuple[str, ...]:
    plain = ("bootstrap", "--samples", str(samples), "--output", f"{folder}/", "--part-blocks", str(blocks), "--workers", str(workers))
    return (*plain, "--truth", f"{folder}/") if truth else plain


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def check_promise(folder: Path, wanted: dict[str, bytes]) -> list[str]:
    """What holds at every moment: files that the manifest names are whole; gives their names."""
    if not (folder / "manifest.json").exists():
        return []
    parts = json.loads((folder / "manifest.json").read_text())["parts"]
    named = [file["name"] for part in parts for file in (part, part["truth"]) if file]
    assert all((folder / name).read_bytes() == wanted[name] for name in named)
    return named


def begun_at(folder: Path) -> int:
    """When the manifest was last put in place; every call that has something to make begins with that."""
    path = folder / "manifest.json"
    return path.stat().st_mtime_ns if path.exists() else 0


@pytest.mark.faults
@pytest.mark.parametrize("workers, truth", [(1, True), (2, False)])
def test_killed_at_every_step_of_a_folder(workers, truth, tmp_path, compiled, record_property):
    how = partial(words, workers=workers, truth=truth)
    plain = new_home(tmp_path, "plain", compiled)
    steps = steps_of(child(0, plain, *how(plain / "rows")))
    wanted, seen = contents(plain / "rows"), set()
    assert {"write", "open", "os.rename", "os.mkdir"} <= set(steps)

    def attempt(kill_at: int) -> None:
        home = new_home(tmp_path, f"k{kill_at}", compiled)
        folder = home / "rows"
        assert child(kill_at, home, *how(folder)).returncode == -signal.SIGKILL
        named = check_promise(folder, wanted) if folder.exists() else []
        times = {name: (folder / name).stat().st_mtime_ns for name in named}
        steps_of(child(0, home, *how(folder)))
        assert contents(folder) == wanted
        assert {name: (folder / name).stat().st_mtime_ns for name in named} == times  # kept, not made again
        seen.add(len(named))

    record_property("killed", kill_everywhere(steps, attempt))
    assert seen == ({0, 2, 4, 6} if truth else {0, 1, 2, 3})


@pytest.mark.faults
def test_killed_while_another_run_is_replaced(tmp_path, compiled):
    def replacing(home: Path) -> tuple[str, ...]:
        return (*words(home / "rows", samples=5000), "--replace")

    steps_of(child(0, new_home(tmp_path, "old", compiled), *words(tmp_path / "old" / "rows")))

    def old(name: str) -> Path:
        home = new_home(tmp_path, name, compiled)
        shutil.copytree(tmp_path / "old" / "rows", home / "rows")
        return home

    plain = old("plain")
    steps = steps_of(child(0, plain, *replacing(plain)))
    wanted = contents(plain / "rows")
    assert set(wanted) == {"manifest.json", "part-00000.parquet", "part-00001.parquet"}

    def attempt(kill_at: int) -> None:
        home = old(f"k{kill_at}")
        assert child(kill_at, home, *replacing(home)).returncode == -signal.SIGKILL
        steps_of(child(0, home, *replacing(home)))
        assert contents(home / "rows") == wanted

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(attempt, [place for place, label in enumerate(steps, 1) if label != "write"]))


def test_killed_again_and_again_at_random_moments(tmp_path):
    chance, samples, begun = random.Random(1), 12 * 4096, time.monotonic()
    assert run(*words(tmp_path / "plain", samples=samples)).returncode == 0
    wanted, folder, most, took = contents(tmp_path / "plain"), tmp_path / "rows", 0, time.monotonic() - begun
    for _ in range(4):
        before = begun_at(folder)
        process = subprocess.Popen([sys.executable, "-m", "prompt_improver.cli", *words(folder, samples=samples)], stderr=subprocess.DEVNULL)
        while process.poll() is None and begun_at(folder) == before:
            time.sleep(0.005)
        time.sleep(chance.random() * took / 2)  # an undisturbed one takes about that long after its start
        process.kill()
        process.wait()
        named = check_promise(folder, wanted)
        assert len(named) >= most  # what was finished stays finished
        most = len(named)
    assert most > 0
    assert run(*words(folder, samples=samples)).returncode == 0
    assert contents(folder) == wanted


def test_a_killed_run_at_one_step_of_each_kind(tmp_path, compiled):
    plain = new_home(tmp_path, "plain", compiled)
    steps = steps_of(child(0, plain, *words(plain / "rows")))
    wanted = contents(plain / "rows")
    for kind in ("write", "os.rename"):
        home = new_home(tmp_path, kind, compiled)
        places = [place for place, label in enumerate(steps, 1) if label == kind]
        assert child(places[len(places) // 2], home, *words(home / "rows")).returncode == -signal.SIGKILL
        check_promise(home / "rows", wanted)
        steps_of(child(0, home, *words(home / "rows")))
        assert contents(home / "rows") == wanted


def test_a_writer_without_a_manifest_last_is_caught(tmp_path):
    """The control: a manifest that names a part before it is whole breaks what these tests look for."""
    assert run(*words(tmp_path / "rows")).returncode == 0
    wanted = contents(tmp_path / "rows")
    (tmp_path / "rows" / "part-00001.parquet").write_bytes(wanted["part-00001.parquet"][:-100])
    with pytest.raises(AssertionError):
        check_promise(tmp_path / "rows", wanted)


def test_an_interrupted_run_does_not_finish_the_part_in_flight(tmp_path):
    folder = tmp_path / "rows"
    command = words(folder, samples=512 * 4096, blocks=256, workers=1)
    process = subprocess.Popen([sys.executable, "-m", "prompt_improver.cli", *command], stderr=subprocess.PIPE, text=True)
    while not list(folder.glob(".part-*")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "stopped; nothing was half-written. Run the same command again."
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("truth", [False, True])
def test_a_full_disk_keeps_what_is_finished(truth, small_disk: Path, tmp_path):
    assert run(*words(tmp_path / "plain", samples=6 * 4096, truth=truth)).returncode == 0
    wanted = contents(tmp_path / "plain")
    size = sum(map(len, wanted.values()))
    subprocess.run(["mount", "-o", f"remount,size={size * 2 // 3}", str(small_disk)], check=True)
    done = run(*words(small_disk / "rows", samples=6 * 4096, truth=truth))
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr.splitlines()[-1]
    assert not list((small_disk / "rows").glob(".*"))
    named = check_promise(small_disk / "rows", wanted)
    assert len(named) >= 2
    subprocess.run(["mount", "-o", f"remount,size={size * 2}", str(small_disk)], check=True)
    told = json.loads(run(*words(small_disk / "rows", samples=6 * 4096, truth=truth), "--json").stdout)
    assert told["kept"] == len(named) / (1 + truth)
    assert contents(small_disk / "rows") == wanted


def test_a_folder_that_cannot_be_written_is_one_message(small_disk: Path):
    (small_disk / "rows").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for folder in ("rows", "new"):
        done = run(*words(small_disk / folder))
        assert done.returncode == 3, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert "Read-only file system" in done.stderr
