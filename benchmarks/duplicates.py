"""The near-duplicate check, beside rensa's MinHash and LSH over the same texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from benchmarks.figures import Figure
from benchmarks.pairs import dropping, paired
from benchmarks.workload import SEED, lacking, row_table

__all__ = ["measure"]

CHECK = ("prompt_improver.validation.near", "find_near_copies")
"""Module and name of our check. It takes the texts as an Arrow chunked array and a threshold, and gives something with the `share` it flags."""

_THRESHOLD, _PERMUTATIONS, _BANDS = 0.8, 128, 16


def measure(*, rounds: int, quick: bool) -> Iterator[Figure]:
    """Enhanced prompts of a run, looked through for near-duplicates."""
    n = 4000 if quick else 100_000
    work = "near-duplicate check of enhanced prompts"
    told = f"rensa: RMinHash of each text's words ({_PERMUTATIONS} permutations) and RMinHashLSH ({_BANDS} bands, {_THRESHOLD}), a flag a text"
    check = _check()
    if reason := lacking("rensa") or ("" if check else f"not in the product: {'.'.join(CHECK)}"):
        yield Figure("duplicates.rensa", work, told, limit=2.0, missing=reason)
        return
    texts = row_table(n)["enhanced_prompt"]
    words = texts.to_pylist()
    assert check is not None
    shares = check(texts, threshold=_THRESHOLD).share, _rensa(words)
    took, floors = paired(dropping(check, texts, threshold=_THRESHOLD), dropping(_rensa, words), rounds=rounds)
    note = f"ours: {shares[0]:.1%} have an earlier near-copy, measured word by word; rensa: {shares[1]:.1%} may have an earlier or later one"
    yield Figure("duplicates.rensa", work, told, n, n, seed=SEED, limit=2.0, ours=took, floors=floors, note=note)


def _check() -> Callable[..., Any] | None:
    if find_spec(CHECK[0]) is None:
        return None
    found: Callable[..., Any] | None = getattr(import_module(CHECK[0]), CHECK[1], None)
    return found


def _rensa(texts: list[str]) -> float:
    """The share of texts that share a band with another one."""
    from rensa import RMinHash, RMinHashLSH

    matrix = RMinHash.digest_matrix_from_token_sets([text.split() for text in texts], num_perm=_PERMUTATIONS, seed=SEED)
    flags = RMinHashLSH(threshold=_THRESHOLD, num_perm=_PERMUTATIONS, num_bands=_BANDS).query_duplicate_flags_matrix_one_shot(matrix)
    return float(sum(flags) / len(flags))
