"""The files of a folder of domains, and its tables packed into one: what every run needs, even where nothing is compiled."""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from array import array
from pathlib import Path

__all__ = ["CONTENT_FILES", "digest_folder", "domain_files", "domain_parts", "pack", "unpack"]

MAGIC = b"prompt-improver grammar 3\n"
CONTENT_FILES = ("rules.toml", "effectiveness.toml")
"""Content beside the domains; not domains themselves."""


def domain_parts(path: Path) -> list[Path]:
    """The files that make up a domain: `name.toml`, then the family files `name/*.toml` in order of their names."""
    return [path, *sorted(path.with_suffix("").glob("*.toml"))]


def domain_files(folder: Path) -> list[Path]:
    """The domain files of a folder, in order of their names."""
    return [file for file in sorted(folder.glob("*.toml")) if file.name not in CONTENT_FILES]


def digest_folder(folder: Path, extractor: str) -> str:
    """Digest of everything that a compiled folder depends on: its files and the extractor."""
    state = hashlib.sha256(MAGIC + extractor.encode())
    for file in (part for domain in domain_files(folder) for part in domain_parts(domain)):
        state.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return state.hexdigest()[:24]


def pack(tables: dict[str, array[int] | list[str]]) -> bytes:
    """Tables as bytes: a JSON head with a place for each, then the values, 8 bytes aligned, little-endian."""
    head: dict[str, tuple[str, int, int]] = {}
    body = bytearray()
    for name, values in tables.items():
        if isinstance(values, list):
            raw = [value.encode() for value in values]
            ends = array("i", itertools.accumulate((len(r) for r in raw), initial=0))
            kind, data = "text", _little(ends) + b"".join(raw)
        else:
            kind, data = _narrow(values)
        head[name] = (kind, len(body), len(values))
        body += data + bytes(-len(data) % 8)
    text = json.dumps(head).encode()
    text += b" " * (-(len(MAGIC) + 8 + len(text)) % 8)
    return MAGIC + len(text).to_bytes(8, "little") + text + bytes(body)


def _narrow(values: array[int]) -> tuple[str, bytes]:
    low, high = min(values, default=0), max(values, default=0)
    for kind, code in (("int8", "b"), ("int16", "h"), ("int32", "i"), ("int64", "q")):
        limit = 2 ** (8 * array(code).itemsize - 1)
        if -limit <= low and high < limit:
            return kind, _little(array(code, values))
    raise OverflowError(f"{high} does not fit 64 bits")


def _little(values: array[int]) -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def unpack(data: bytes) -> dict[str, tuple[str, int, int]]:
    """The head of packed tables, with places counted from the start of `data`.

    Raises:
        ValueError: not packed tables of this format.
    """
    if not data.startswith(MAGIC):
        raise ValueError("not a compiled grammar of this version")
    size = int.from_bytes(data[len(MAGIC) : len(MAGIC) + 8], "little")
    start = len(MAGIC) + 8
    head = json.loads(data[start : start + size])
    return {name: (kind, start + size + place, count) for name, (kind, place, count) in head.items()}
