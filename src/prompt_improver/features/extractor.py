"""The extractor: text to six features, the same for synthetic and real prompts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_improver.features.counts import COUNTS, count_text

if TYPE_CHECKING:
    import numpy as np

__all__ = ["EXTRACTOR_NAME", "EXTRACTOR_VERSION", "count_texts", "extract", "extractor_id"]

EXTRACTOR_NAME = "prompt-features"
EXTRACTOR_VERSION = 3
_SOURCES = ("lexicon.toml", "words.txt", "counts.py", "scales.py")


@cache
def extractor_id() -> str:
    """Name, version and hash of everything that decides what the features are; stored with every run."""
    folder = Path(__file__).parent
    state = hashlib.sha256()
    for name in _SOURCES:
        state.update((folder / name).read_bytes().replace(b"\r\n", b"\n"))
    return f"{EXTRACTOR_NAME}/{EXTRACTOR_VERSION}+{state.hexdigest()[:12]}"


def count_texts(texts: Sequence[str]) -> np.ndarray:
    """Counts of texts: n x len(COUNTS) integers."""
    import numpy as np

    return np.array([count_text(text) for text in texts], dtype=np.int64).reshape(len(texts), len(COUNTS))


def extract(texts: Sequence[str]) -> np.ndarray:
    """The six features of texts: n x 6 float64, columns in the order of `batch.FEATURES`.

    Any text has defined values, the empty one too; never NaN. See `scales.py` for formulas and ranges.
    """
    from prompt_improver.features.scales import scale_counts

    return scale_counts(count_texts(texts))
