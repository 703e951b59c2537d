"""What each rule does to a prompt like this one, learnt from rows whose rules are known.

Every synthetic row is a prompt as somebody typed it, the rules that were applied to it (none in some rows), and the effectiveness that came of
it. A ridge regression of the effectiveness on the prompt's six features, the rules, and their products gives for any prompt the difference that
one rule makes, everything else equal. Rules are applied well in some rows and badly in others, so an effect is that of a rule as people apply it.
How sure it is comes from fitting again on task families drawn with replacement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prompt_improver.domains.content import RULES
from prompt_improver.optimization.rows import SIX, Floats, build_table

__all__ = ["LEAST_ROWS", "RuleEffects", "learn_effects"]

LEAST_ROWS = 200
"""Below this many synthetic rows effects are not told from chance, and none are learnt."""

_DRAWS = 30
_LEVEL = 0.8
_PENALTY = 10.0
_SHRUNK = 0.4  # products count for less than main effects, as if their unit were larger
_REACH = 2.5


@dataclass(frozen=True)
class RuleEffects:
    """Effects of nine rules by prompt.

    `center` and `spread` standardise the six features of a prompt (6 each); `weights` are draws x 9 x 7: a rule's effect at
    the centre, and how it changes with each feature.
    """

    center: Floats
    spread: Floats
    weights: Floats

    def predict(self, table: npt.NDArray[np.object_]) -> tuple[Floats, Floats, Floats]:
        """Effects for n prompts of `build_table`: mean, lower and upper bound of an 80 % interval, each n x 9."""
        z = _standardise(table[:, SIX].astype(np.float64), self.center, self.spread)
        z = np.hstack([np.ones((len(z), 1)), z])
        drawn = np.einsum("nf,drf->dnr", z, self.weights)
        low, high = np.quantile(drawn, [0.5 - _LEVEL / 2, 0.5 + _LEVEL / 2], axis=0)
        return drawn.mean(axis=0), low, high


def learn_effects(source: pa.Table, scores: Floats, groups: npt.NDArray[np.str_], *, seed: int) -> RuleEffects | None:
    """Learns effects from synthetic rows; None where there are fewer than `LEAST_ROWS`.

    Args:
        source: n rows with `prompt_text` and `rules`.
        scores: their effectiveness.
        groups: their task families.
        seed: of the draws.
    """
    if len(scores) < LEAST_ROWS:
        return None
    six = build_table(source["prompt_text"].to_pylist())[0][:, SIX].astype(np.float64)
    center, spread = six.mean(axis=0), np.maximum(six.std(axis=0), 1e-9)
    z = _standardise(six, center, spread)
    flags = np.array([[rule in applied for rule in RULES] for applied in map(set, source["rules"].to_pylist())], dtype=np.float64)
    products = (flags[:, :, None] * z[:, None, :]).reshape(len(z), -1) * _SHRUNK
    design = np.hstack([np.ones((len(z), 1)), z, z**2, flags, products])
    rng = np.random.default_rng([seed, 2])
    names, place = np.unique(groups, return_inverse=True)
    first = 1 + 2 * z.shape[1]
    weights = np.empty((_DRAWS, len(RULES), 1 + z.shape[1]))
    for draw in range(_DRAWS):
        often = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))[place]
        solved = _ridge(design, scores, often.astype(np.float64))
        weights[draw, :, 0] = solved[first : first + len(RULES)]
        weights[draw, :, 1:] = solved[first + len(RULES) :].reshape(len(RULES), -1) * _SHRUNK
    return RuleEffects(center, spread, weights)


def _standardise(six: Floats, center: Floats, spread: Floats) -> Floats:
    return np.clip((six - center) / spread, -_REACH, _REACH)


def _ridge(design: Floats, scores: Floats, weights: Floats) -> Floats:
    """Weighted ridge regression; the first column, the intercept, is not shrunk."""
    weighted = design * weights[:, None]
    penalty = np.full(design.shape[1], _PENALTY)
    penalty[0] = 0.0
    return np.linalg.solve(design.T @ weighted + np.diag(penalty), weighted.T @ scores).astype(np.float64)
