"""Keyed randomness: every stream is named, and depends on its name, the seed and the block alone.

Raw 64-bit output of Philox is used and turned into numbers by integer arithmetic here, so that no release
of numpy can change what a seed gives.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

__all__ = ["Words", "bell", "below", "draw", "key_of", "mix", "unit"]

Words = npt.NDArray[np.uint64]
"""Random 64-bit words."""

_BELL_SD = (1.0 / 3.0) ** 0.5


def key_of(*names: object) -> int:
    """A 64-bit key for a stream: a digest of its names, the same in every process."""
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def draw(seed: int, name: str, block: int, shape: tuple[int, ...]) -> Words:
    """Random words of the stream `name` of a block, in C order of `shape`."""
    digest = hashlib.sha256(f"{seed}\x1f{name}\x1f{block}".encode()).digest()
    generator = np.random.Philox(key=int.from_bytes(digest[:16], "little"))
    return np.asarray(generator.random_raw(int(np.prod(shape))), dtype=np.uint64).reshape(shape)


def mix(words: Words) -> Words:
    """A bijection of 64-bit words that spreads every bit (the finaliser of SplitMix64, Steele et al. 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def unit(words: Words) -> npt.NDArray[np.float64]:
    """Uniform numbers in [0, 1) with 53 bits."""
    return np.asarray((words >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def below(words: Words, limit: Words | int) -> Words:
    """Whole numbers in [0, limit), limit < 2**31: the high half of a product (Lemire 2019), bias < 2**-31."""
    return ((words >> np.uint64(32)) * np.asarray(limit, dtype=np.uint64)) >> np.uint64(32)


def bell(words: Words) -> npt.NDArray[np.float64]:
    """Bell-shaped numbers, mean 0, deviation 1, within +-3.47: four 16-bit uniforms added (Irwin-Hall)."""
    low = np.uint64(0xFFFF)
    total = (words & low) + ((words >> np.uint64(16)) & low) + ((words >> np.uint64(32)) & low) + (words >> np.uint64(48))
    return np.asarray((total.astype(np.float64) / 65536.0 + 2.0 / 65536.0 - 2.0) / _BELL_SD, dtype=np.float64)
