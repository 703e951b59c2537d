"""The indefinite article: a or an, by how the word behind it is said."""

from __future__ import annotations

import re

__all__ = ["article"]

_VOWEL = re.compile(
    r"[aeio]|u(?!ni(?!n|m)|s[aeiu]|t[ei]|biq|k[ue]|ran)|hour|honest|honou?r|heir|(?:html|nginx|npm|rss|ssh|xml|xpath)(?![a-z])", re.IGNORECASE
)
_CONSONANT = re.compile(r"eu|ewe|one(?![a-z])|one-|once|ouija", re.IGNORECASE)
_SPELT = re.compile(r"[A-Z]+s?(?![A-Za-z])")  # said letter by letter, unless it is said as a word
_SAID_WITH_VOWEL = frozenset("AEFHILMNORSX")
_SAID_AS_WORD = frozenset("LAN MAC MAX NAS NOR NOT RAG RAM RAW ROM ROS SAT SIM SIX SQL".split())
_SAID_BY_LETTER = frozenset("AWOL FPGA GUID RFID UART UUID".split())
_DIGITS = re.compile(r"8|1[18](?!\d)|1[18]\d{3}(?!\d)|1[18][.,]\d")


def _is_spelt(capitals: str) -> bool:
    return capitals in _SAID_BY_LETTER or (capitals not in _SAID_AS_WORD and (len(capitals) < 4 or not set(capitals) & set("AEIOUY")))


def article(word: str) -> str:
    """`"an"` before a vowel sound, else `"a"`; the word may be a number or an acronym and may be followed by others."""
    word = word.lstrip("\"'“‘`(*[")
    spelt = _SPELT.match(word)
    if re.match(r"[A-Za-z](?![\w'’-])", word):
        vowel = word[0].upper() in _SAID_WITH_VOWEL
    elif word[:1].isdigit():
        vowel = bool(_DIGITS.match(word))
    elif spelt and _is_spelt(spelt[0].rstrip("s")):
        vowel = word[0] in _SAID_WITH_VOWEL
    else:
        vowel = bool(_VOWEL.match(word)) and not _CONSONANT.match(word)
    return "an" if vowel else "a"
