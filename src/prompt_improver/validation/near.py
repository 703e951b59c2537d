"""Near-copies among many texts: MinHash over words finds candidates, and each one is measured exactly.

A text is the set of its words. Two texts are as alike as their sets overlap: common words by all words (Jaccard 1901). The smallest of a
set's hashed words is the same for two sets with just that chance (Broder 1997), so texts that agree in `_ROWS` such minima, a band, are
candidates. Words are numbered in the order in which they come and hashed by their number, so the same texts give the same answer everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from prompt_improver.generation.streams import Words, key_of, mix

__all__ = ["NearCopies", "chance_found", "find_near_copies"]

_BANDS = 8
_ROWS = 3
_WINDOW = 4
_TEXTS = 4096
_BYTES = 1 << 23
_MEASURED = 1 << 20
"""Words compared at once."""

_MAP_WORDS = 4
"""64-bit words of a text's map: a bit for every word's hash."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.unsignedinteger]


@dataclass(frozen=True, slots=True)
class NearCopies:
    """Of n texts, in their order: the place of an earlier text that is nearly alike, -1 where none was found, and how alike they are.

    `similarity` is exact, from the threshold to 1; 0 where none was found. Where there are several such texts, `earlier` is any one of them.
    """

    earlier: Ints
    similarity: Floats

    @property
    def share(self) -> float:
        """Share of the texts that have an earlier one nearly alike, in [0, 1]; 0 of no texts."""
        return float((self.earlier >= 0).mean()) if len(self.earlier) else 0.0


def chance_found(similarity: float) -> float:
    """The chance that two texts of this similarity, in [0, 1], become candidates: .86 at .6, .97 at .7, .997 at .8, 1 - 3e-5 at .9.

    1 - (1 - s**r)**b with b bands of r minima (Leskovec, Rajaraman and Ullman 2014, 3.4).
    """
    return float(1 - (1 - similarity**_ROWS) ** _BANDS)


def find_near_copies(texts: pa.ChunkedArray, *, threshold: float = 0.8) -> NearCopies:
    """Finds texts that have an earlier one nearly alike.

    No text is named wrongly: every pair is measured by its words. Some are missed: a pair is looked at with `chance_found` of its similarity,
    and where a band joins more than `_WINDOW` + 1 texts, each is compared with the first of them and the `_WINDOW` before it only, so that
    neither time nor memory grows faster than the number of texts, even where all are alike. A text with many near-copies is hardly missed.

    Args:
        texts: n strings. Words are what ASCII white space parts, in lower case; an empty text has one word, the empty one.
        threshold: the least similarity, in (0, 1].
    """
    sets = _read_sets(texts)
    n = len(sets.sizes)
    found = NearCopies(np.full(n, -1, dtype=np.int64), np.zeros(n))
    maps = np.column_stack([sets.gather(_bits_of(sets.vocabulary, word), np.bitwise_or) for word in range(_MAP_WORDS)])
    for band in range(_BANDS):
        keys = np.zeros(n, dtype=np.uint64)
        for row in range(_ROWS):
            hashes = (_hashes(sets.vocabulary, band, row) >> np.uint64(32)).astype(np.uint32)  # half as wide, gathered sooner
            keys = mix(keys ^ sets.gather(hashes, np.minimum))
        for later, earlier in _candidates(keys, found.earlier):
            _judge(sets, maps, later, earlier, threshold, found)
    return found


@dataclass(frozen=True)
class _Sets:
    """The words of n texts as numbers below `vocabulary`: text behind text, ascending, each once. No set is empty."""

    words: npt.NDArray[np.int32]
    starts: Ints
    sizes: Ints
    vocabulary: int

    def gather(self, table: Numbers, function: np.ufunc) -> Numbers:
        """One number a text: its words' numbers in a table, put together."""
        made: list[Numbers] = []
        for place in range(0, len(self.sizes), _TEXTS):
            starts = self.starts[place : place + _TEXTS]
            end = starts[-1] + self.sizes[place : place + _TEXTS][-1]
            made.append(function.reduceat(table[self.words[starts[0] : end]], starts - starts[0]))
        whole: Numbers = np.concatenate([np.empty(0, dtype=table.dtype), *made])
        return whole

    def spread(self, rows: Ints) -> Words:
        """The words of these texts, text behind text, each with the text's place among `rows` in the upper half."""
        sizes = self.sizes[rows]
        ends = np.cumsum(sizes)
        place = np.repeat(self.starts[rows] - (ends - sizes), sizes) + np.arange(ends[-1])
        spread: Words = np.repeat(np.arange(len(rows), dtype=np.uint64) << np.uint64(32), sizes) | self.words[place].astype(np.uint64)
        return spread


def _read_sets(texts: pa.ChunkedArray) -> _Sets:
    split = [_split(part) for part in _cut(texts)]
    lowered = pa.chunked_array([pc.utf8_lower(words.dictionary) for words, _ in split], type=pa.string()).dictionary_encode()
    vocabulary = len(lowered.chunk(0).dictionary) if lowered.num_chunks else 0
    words, sizes = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.int64)]
    for numbers, (local, counts) in zip(lowered.chunks, split, strict=True):
        wide = np.uint32 if len(counts) * vocabulary < 1 << 32 else np.uint64  # the narrower, the sooner sorted
        first = (np.arange(len(counts)) * vocabulary).astype(wide)
        keys = np.repeat(first, counts) + numbers.indices.to_numpy()[local.indices.to_numpy()].astype(wide)
        keys.sort()
        keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
        ends = np.searchsorted(keys, first[1:])
        sizes.append(np.diff(np.concatenate([[0], ends, [len(keys)]])))
        words.append((keys - np.repeat(first, sizes[-1])).astype(np.int32))
    each = np.concatenate(sizes)
    return _Sets(np.concatenate(words), np.cumsum(each) - each, each, vocabulary)


def _cut(texts: pa.ChunkedArray) -> Iterator[pa.StringArray]:
    """The texts in parts of at most `_TEXTS` and, but for a single one, at most `_BYTES`."""
    for chunk in texts.chunks:
        place, rows = 0, _TEXTS
        while place < len(chunk):
            part = chunk.slice(place, rows)
            if part.nbytes > _BYTES and len(part) > 1:
                rows = len(part) // 2
                continue
            yield part
            place += len(part)


def _split(texts: pa.StringArray) -> tuple[pa.DictionaryArray, npt.NDArray[np.int32]]:
    """All words of all texts, and how many each text has: at least one."""
    split = pc.ascii_split_whitespace(pc.ascii_trim_whitespace(texts))
    return split.flatten().dictionary_encode(), split.value_lengths().to_numpy()


def _hashes(vocabulary: int, *names: object) -> Words:
    return mix(np.arange(vocabulary, dtype=np.uint64) ^ np.uint64(key_of("near copies", *names)))


def _bits_of(vocabulary: int, word: int) -> Words:
    """For every word its bit of the map's `word`-th 64-bit word; most words have theirs elsewhere."""
    place = _hashes(vocabulary, "map") >> np.uint64(56)
    return np.where(place >> np.uint64(6) == word, np.uint64(1) << (place & np.uint64(63)), np.uint64(0))


def _candidates(keys: Words, known: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Pairs (later, earlier) of texts with the same key; of later ones that are known when a round begins, none."""
    order = np.argsort(keys, kind="stable")  # texts of one key in their own order
    opens = np.concatenate([[True], keys[order[1:]] != keys[order[:-1]]])[: len(order)]
    first = np.maximum.accumulate(np.where(opens, np.arange(len(order)), 0))
    place = np.flatnonzero(~opens)
    for back in range(_WINDOW + 1):
        to = first[place] if back == 0 else place - back
        fresh = (known[order[place]] < 0) & ((to > first[place]) | (back == 0))
        yield order[place[fresh]], order[to[fresh]]


def _judge(sets: _Sets, maps: Words, later: Ints, earlier: Ints, threshold: float, found: NearCopies) -> None:
    """Measures pairs, each later text in one of them, and takes note of those that are alike."""
    for place in range(0, len(later), 1 << 16):
        some, others = later[place : place + (1 << 16)], earlier[place : place + (1 << 16)]
        both = sets.sizes[some] + sets.sizes[others]
        # Words in one set alone set or clear different bits of the maps, or meet on one: there are at least as many as bits that differ.
        apart = _count_bits(maps[some] ^ maps[others]).sum(axis=1)
        apart = np.maximum(apart, np.abs(sets.sizes[some] - sets.sizes[others]))
        hopeful = (both - apart) / (both + apart) >= threshold
        for these, those in _portions(sets, some[hopeful], others[hopeful]):
            similarity = _measure(sets, these, those)
            alike = similarity >= threshold
            found.earlier[these[alike]] = those[alike]
            found.similarity[these[alike]] = similarity[alike]


def _portions(sets: _Sets, left: Ints, right: Ints) -> Iterator[tuple[Ints, Ints]]:
    """The pairs in portions of about `_MEASURED` words."""
    bins = np.cumsum(sets.sizes[left] + sets.sizes[right]) // _MEASURED
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(bins)) + 1, [len(left)]])
    for start, end in pairwise(cuts):
        if end > start:
            yield left[start:end], right[start:end]


def _measure(sets: _Sets, left: Ints, right: Ints) -> Floats:
    """Common words by all words of each pair."""
    words = np.concatenate([sets.spread(left), sets.spread(right)])
    words.sort(kind="stable")  # two runs, which are merged
    common = np.bincount((words[1:][words[1:] == words[:-1]] >> np.uint64(32)).astype(np.int64), minlength=len(left))
    return np.asarray(common / (sets.sizes[left] + sets.sizes[right] - common), dtype=np.float64)


def _count_bits(words: Words) -> Ints:
    """The bits that are set, by adding neighbours (numpy has a function for it from 2.0 on)."""
    words = words - ((words >> np.uint64(1)) & np.uint64(0x5555555555555555))
    words = (words & np.uint64(0x3333333333333333)) + ((words >> np.uint64(2)) & np.uint64(0x3333333333333333))
    words = (words + (words >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return ((words * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.int64)
