"""Seconds by phase, and figures that follow from them."""

import dataclasses

import pytest

from prompt_improver.installation import outcome as outcome_module
from prompt_improver.installation.bootstrap import bootstrap_file
from prompt_improver.installation.outcome import PHASES, Clock, peak_memory
from prompt_improver.recipe.recipe import make_recipe


def test_a_phase_that_is_entered_again_goes_on(monkeypatch):
    moments = iter([100.0, 101.0, 103.0, 106.0, 110.0])
    monkeypatch.setattr(outcome_module, "perf_counter", lambda: next(moments))
    clock = Clock()
    for phase in ("make_and_write", "check", "make_and_write"):
        clock.enter(phase)
    assert clock.stop() == {"plan": 1.0, "make_and_write": 2.0 + 4.0, "check": 3.0}


def test_figures_follow_from_the_fields(tmp_path):
    outcome = bootstrap_file(make_recipe({"samples": 100}), tmp_path / "rows.csv")
    assert (tuple(outcome.phases), outcome.seconds) == (PHASES, sum(outcome.phases.values()))
    assert dataclasses.replace(outcome, made=30, seconds=1.5).rows_per_second == 20.0
    assert outcome.to_json()["ready"] is outcome.ready is True
    short = {"findings": [{"verdict": "pass"}, {"verdict": "fail"}]}
    assert dataclasses.replace(outcome, report=short).ready is False


def test_peak_memory_grows_with_what_is_held():
    before = peak_memory()
    if before is None:
        pytest.skip("this system does not tell a process's memory")
    held = b"x" * (before + (64 << 20))
    after = peak_memory()
    assert after is not None
    assert after > before + (32 << 20)
    del held
