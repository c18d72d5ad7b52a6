"""How events and their media are named: in the bridge's ids, in media identifiers and in paths of the view. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final, Literal, Self
from urllib.parse import quote, unquote

type Item = Literal["clip", "picture"]
"""What there is to be seen of an event."""

CLIP: Final = "clip"
PICTURE: Final = "picture"
FILES: Final[dict[Item, str]] = {CLIP: "clip.mp4", PICTURE: "picture.jpg"}
"""What each is called at the end of a path of the view."""
MIME_TYPES: Final[dict[Item, str]] = {CLIP: "video/mp4", PICTURE: "image/jpeg"}
"""What a player is told before it asks; what comes says itself what it is."""
MEDIA_PATH: Final = "/api/vms_bridge/media"
EVENT: Final = "event"
"""Stands for an event in an identifier, in the place of a system's key; the bridge gives no system that key."""

_SOURCE = "media-source://vms_bridge"
_LONGEST_ID = 512
_SYSTEM = re.compile(r"[a-z][a-z0-9_]{0,31}")
_OWN: Final = "own"
_GENERATION = re.compile(rf"([1-9][0-9]{{0,8}}|{_OWN})\.")
OWN: Final = -1
"""In the place of a generation: the bridge itself tells of the event, and no VMS knows it."""
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,512}")


@dataclass(frozen=True, slots=True)
class EventRef:
    """Which event: of which system, and by which id that its VMS has given in which generation of its ids.

    It is the bridge's public id taken apart, read strictly: what the bridge would not write itself is none.
    """

    system: str
    generation: int
    id: str

    def format(self) -> str:
        """Return the public id: the first generation goes without saying, unless the id reads as if it named another."""
        if self.generation == 1 and _GENERATION.match(self.id) is None:
            return f"{self.system}-{self.id}"
        return f"{self.system}-{_OWN if self.generation == OWN else self.generation}.{self.id}"

    @classmethod
    def parse(cls, text: object) -> Self | None:
        """Return the event with this public id, None where it can be no event's."""
        if not isinstance(text, str) or len(text) > _LONGEST_ID or not text.isprintable():
            return None
        system, _, rest = text.partition("-")
        named = _GENERATION.match(rest)
        generation = 1 if named is None else OWN if named[1] == _OWN else int(named[1])
        ref = cls(system, generation, rest if named is None else rest[named.end() :])
        return ref if _SYSTEM.fullmatch(system) and ref.id and ref.format() == text else None


def media_identifier(bridge_id: str, event: str, item: Item | None) -> str:
    """Return the identifier of a clip or picture in the media source; None: what there is of the event."""
    whole = f"{quote(bridge_id, safe='')}/{EVENT}/{quote(event, safe='')}"
    return whole if item is None else f"{whole}/{item}"


def media_content_id(bridge_id: str, event: str, item: Item | None) -> str:
    """Return the media id, as automations use it: it stays the same as long as the bridge keeps its database."""
    return f"{_SOURCE}/{media_identifier(bridge_id, event, item)}"


def parse_identifier(identifier: str) -> tuple[str, EventRef, Item | None] | None:
    """Return the bridge's id, the event and what is named of it; None where the identifier names no event."""
    bridge, kind, event, item = (*identifier.split("/", 4), "", "", "")[:4]
    ref = EventRef.parse(unquote(event)) if kind == EVENT else None
    if ref is None:
        return None
    named: Item | None = CLIP if item == CLIP else PICTURE if item == PICTURE else None
    bridge_id = unquote(bridge)
    if not bridge_id.isprintable() or media_identifier(bridge_id, ref.format(), named) != identifier:
        return None
    return bridge_id, ref, named


def media_path(entry_id: str, event: str, item: Item) -> str:
    """Return where the view gives a clip or picture: whoever asks there must be signed in, or the path signed."""
    return f"{MEDIA_PATH}/{entry_id}/{to_segment(event)}/{FILES[item]}"


def to_segment(text: str) -> str:
    """Return the text as a segment of a path that nobody needs to percent-encode, since whoever signs a path does that anew."""
    if _PLAIN.fullmatch(text):
        return text
    return "~" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def from_segment(segment: str) -> str | None:
    """Return the text that `to_segment` has made this of, None where it has not."""
    if not segment.startswith("~"):
        return segment if _PLAIN.fullmatch(segment) else None
    try:
        raw = base64.b64decode(segment[1:] + "=" * (-len(segment[1:]) % 4), altchars=b"-_", validate=True)
        text = raw.decode()
    except ValueError:
        return None
    return text if to_segment(text) == segment else None
