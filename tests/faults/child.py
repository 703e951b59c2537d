"""Runs the command line and kills its own process at step K; with K = 0 it lives and prints every step.

Steps are what could leave something half-done: files opened for writing, renamed or removed, every SQL statement (each row that
SQLite inserts is one), begin and commit, every 1000 bytes that PostgreSQL is handed, and every piece of a part file.

    python child.py K FOLDER COMMAND...
"""

import json
import os
import signal
import sys
from typing import Any

from sqlalchemy import Engine, event

LAST, FOLDER = int(sys.argv[1]), sys.argv[2]
STEPS: list[str] = []


def step(label: str) -> None:
    STEPS.append(label)
    if len(STEPS) == LAST:
        os.kill(os.getpid(), signal.SIGKILL)


def on_audit(name: str, arguments: tuple[Any, ...]) -> None:
    if name == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR) and str(path).startswith(FOLDER):
            step("open")
    elif name in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate") and FOLDER in str(arguments[0]):
        step(name)


@event.listens_for(Engine, "connect")
def on_connect(connection: Any, _record: object) -> None:
    step("connect")
    if hasattr(connection.driver_connection, "set_trace_callback"):
        connection.run_async(lambda raw: raw.set_trace_callback(lambda statement: step(statement[:30])))


for moment in ("before_cursor_execute", "after_cursor_execute", "begin", "commit", "rollback"):
    event.listen(Engine, moment, lambda *_arguments, moment=moment: step(moment))
event.listen(Engine, "close", lambda *_arguments: step("close"))


def watch_copies() -> None:
    import asyncpg

    plain = asyncpg.Connection.copy_to_table

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


def watch_parts() -> None:
    from prompt_improver.storage.places import HashedSink

    plain = HashedSink.write

    def write(self: Any, data: Any) -> int:
        step("write")
        return plain(self, data)

    HashedSink.write = write  # type: ignore[method-assign]


if any("postgresql" in argument for argument in sys.argv):
    watch_copies()
if "--part-blocks" in sys.argv:
    watch_parts()
from prompt_improver.cli.app import main  # noqa: E402

sys.addaudithook(on_audit)
sys.argv[1:] = sys.argv[3:]
try:
    main()
except SystemExit as ending:
    if LAST == 0:
        print(json.dumps([ending.code or 0, STEPS]))
else:
    if LAST == 0:
        print(json.dumps([0, STEPS]))
