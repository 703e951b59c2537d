"""Counts to features: the formulas.

Only sums, products, quotients and square roots are used, in a fixed order: IEEE 754 defines each to the
last bit, so one row measured alone and a million measured together agree bit for bit on every machine.
`part(x, k) = x / (x + k)` rises from 0 towards 1 and is one half at x = k.

With w = words (at least 1), and every other name a count of `counts.COUNTS`:

    clarity          1 - haze / (haze + 1), with haze = 3.5 (5 unknown + 1.6 vague + 2 padding + .5 pronoun
                     + .5 uncapped) / (w + 6) + run / 40, run = w / (sentences + lines): words a sentence
    length           chars
    specificity      part(d, .28), d = (1.5 numbers + 1.2 named + .6 quotes + code + exact + constraint
                     + .4 long_words - .5 vague) / sqrt(w + 4)
    complexity       1 + 9 part(a, 7) rounded, a = 2 directive + questions + format + steps + constraint
                     + .4 joint + criteria
    context_richness part(c, .12), c = (context + .2 named + .5 lines) / sqrt(w + 4)
    actionability    part(a, .18), a = (2 directive + 1.5 format + steps + example + criteria
                     + .7 constraint + .5 exact + .3 questions) / sqrt(w + 4)

Long words count for what is specific, not against what is clear: formulas of readability count them against a text because people
read them slowly, which a language model does not, and in pairs of real prompts the better one has the higher share of them at equal length
(balanced .76, .63, .46, .63 and .55 on the development half of BPO, ATLAS, Multi-Prompt, PromptBench and CAPO).

The constants are set so that improvements as people write them lie in the middle of each scale: of 551 public ones (BPO, ATLAS) the
median is .71, 140, .73, 5, .66 and .81.

All but length and complexity are rounded to four places. An empty text has clarity 1, complexity 1 and 0
for the others: nothing in it is unclear, and nothing is asked.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prompt_improver.features.counts import COUNTS

__all__ = ["scale_counts"]

Floats = npt.NDArray[np.float64]
_PLACE = {name: place for place, name in enumerate(COUNTS)}


def scale_counts(counts: npt.NDArray[np.int64]) -> Floats:
    """Six features from counts.

    Args:
        counts: n x len(COUNTS) integers >= 0.

    Returns:
        n x 6: clarity [0, 1], length in characters, specificity [0, 1], complexity 1..10,
        context_richness [0, 1], actionability [0, 1].
    """
    get = {name: counts[:, place].astype(np.float64) for name, place in _PLACE.items()}
    features = np.empty((len(counts), 6))
    features[:, 0] = _clarity(get)
    features[:, 1] = get["chars"]
    features[:, 2] = _specificity(get)
    features[:, 3] = _complexity(get)
    features[:, 4] = _context(get)
    features[:, 5] = _actionability(get)
    for column in (0, 2, 4, 5):
        features[:, column] = np.rint(features[:, column] * 10_000.0) / 10_000.0
    return features


def _part(amount: Floats, half: float) -> Floats:
    amount = np.maximum(amount, 0.0)
    return amount / (amount + half)


def _root(get: dict[str, Floats]) -> Floats:
    return np.sqrt(get["words"] + 4.0)


def _clarity(get: dict[str, Floats]) -> Floats:
    mess = 5.0 * get["unknown"] + 1.6 * get["vague"] + 2.0 * get["padding"] + 0.5 * get["pronoun"] + 0.5 * get["uncapped"]
    run = get["words"] / np.maximum(get["sentences"] + get["lines"], 1.0)
    haze = mess / (get["words"] + 6.0) * 3.5 + run / 40.0
    return 1.0 - haze / (haze + 1.0)


def _specificity(get: dict[str, Floats]) -> Floats:
    exact = 1.5 * get["numbers"] + 1.2 * get["named"] + 0.6 * get["quotes"] + get["code"] + get["exact"] + get["constraint"]
    exact = exact + 0.4 * get["long_words"]
    return _part((exact - 0.5 * get["vague"]) / _root(get), 0.28)


def _complexity(get: dict[str, Floats]) -> Floats:
    asked = 2.0 * get["directive"] + get["questions"] + get["format"] + get["steps"] + get["constraint"] + get["criteria"]
    return np.floor(1.5 + 9.0 * _part(asked + 0.4 * get["joint"], 7.0))


def _context(get: dict[str, Floats]) -> Floats:
    known = get["context"] + 0.2 * get["named"] + 0.5 * get["lines"]
    return _part(known / _root(get), 0.12)


def _actionability(get: dict[str, Floats]) -> Floats:
    wanted = 2.0 * get["directive"] + 1.5 * get["format"] + get["steps"] + get["example"] + get["criteria"]
    wanted = wanted + 0.7 * get["constraint"] + 0.5 * get["exact"] + 0.3 * get["questions"]
    return _part(wanted / _root(get), 0.18)
