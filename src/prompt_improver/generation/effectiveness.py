"""The structural score: what a label is made of. Weights stand in `domains/effectiveness.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from prompt_improver.batch import FEATURES
from prompt_improver.domains.content import RULES, STRENGTHS
from prompt_improver.domains.grammar import BUILT_IN
from prompt_improver.generation.plan import RowPlan, RunPlan

__all__ = ["Scores", "load_weights", "score_rows"]

Floats = npt.NDArray[np.float64]
_REACH = 2.5  # standardised features count up to here: one odd text must not decide a tier


@dataclass(frozen=True)
class Scores:
    """Structural scores of n rows, and their parts.

    `known` is what text and plan decide; `structural` adds the latent fit and noise. A learner that knew everything but
    those two would rank by `known`: its AUC is the ceiling.
    """

    difficulty: Floats
    seen: Floats
    known: Floats
    structural: Floats
    noise: Floats


@cache
def load_weights() -> dict[str, Any]:
    """The content of `effectiveness.toml`."""
    return tomllib.loads((BUILT_IN / "effectiveness.toml").read_text(encoding="utf-8"))


def score_rows(run: RunPlan, plan: RowPlan, features: Floats, noise_share: float) -> Scores:
    """Scores rows.

    Args:
        run: the run.
        plan: n rows.
        features: n x 6, as `extract` gives them.
        noise_share: share of noise in the variance, in [0, .9].
    """
    weights = load_weights()
    size = {name: weights["features"][name] for name in FEATURES}
    z = {name: np.clip((features[:, place] - size[name]["center"]) / size[name]["spread"], -_REACH, _REACH) for place, name in enumerate(FEATURES)}
    cross, latents = weights["interactions"], weights["latents"]
    seen = cross["clarity_specificity"] * z["clarity"] * z["specificity"]
    for name in FEATURES:
        seen = seen + size[name]["weight"] * z[name]
    difficulty = run.grammar["family_difficulty"].astype(np.float64)[run.grammar["base_family"][plan.base]] / 10_000.0
    known = seen + _rule_effects(plan) + latents["difficulty"] * difficulty
    steps_well = plan.strengths[:, RULES.index("give_steps")] == len(STRENGTHS)
    context_well = plan.strengths[:, RULES.index("give_context")] == len(STRENGTHS)
    known = known + cross["steps_complexity"] * np.where(steps_well, z["complexity"], 0.0)
    known = known + cross["context_difficulty"] * np.where(context_well, difficulty, 0.0)
    tend = [weights["domains"].get(run.grammar.domains[number].name, 0.0) for number in run.domains]
    known = known + np.array(tend)[plan.domain]
    deviation = weights["signal_sd"] * (noise_share / (1.0 - noise_share)) ** 0.5
    noise = deviation * plan.noise
    return Scores(difficulty, seen, known, known + latents["fit"] * plan.fit + noise, noise)


def _rule_effects(plan: RowPlan) -> Floats:
    table = load_weights()["rules"]
    effect = np.zeros(len(plan))
    for place, rule in enumerate(RULES):
        by_mark = np.array([0.0, *(table[rule][strength] for strength in STRENGTHS)])
        effect = effect + by_mark[plan.strengths[:, place]]
    return effect
