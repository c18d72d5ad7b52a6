"""What a detection hook has left in an event's notes: pure and total."""

from __future__ import annotations

import itertools
import re

# zm_detect's note: `[a] detected:person:97% car:80% | Motion: Zone`. Labels may hold spaces (names of faces).
_DETECTED = re.compile(r"detected:\s*([^|\n]{1,1000})", re.IGNORECASE)
_LABEL = re.compile(r"\s*([^:%,\n][^:%,\n]{0,63}?)\s*:\s*(\d{1,3}(?:\.\d{1,4})?)%")
# Sections have nothing between them: `detected:dogMotion: All`.
_NEXT = re.compile(r"Motion:|--SPLIT--|(?:Signal|ONVIF|Linked|Forced Web|Continuous):")
_LIMIT = 32


def detected_labels(notes: str) -> tuple[tuple[str, ...], float | None]:
    """Return the labels that a detection hook left in the notes, best first, and the best one's score in 0..1."""
    found = _DETECTED.search(notes)
    if found is None:
        return (), None
    text = _NEXT.split(found[1])[0]
    scores: dict[str, float] = {}
    for label, percent in _LABEL.findall(text):
        name = label.strip().lower()
        if name:
            scores[name] = max(scores.get(name, 0.0), min(float(percent) / 100, 1.0))
    if not scores:
        plain = [part.strip().lower()[:64] for part in text.split(",")]
        # Behind a colon is the text of another cause, and before it one can't tell the last label from its name.
        whole = itertools.takewhile(lambda part: ":" not in part, plain)
        return tuple(dict.fromkeys(part for part in whole if part))[:_LIMIT], None
    ranked = sorted(scores, key=lambda name: -scores[name])
    return tuple(ranked[:_LIMIT]), scores[ranked[0]]
