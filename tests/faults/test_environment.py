"""Many at once, servers that die, disks that fill up, folders that cannot be written."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.faults.looks import look, whole_or_nothing

RUN = [sys.executable, "-m", "prompt_improver.cli"]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([*RUN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*arguments: str, **keywords) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUN, *arguments], capture_output=True, text=True, check=False, timeout=60, **keywords)


def test_eight_installers_at_once_end_with_one_run(database):
    several = [start("install", "--samples", "40", "--database-url", database) for _ in range(8)]
    endings = [one.communicate(timeout=120) for one in several]
    assert [one.returncode for one in several] == [0] * 8, endings
    assert whole_or_nothing(database, 40) == "whole"


def test_others_go_on_when_the_holder_is_killed(database):
    assert run("bootstrap", "--samples", "10", "--database-url", database).returncode == 0
    holder = start("bootstrap", "--samples", "60000", "--replace", "--database-url", database)
    time.sleep(2.5)
    waiting = start("bootstrap", "--samples", "30", "--replace", "--database-url", database)
    time.sleep(0.5)
    holder.kill()
    holder.communicate()
    _, said = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, said
    assert whole_or_nothing(database, 30) == "whole"


def test_a_reader_sees_the_old_run_or_the_new_one(database):
    assert run("bootstrap", "--samples", "10", "--database-url", database).returncode == 0
    writer = start("bootstrap", "--samples", "12000", "--replace", "--database-url", database)
    sizes = set()
    while writer.poll() is None:
        sizes.add(len(look(database)[1]))
        time.sleep(0.05)
    writer.communicate()
    sizes.add(len(look(database)[1]))
    assert sizes == {10, 12000}


class Server:
    """A PostgreSQL server that can be stopped the hard way and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": tempfile.mkdtemp(prefix="run")}

    def start(self) -> str:
        run = [sys.executable, str(Path(__file__).parent / "server.py"), str(self.folder)]
        return subprocess.run(run, env=self.environment, capture_output=True, text=True, check=True).stdout.strip()

    def stop(self) -> None:
        postmaster = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGQUIT)  # what `pg_ctl stop -m immediate` sends
        while Path(f"/proc/{postmaster}").exists() and "zombie" not in Path(f"/proc/{postmaster}/status").read_text():
            time.sleep(0.05)


async def copying(url: str) -> bool:
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active'"))
    finally:
        await connection.close()


@pytest.mark.faults
def test_the_server_is_stopped_in_mid_write(tmp_path):
    server = Server(tmp_path / "pg")
    for _ in range(5):
        url = server.start()
        writer = start("bootstrap", "--samples", "200000", "--database-url", url)
        while not asyncio.run(copying(url)):
            assert writer.poll() is None
        server.stop()
        _, said = writer.communicate(timeout=60)
        assert writer.returncode == 3, said
        assert "Traceback" not in said
    url = server.start()
    assert whole_or_nothing(url, 0) == "nothing"
    assert run("bootstrap", "--samples", "30", "--database-url", url).returncode == 0
    assert whole_or_nothing(url, 30) == "whole"
    server.stop()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:hunter2@127.0.0.1:9/rows",  # no server
        "sqlite:////proc/nowhere/rows.db",  # no folder can be made
        "sqlite:////dev/null/rows.db",  # below a file
    ],
)
def test_no_database_is_one_message_in_time(url):
    begun = time.monotonic()
    done = run("bootstrap", "--database-url", url)
    assert done.returncode == 3
    assert time.monotonic() - begun < 10
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_server_that_never_answers_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        done = run("bootstrap", "--database-url", f"postgresql://someone:hunter2@127.0.0.1:{silent.getsockname()[1]}/rows")
        assert done.returncode == 3, done.stderr
        assert time.monotonic() - begun < 10
        assert "hunter2" not in done.stderr


def test_a_database_that_does_not_exist_is_named(postgres_url):
    url = postgres_url.replace("/t", "/missing_t", 1)
    done = run("bootstrap", "--database-url", url)
    assert done.returncode == 3
    assert "does not exist" in done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB; needs root."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small file system needs the right to mount: this promise was NOT tested here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("target", ["database", "parquet", "jsonl"])
def test_a_full_disk_is_one_message_and_leaves_nothing(small_disk: Path, target):
    words = ["--database-url", f"sqlite:///{small_disk / 'rows.db'}"] if target == "database" else ["--output", str(small_disk / f"rows.{target}")]
    done = run("bootstrap", "--samples", "20000", *words)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in small_disk.iterdir() if path.name not in ("rows.db", "rows.db-journal")] == []
    assert run("bootstrap", "--samples", "20", *words).returncode == 0


def test_a_folder_that_cannot_be_written(small_disk: Path):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for words in (["--database-url", f"sqlite:///{small_disk / 'rows.db'}"], ["--output", str(small_disk / "rows.csv")]):
        done = run("bootstrap", "--samples", "20", *words)
        assert done.returncode == 3
        assert "Traceback" not in done.stderr
