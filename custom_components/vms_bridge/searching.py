"""What people mean who type into the media browser's search. Pure; it never raises, and something is always meant.

    query  = { filter | "quoted words" | camera | zone | label | time | word }
    filter = name ":" ( word | "quoted" )
    name   = label | camera | zone | kind | plate | face | objekt | kamera | art | kennzeichen | gesicht

A camera or zone is known by its whole name, a label by the bridge's own word or a usual one of either language; the longest
phrase that is one of these, or a time (spoken_spans.py), counts. All else are words to be searched for, but for those that say
nothing (`the`, `am`). Of two times the later one said counts for the end that it names. What was understood is told in the same
grammar, so that it means the same when it is typed again.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from .places import MOST_CAMERAS, Wanted
from .spoken_spans import MOST_TOKENS, Listener, Span, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from .media_words import Words

LONGEST: Final = 256
"""How many characters of a query are looked at."""
_MOST_TOKENS = 40
_MOST_WORDS = 16
_TOKEN = re.compile(r'(?:(?P<name>[^\W\d_]{1,16}):\s?)?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"?|(?P<plain>[^\s"]+))')
_WORD = re.compile(r"[^\W_]+\*?")
_SIMPLE = re.compile(r"[^\W_][\w.-]*")
_NAMES = {
    name: what
    for what, names in (
        ("label", "label|object|objekt"),
        ("camera", "camera|cam|kamera"),
        ("zone", "zone"),
        ("kind", "kind|art"),
        ("plate", "plate|kennzeichen"),
        ("face", "face|gesicht"),
    )
    for name in names.split("|")
}
_FIELDS = ("camera", "label", "kind", "zone", "plate", "face")
_LABELS = {
    name: names.partition("|")[0]
    for names in (
        "person|people|persons|human|personen|mensch|menschen|leute",
        "car|cars|auto|autos|pkw",
        "truck|trucks|lkw|lastwagen",
        "bus|buses|busse",
        "motorcycle|motorcycles|motorbike|motorrad|motorräder",
        "bicycle|bicycles|bike|bikes|fahrrad|fahrräder",
        "dog|dogs|hund|hunde",
        "cat|cats|katze|katzen",
        "bird|birds|vogel|vögel",
        "horse|horses|pferd|pferde",
        "package|packages|parcel|parcels|paket|pakete",
        "face|faces|gesicht|gesichter",
    )
    for name in names.split("|")
}
_KINDS = {
    "dauer": "continuous",
    "daueraufnahme": "continuous",
    "kontinuierlich": "continuous",
    "ausgelöst": "forced",
    "erzwungen": "forced",
    "extern": "external",
    "line": "line_crossing",
    "linie": "line_crossing",
    "verweilen": "loitering",
    "left": "abandoned_object",
    "zurückgelassen": "abandoned_object",
    "removed": "removed_object",
    "entfernt": "removed_object",
    "eingang": "input",
    "manipulation": "tamper",
    "signal": "signal_loss",
    "signalverlust": "signal_loss",
    "netzwerk": "network",
    "analyse": "analytics",
}
_NOISE = (
    "a an and at by for from in near of on or the to with "
    "am an auf bei beim das dem den der des die ein eine einem einen einer im in mit oder um und vom von zu zum zur"
)
_SAYS_NOTHING = frozenset(_NOISE.split())


class Vocabulary:
    """What there is to be meant: cameras by `system/monitor`, each with its name, and labels and zones."""

    def __init__(self, cameras: Mapping[str, str] | None = None, labels: Iterable[str] = (), zones: Iterable[str] = ()) -> None:
        self.names: Final = dict(cameras or {})
        self._cameras: dict[str, set[str]] = {}
        for key, name in self.names.items():
            self._cameras.setdefault(_folded(name), set()).add(key)
        self._labels, self._zones = (
            {folded: name for name in sorted(names, reverse=True) if (folded := _folded(name))} for names in (labels, zones)
        )

    def cameras_called(self, name: str) -> frozenset[str]:
        """Return the cameras that have that key, or else exactly that name."""
        if name in self.names:
            return frozenset((name,))
        folded = _folded(name)
        return frozenset(self._cameras.get(folded, ())) if folded else frozenset()

    def cameras_like(self, text: str) -> frozenset[str]:
        """Return the cameras that are called so, or else those with that in their name."""
        if called := self.cameras_called(text):
            return called
        part = _folded(text)
        return frozenset(key for name, keys in self._cameras.items() if part and part in name for key in keys)

    def label(self, text: str) -> str | None:
        """Return the label as the bridge writes it, or a usual one; None where it is none that is known."""
        folded = _folded(text)
        usual = _LABELS.get(folded)
        return self._labels.get(folded) or (None if usual is None else self._labels.get(usual, usual))

    def zone(self, text: str) -> str | None:
        """Return the zone's name as the bridge writes it, None where there is none."""
        return self._zones.get(_folded(text))


@dataclass(slots=True)
class _Said:
    """What was understood so far."""

    vocabulary: Vocabulary
    values: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in _FIELDS})
    words: dict[str, None] = field(default_factory=dict)
    parts: int = 0
    """How many words the bridge will make of them."""
    span: Span = field(default_factory=lambda: Span(None, None))

    def take_filter(self, name: str, text: str) -> None:
        """Take a named filter; a camera that there is not is looked for as words."""
        value = " ".join(text.split())
        if not value:
            return
        if name == "camera":
            cameras = self.vocabulary.cameras_like(value)
            self.values[name] |= cameras
            if not cameras:
                self.take_words(value)
        elif name == "label":
            self.values[name].add(self.vocabulary.label(value) or value)
        elif name == "zone":
            self.values[name].add(self.vocabulary.zone(value) or value)
        elif name == "kind":
            self.values[name].add(_KINDS.get(_folded(value), value.lower()[:LONGEST]))
        else:
            self.values[name].add(value)

    def phrase(self, text: str, listener: Listener) -> bool:
        """Take a phrase that is the name of something, or a time; say whether it is."""
        if cameras := self.vocabulary.cameras_called(text):
            self.values["camera"] |= cameras
        elif zone := self.vocabulary.zone(text):
            self.values["zone"].add(zone)
        elif label := self.vocabulary.label(text):
            self.values["label"].add(label)
        elif span := listener.span(text):
            self._narrow(span)
        else:
            return False
        return True

    def take_words(self, text: str) -> None:
        """Take words to be searched for, as many as the bridge takes."""
        for word in _WORD.findall(text):
            parts = len(_WORD.findall(_plain(word)))
            if word not in self.words and parts and self.parts + parts <= _MOST_WORDS:
                self.words[word] = None
                self.parts += parts

    def _narrow(self, span: Span) -> None:
        both = Span(span.since or self.span.since, span.until or self.span.until)
        is_empty = both.since is not None and both.until is not None and both.since >= both.until
        self.span = span if is_empty else both

    @property
    def wanted(self) -> Wanted:
        """All of it."""
        cameras, labels, kinds, zones, plates, faces = (tuple(sorted(self.values[name])) for name in _FIELDS)
        return Wanted(
            cameras=cameras[:MOST_CAMERAS],
            labels=labels,
            kinds=kinds,
            zones=zones,
            plates=plates,
            faces=faces,
            words=" ".join(self.words)[:LONGEST].rstrip(),
            since=self.span.since,
            until=self.span.until,
        )


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, or what is between quotes; `name` of the filter that it is for."""

    text: str
    name: str | None
    is_quoted: bool

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:
        """Return what the expression has found; a name that is no filter's is part of the word."""
        said, quoted, plain = found["name"], found["quoted"], found["plain"]
        name = None if said is None else _NAMES.get(said.lower())
        text = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        return cls(text=text if said is None or name else f"{said}:{text}", name=name, is_quoted=quoted is not None)


def parse(text: str, vocabulary: Vocabulary, listener: Listener) -> Wanted:
    """Return what is meant: of an empty text everything."""
    said = _Said(vocabulary)
    tokens = _tokens(text)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        count = 1
        if token.name is not None:
            said.take_filter(token.name, token.text)
        elif token.is_quoted:
            said.take_words(token.text)
        elif (taken := _phrase(tokens[at : at + MOST_TOKENS], said, listener)) > 0:
            count = taken
        elif token.text.lower() not in _SAYS_NOTHING:
            said.take_words(token.text)
        at += count
    return said.wanted


def tell(wanted: Wanted, vocabulary: Vocabulary, words: Words, zone: tzinfo) -> str:
    """Return a query that means this, whenever it is typed; empty for everything."""
    names = words.fields
    parts = [f"{names['label']}:{_quoted(label)}" for label in wanted.labels]
    parts += [f"{names['camera']}:{_quoted(name)}" for name in _camera_names(wanted.cameras, vocabulary)]
    for name, values in (("zone", wanted.zones), ("kind", wanted.kinds), ("plate", wanted.plates), ("face", wanted.faces)):
        parts += [f"{names[name]}:{_quoted(value)}" for value in values]
    parts.append(written(Span(wanted.since, wanted.until), zone, since=words.since, before=words.before))
    if wanted.words:
        parts.append(f'"{wanted.words}"')
    return " ".join(filter(None, parts))


def _tokens(text: str) -> Sequence[_Token]:
    plain = " ".join("".join(each if each.isprintable() else " " for each in text[:LONGEST]).split())
    return [_Token.of(found) for found in _TOKEN.finditer(plain)][:_MOST_TOKENS]


def _phrase(tokens: Sequence[_Token], said: _Said, listener: Listener) -> int:
    """Take the longest phrase at the beginning that means something; return how many tokens it has."""
    plain = [token.text for token in tokens]
    end = next((at for at, token in enumerate(tokens) if token.is_quoted or token.name), len(tokens))
    return next((count for count in range(end, 0, -1) if said.phrase(" ".join(plain[:count]).strip(",;"), listener)), 0)


def _camera_names(cameras: Iterable[str], vocabulary: Vocabulary) -> list[str]:
    """Return names that mean just these cameras; the key of one whose name means others too."""
    all_of, names = set(cameras), dict[str, None]()
    for camera in cameras:
        name = vocabulary.names.get(camera, camera)
        called = vocabulary.cameras_called(" ".join(name.split()))
        names[name if called and called <= all_of and camera in called else camera] = None
    return list(names)


def _quoted(value: str) -> str:
    if _SIMPLE.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _plain(text: str) -> str:
    """Return a word as the bridge looks it up, without capital letters and accents."""
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))
