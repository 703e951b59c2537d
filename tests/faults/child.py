"""Runs the command line and kills its own process at step K; with K = 0 it lives and prints every step.

Steps are what could leave something half-done: files opened for writing, renamed or removed, every SQL statement (each row that
SQLite inserts is one), begin and commit, every 1000 bytes that PostgreSQL is handed, and every piece of a part file.

    python child.py SOCKET

It listens there and forks a process for every command: importing the program takes longer than what these tests kill.
"""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from socketserver import ForkingMixIn, StreamRequestHandler, UnixStreamServer
from typing import Any

import aiosqlite  # noqa: F401
import asyncpg
import numpy.random  # noqa: F401
import pyarrow.parquet  # noqa: F401
import sqlmodel.ext.asyncio.session  # noqa: F401
from sqlalchemy import Engine, event

from prompt_improver.cli.app import main
from prompt_improver.installation import initializer, parts  # noqa: F401
from prompt_improver.storage.places import HashedSink


class Steps:
    """Counts the steps of this process, and ends it at one of them."""

    def __init__(self, last: int, folder: str) -> None:
        self._last, self._folder = last, folder
        self.labels: list[str] = []

    def __call__(self, label: str) -> None:
        self.labels.append(label)
        if len(self.labels) == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        sys.addaudithook(self._on_audit)
        event.listen(Engine, "connect", self._on_connect)
        for moment in ("before_cursor_execute", "after_cursor_execute", "begin", "commit", "rollback", "close"):
            event.listen(Engine, moment, lambda *_arguments, moment=moment: self(moment))
        self._watch_copies()
        self._watch_parts()

    def _on_audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR) and str(path).startswith(self._folder):
                self("open")
        elif name in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate") and self._folder in str(arguments[0]):
            self(name)

    def _on_connect(self, connection: Any, _record: object) -> None:
        self("connect")
        if hasattr(connection.driver_connection, "set_trace_callback"):
            connection.run_async(lambda raw: raw.set_trace_callback(lambda statement: self(statement[:30])))

    def _watch_copies(self) -> None:
        plain, step = asyncpg.Connection.copy_to_table, self

        async def copy(self: Any, table: str, *, source: Any, **keywords: Any) -> Any:
            async def told() -> Any:
                async for chunk in source:
                    for start in range(0, len(chunk), 1000):
                        step("piece")
                        yield chunk[start : start + 1000]

            step("copy")
            done = await plain(self, table, source=told(), **keywords)
            step("copied")
            return done

        asyncpg.Connection.copy_to_table = copy

    def _watch_parts(self) -> None:
        plain, step = HashedSink.write, self

        def write(self: Any, data: Any) -> int:
            step("write")
            return plain(self, data)

        HashedSink.write = write  # type: ignore[method-assign]


class Command(StreamRequestHandler):
    """One command, in a process of its own; gives back how it ended and what it said."""

    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            pid = os.fork()
            if not pid:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                live(asked)
            _, status = os.waitpid(pid, 0)
            said = [os.pread(file.fileno(), 1 << 24, 0).decode() for file in (out, err)]
        self.wfile.write(json.dumps([os.waitstatus_to_exitcode(status), *said]).encode())


def live(asked: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv[1:] = asked["command"]
    steps = Steps(asked["kill_at"], asked["environment"]["PROMPT_IMPROVER_HOME"])
    steps.watch()
    code: Any = 1
    try:
        main()
        code = 0
    except SystemExit as ending:
        code = ending.code or 0
    finally:
        if not asked["kill_at"]:
            print(json.dumps([code, steps.labels]))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


class Nursery(ForkingMixIn, UnixStreamServer):
    """Ends with the tests that started it."""

    timeout = 1
    max_children = 64


if __name__ == "__main__":
    parent = os.getppid()
    with Nursery(sys.argv[1], Command) as server:
        print("listening", flush=True)
        while os.getppid() == parent:
            server.handle_request()
    Path(sys.argv[1]).unlink(missing_ok=True)
