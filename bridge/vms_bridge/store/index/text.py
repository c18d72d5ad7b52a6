"""Texts as words that can be searched for: capital letters, accents and widths of letters count for nothing."""

from __future__ import annotations

import re
import unicodedata

MOST_WORDS = 256
"""How many different words of an event are searched."""
LONGEST_WORD = 64
_WORD = re.compile(r"[^\W_]+")


def words(*texts: str) -> list[str]:
    """Return the words of these texts, each once, in their order: letters and digits that no other character parts."""
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(_plain(text))))
    return list(found)[:MOST_WORDS]


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))
