"""Compiled content as arrays, ready for generation; loading takes a few milliseconds.

A folder of domains is compiled once. The built-in one is compiled when the wheel is built; any other, or an
edited one, at first use, and kept in the user's cache folder under the digest of its files.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from prompt_improver.domains.packed import digest_folder, pack, unpack
from prompt_improver.features.counts import COUNTS
from prompt_improver.features.extractor import extractor_id
from prompt_improver.settings import cache_folder

__all__ = ["BUILT_IN", "DomainFacts", "Grammar", "compile_to", "load_grammar"]

BUILT_IN = Path(__file__).parent
"""The folder of the domains that ship with the package."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """What a domain file says about itself; envelopes are (low, high) by feature name."""

    name: str
    title: str
    share: float
    envelopes: dict[str, tuple[float, float]]


class Grammar:
    """Pieces, texts and prompts of a folder of domains; immutable, shared by threads.

    Arrays are reached by the names of `compile.py`, as `grammar["text_start"]`.
    """

    def __init__(self, data: bytes, digest: str) -> None:
        self.digest = digest
        self._buffer = pa.py_buffer(data)
        self._head = unpack(data)
        self._arrays: dict[str, npt.NDArray[Any]] = {}
        self._wide: dict[str, Ints] = {}
        for name, (kind, place, count) in self._head.items():
            if kind != "text":
                self._arrays[name] = np.frombuffer(data, dtype=kind, count=count, offset=place)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._arrays[name]

    def wide(self, name: str) -> Ints:
        """An array as 64-bit integers, made once."""
        if name not in self._wide:
            self._wide[name] = self._arrays[name].astype(np.int64)
        return self._wide[name]

    def texts(self, name: str) -> pa.StringArray:
        """A list of strings as an Arrow array that shares the memory of the compiled content."""
        _, place, count = self._head[name]
        ends = self._buffer.slice(place, 4 * (count + 1))
        size = int(np.frombuffer(ends, dtype=np.int32)[-1])
        return pa.StringArray.from_buffers(count, ends, self._buffer.slice(place + 4 * (count + 1), size))

    @cached_property
    def domains(self) -> tuple[DomainFacts, ...]:
        names, facts = self.texts("domain_names").to_pylist(), self.texts("domain_facts").to_pylist()
        found = []
        for name, fact in zip(names, map(json.loads, facts), strict=True):
            envelopes = {feature: (low, high) for feature, (low, high) in fact["envelopes"].items()}
            found.append(DomainFacts(name, fact["title"], fact["share"], envelopes))
        return tuple(found)

    @cached_property
    def families(self) -> list[str]:
        return self.texts("family_names").to_pylist()  # type: ignore[no-any-return]

    @cached_property
    def pieces(self) -> pa.StringArray:
        return self.texts("pieces")

    @cached_property
    def counts(self) -> npt.NDArray[np.int32]:
        """Counts of every piece by itself: pieces x len(COUNTS)."""
        return self["piece_counts"].reshape(-1, len(COUNTS)).astype(np.int32)

    @cached_property
    def pair_code(self) -> npt.NDArray[Any]:
        """By tags of two neighbouring tokens: the row of `pair_adds` that they add."""
        tags = round(len(self["pair_code"]) ** 0.5)
        return self["pair_code"].reshape(tags, tags)

    @cached_property
    def pair_adds(self) -> npt.NDArray[np.int32]:
        return self["pair_adds"].reshape(-1, len(COUNTS)).astype(np.int32)

    @cached_property
    def base_domain(self) -> Ints:
        return np.asarray(self["family_domain"][self["base_family"]], dtype=np.int64)

    @cached_property
    def slot_width(self) -> int:
        """Slots of a family at most: the row length of `base_digit`, base x slot: the slot's place among the prompt's identity, or -1."""
        return int(self["slot_width"][0])

    @cached_property
    def rewrite_rules(self) -> npt.NDArray[Any]:
        """Rewrite x rule: 0 not applied, 1 badly, 2 weakly, 3 well."""
        return self["rewrite_rules"].reshape(len(self["rewrite_text"]), -1)

    def capacity(self, domain: int) -> int:
        """How many rows with different prompts the domain holds."""
        return int(sum(int(c) for c in self["base_capacity"][self.base_domain == domain]))


def compile_to(folder: Path, target: Path) -> Path:
    """Compiles a folder of domains into `target/DIGEST.grammar`.

    Raises:
        DomainError: the folder's content is wrong; see `domains.compile.read_folder`.
    """
    file = target / f"{digest_folder(folder, extractor_id())}.grammar"
    data = _compiled(folder)
    target.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}.partial")
    partial.write_bytes(data)
    partial.replace(file)
    return file


def _compiled(folder: Path) -> bytes:
    from prompt_improver.domains.compile import compile_folder  # most runs have no need of the compiler

    return pack(compile_folder(folder))


def load_grammar(folder: Path | None = None) -> Grammar:
    """The compiled content of a folder (default: the built-in domains).

    Raises:
        DomainError: the folder's content is wrong; see `domains.compile.read_folder`.
    """
    folder = (folder or BUILT_IN).resolve()
    digest = digest_folder(folder, extractor_id())
    kept = cache_folder()
    for place in (BUILT_IN / "compiled", kept):
        file = place / f"{digest}.grammar"
        if file.is_file():
            return Grammar(file.read_bytes(), digest)
    try:
        return Grammar(compile_to(folder, kept).read_bytes(), digest)
    except OSError:  # the cache is a convenience: a home that cannot be written must not stop a run
        return Grammar(_compiled(folder), digest)
