"""On what and when something was measured."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import sleep

__all__ = ["describe"]

_PACKAGES = ("numpy", "pyarrow", "sqlalchemy", "sqlmodel", "asyncpg", "aiosqlite", "mimesis", "faker", "polars", "rensa", "ray", "typer", "rich")
_TIMES = Path("/proc/stat")
_ROOT = Path(__file__).parents[1]


def describe(*, rounds: int, quick: bool) -> dict[str, str]:
    """When, which commit, how thoroughly, how busy the machine is with other work, and which machine: words for the page."""
    busy = _busy_share()
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "rounds": str(rounds),
        "size": "quick" if quick else "full",
        "busy": "unknown" if busy is None else f"{busy:.0%}",
        "machine": _machine(),
        "versions": _versions(),
    }


def _busy_share() -> float | None:
    """Share of the processors that work while we do nothing for a second: what else the machine is doing. None where the system does not tell."""
    if not _TIMES.is_file():
        return None
    idle, whole = _spent()
    sleep(1.0)
    still_idle, longer = _spent()
    return 1 - (still_idle - idle) / (longer - whole)


def _spent() -> tuple[int, int]:
    """Ticks that processors were idle or waited for a disk, and all ticks."""
    ticks = [int(word) for word in _TIMES.read_text(encoding="utf-8").splitlines()[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def _commit() -> str:
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        return commit + (" and changes" if _git("status", "--porcelain", "--", "src", "benchmarks/*.py") else "")
    except (OSError, subprocess.CalledProcessError):  # no git, or an unpacked archive
        return "unknown"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=_ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _machine() -> str:
    memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB of memory" if hasattr(os, "sysconf") else ""
    return (
        f"{_processor()}, {os.cpu_count()} cores{memory}, {platform.system()} {platform.release().split('-')[0]}, temporary files on {_file_system()}"
    )


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor() or platform.machine())


def _file_system() -> str:
    """Kind of the file system that holds temporary files: the longest mount point above them."""
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return "an unknown file system"
    folder = Path(tempfile.gettempdir()).resolve()
    points = [line.split()[1:3] for line in mounts.read_text(encoding="utf-8").splitlines()]
    return max(((point, kind) for point, kind in points if folder.is_relative_to(point)), key=lambda found: len(found[0]))[1]


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
