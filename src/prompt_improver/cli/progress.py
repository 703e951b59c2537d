"""Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from typing import Any

from prompt_improver.cli.shared import say

__all__ = ["PhaseProgress"]

_TELL_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""
_REDRAW = 0.25
"""Seconds between two figures on a terminal."""
_WORDS = {"make_and_write": ("making rows", "made"), "verify": ("comparing checksums", "compared"), "check": ("checking rows", "checked")}


class PhaseProgress(AbstractContextManager["PhaseProgress"]):
    """Rows done in the phase under way, with their rate and the time left. Silent where `shown` is false."""

    def __init__(self, *, shown: bool = True) -> None:
        self._shown, self._phase = shown, ""
        self._begun = self._told = 0.0
        self._before = 0
        self._bar: Any = None
        if shown and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
            self._task = self._bar.add_task("planning", total=None, rate="")

    def __enter__(self) -> PhaseProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Takes note of `done` rows of `total` in a phase; from any thread, one call at a time."""
        if not self._shown:
            return
        now = time.monotonic()
        if phase != self._phase:  # rows that were there before say nothing about the rate
            self._phase, self._before, self._begun, self._told = phase, done, now, now
        elif now - self._told < (_REDRAW if self._bar is not None else _TELL_EVERY) and done < total:
            return
        self._told = now
        label, verb = _WORDS[phase]
        rate = self._rate(done, total, now)
        if self._bar is not None:
            self._bar.update(self._task, description=label, completed=done, total=total, rate=rate, refresh=True)
        elif now > self._begun and (rate or phase == "make_and_write"):
            say(f"{verb} {done:,} of {total:,} rows" + (f", {rate}" if rate else ""))

    def work_on(self, what: str) -> None:
        """Names a phase that does not tell how far it is."""
        if self._bar is not None:
            self._bar.update(self._task, description=what, completed=0, total=None, rate="", refresh=True)
        elif self._shown:
            say(f"{what} …")
        self._phase = ""

    def _rate(self, done: int, total: int, now: float) -> str:
        """Rows a second in this phase and the time that the rest will take; nothing at either end."""
        if done <= self._before or done >= total:
            return ""
        rate = (done - self._before) / (now - self._begun)
        return f"{rate:,.0f} rows/s, {_left((total - done) / rate)} left"

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _left(seconds: float) -> str:
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02} s" if whole < 6000 else f"{whole // 3600} h {whole % 3600 // 60:02} min"
