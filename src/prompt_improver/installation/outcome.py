"""What a bootstrap did: rows, bytes, memory, and where its time went."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

__all__ = ["PHASES", "Clock", "Outcome", "Progress", "peak_memory"]

PHASES = ("plan", "make_and_write", "check")
"""Of a bootstrap's time. plan: recipe, content and capacity; database, file or folder opened, an earlier call's parts looked at. make_and_write:
blocks made and stored, one beside the other, until they are flushed or committed. check: the quality report, beside which a file is flushed."""

Progress = Callable[[str, int, int], None]
"""Called with a phase ("make_and_write", "check", or "verify" while checksums of kept parts are compared), rows done in it and rows in all."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a bootstrap did; the same fields for a database, a file and a folder.

    `written` is false where a complete run was there already. `made` are the rows that this call made, `seconds` its time in all and
    `phases` the same by phase (`PHASES`). `bytes` are what the rows take up afterwards: the file (not its truth), the folder's parts (with
    their truth), the SQLite file, the PostgreSQL table with its indexes. `peak_memory` is the most that this process had, in bytes (None
    where the system does not tell); workers of a Ray cluster are other processes. `parts` and `kept` are of a folder: parts in all, and
    those that an earlier call had finished.
    """

    run_id: str
    rows: int
    written: bool
    replaced: int
    where: str
    made: int
    seconds: float
    phases: dict[str, float]
    bytes: int
    peak_memory: int | None
    engine: str
    workers: int
    parts: int | None
    kept: int | None
    report: dict[str, Any]

    @property
    def ready(self) -> bool:
        return not [found for found in self.report.get("findings", ()) if found["verdict"] == "fail"]

    @property
    def rows_per_second(self) -> float:
        """Rows that this call made by its seconds in all."""
        return round(self.made / self.seconds, 1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"rows_per_second": self.rows_per_second, "ready": self.ready}


class Clock:
    """Seconds by phase, from now on; the first phase has begun."""

    def __init__(self) -> None:
        self._seconds, self._phase, self._since = dict.fromkeys(PHASES, 0.0), PHASES[0], perf_counter()

    def enter(self, phase: str) -> None:
        """Ends the phase that was under way; a phase that is entered again goes on."""
        now = perf_counter()
        self._seconds[self._phase] += now - self._since
        self._phase, self._since = phase, now

    def stop(self) -> dict[str, float]:
        """Ends the last phase and gives the seconds of all."""
        self.enter(self._phase)
        return dict(self._seconds)


def peak_memory() -> int | None:
    """Most resident memory that this process had, in bytes; None where the system does not tell (Windows).

    Linux's own figure where it is, since that of `getrusage` begins with what the process that started this one had.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        found = [line for line in status.read_text(encoding="ascii", errors="replace").splitlines() if line.startswith("VmHWM:")]
        if found:
            return int(found[0].split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
