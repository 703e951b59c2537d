"""Scores of prompts by a stored model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prompt_improver.batch import FEATURES
from prompt_improver.domains.content import RULES
from prompt_improver.errors import InputError
from prompt_improver.guarantees.tiers import tier_of
from prompt_improver.optimization.card import ModelCard
from prompt_improver.optimization.model import Model, load_model
from prompt_improver.optimization.rows import build_table
from prompt_improver.settings import data_folder

__all__ = ["RuleGain", "Score", "Scorer"]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class RuleGain:
    """How much a rule is predicted to add to a prompt's effectiveness, with an 80 % interval of that mean effect."""

    rule: str
    gain: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Score:
    """A prompt's score.

    `effectiveness_score` lies in [0, 1], `interval` is a 90 % one for rows like those learnt from, `tier` is `low`, `medium` or `high`,
    `features` the six features, `rules` the rules predicted to help most, the best first; empty where none is sure to help.
    """

    effectiveness_score: float
    interval: tuple[float, float]
    tier: str
    features: dict[str, float]
    rules: tuple[RuleGain, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        gains = [{"rule": gain.rule, "gain": gain.gain, "low": gain.low, "high": gain.high} for gain in self.rules]
        return {
            "effectiveness_score": self.effectiveness_score,
            "interval": list(self.interval),
            "tier": self.tier,
            "features": self.features,
            "rules": gains,
        }


class Scorer:
    """A loaded model. `Scorer.load().score(["Write a haiku."])` scores with the model in use."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @classmethod
    def load(cls, path: Path | str | None = None) -> Scorer:
        """Loads a model.

        Args:
            path: a model's folder, or one that holds several; None for the model in use.

        Raises:
            DataShortfall: there is none, or it was made with another extractor.
            InputError: the folder does not hold a model.
            PrivacyStop: the file was changed, or holds types that are not trusted.
        """
        return cls(load_model(Path(path) if path is not None else data_folder() / "models"))

    @property
    def card(self) -> ModelCard:
        """What the model was made from, and what it is worth."""
        return self._model.card

    def score(self, texts: Sequence[str]) -> list[Score]:
        """Scores of n texts, in their order. A score does not depend on the other texts.

        Raises:
            InputError: one text came instead of a list.
        """
        if isinstance(texts, str):
            raise InputError("one text came; expected a list of texts.")
        if len(texts) == 0:
            return []
        table, features = build_table(texts)
        predicted, half = self._model.predict(table), self.card.half_width
        gains = self._gains(table)
        tiers = tier_of(predicted)
        return [
            Score(
                effectiveness_score=round(float(value), 4),
                interval=(round(max(float(value) - half, 0.0), 4), round(min(float(value) + half, 1.0), 4)),
                tier=tier,
                features=_named(row),
                rules=gain,
            )
            for value, tier, row, gain in zip(predicted, tiers, features.tolist(), gains, strict=True)
        ]

    def _gains(self, table: np.ndarray[Any, Any]) -> list[tuple[RuleGain, ...]]:
        if self._model.effects is None:
            return [()] * len(table)
        mean, low, high = self._model.effects.predict(table)
        order = np.argsort(-mean, axis=1, kind="stable")[:, :_SHOWN]
        return [
            tuple(
                RuleGain(RULES[rule], round(float(mean[row, rule]), 4), round(float(low[row, rule]), 4), round(float(high[row, rule]), 4))
                for rule in best.tolist()
                if low[row, rule] > 0.0
            )
            for row, best in enumerate(order)
        ]


def _named(row: list[float]) -> dict[str, float]:
    named: dict[str, float] = dict(zip(FEATURES, row, strict=True))
    return named | {name: int(named[name]) for name in ("length", "complexity")}
