"""What handlers get: objects with the words that the bridge has said as their attributes."""

from __future__ import annotations

import copy
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vms_bridge.script.asked import ask, given, nothing
from vms_bridge.script.cameras import Done, Monitor, done_of
from vms_bridge.script.checks import check_number, check_text, check_texts, check_value
from vms_bridge.script.media import Media, media_of
from vms_bridge.strict_json import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vms_bridge.script.asked import Asked

_TIMES = frozenset({"time", "start", "end", "scheduled", "since", "until"})


class Happening:
    """Something that has happened. What is known of it are its attributes; `as_dict()` has them all."""

    __slots__ = ("_data", "_words")

    def __init__(self, words: Mapping[str, Any], data: bytes = b"") -> None:
        self._words, self._data = words, data

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - JSON, and times and monitors made of it
        if name.startswith("_"):
            raise AttributeError(name)
        words = self._words
        if name not in words:
            known = ", ".join(sorted(words))
            raise AttributeError(f"{type(self).__name__} has no {name!r}; it has {known}", name=name, obj=self)
        value = words[name]
        if name == "monitor" and isinstance(value, str):
            return Monitor(_path(words.get("system"), value), str(words.get("name") or words.get("monitor_name") or ""))
        if name in _TIMES and isinstance(value, str):
            return _time(value)
        return value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._words]

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def as_dict(self) -> dict[str, Any]:
        """Return a copy of all of it, as JSON has it."""
        return copy.deepcopy(dict(self._words))

    def plain(self) -> Any:  # noqa: ANN401 - JSON
        """Return its form in JSON."""
        return self.as_dict()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {json.dumps(self._words, default=str)[:500]}>"


class Event(Happening):
    """An event, with the words of `docs/mqtt.md`, and what can be done to it.

    `id`, `kind`, `label`, `labels`, `score`, `zones`, `cause`, `start`, `end`, `duration`, `late`, ...; `step` is what has
    happened to it. `annotate`, `archive`, `lock`, `tag`, `note`, `delete` need the permission for it.
    """

    __slots__ = ()
    id: str
    step: str
    system: str
    monitor: Monitor
    monitor_name: str
    kind: str
    late: bool
    label: str | None
    labels: list[str]
    score: float | None
    zones: list[str]
    cause: str | None
    start: datetime | None
    end: datetime | None
    duration: float | None
    end_reason: str | None
    alarm_frames: int | None
    max_score: int | None
    snapshot_ready: bool
    clip_ready: bool
    archived: bool | None
    locked: bool | None
    tags: list[str] | None
    plates: list[str]
    faces: list[str]
    text: str | None
    direction: str | None

    def snapshot(self, *, annotated: bool = False) -> Asked[Media]:
        """Get its best picture; `annotated`: with what was detected drawn into it."""
        return self._media("annotated" if annotated else "snapshot")

    def clip(self) -> Asked[Media]:
        """Get its video."""
        return self._media("clip")

    def frame(self, number: int) -> Asked[Media]:
        """Get one of its frames, by its number from 1."""
        return self._media("frame", frame=check_number(number, "number", 1, 10_000_000))

    def reload(self) -> Asked[Event]:
        """Ask for it as it is now."""
        return ask("event.get", {"event": self.id}, lambda words, _: Event(words["event"]))

    def annotate(
        self,
        *,
        labels: Sequence[str] | None = None,
        score: float | None = None,
        zones: Sequence[str] | None = None,
        text: str | None = None,
        plates: Sequence[str] | None = None,
        faces: Sequence[str] | None = None,
    ) -> Asked[None]:
        """Say what is on it: all that this script has to say of it, each time. Needs `permissions(annotate=True)`."""
        words = given(
            labels=_many(labels, "labels"),
            score=check_number(score, "score", 0, 1),
            zones=_many(zones, "zones"),
            text=None if text is None else check_text(text, "text", 2000),
            plates=_many(plates, "plates"),
            faces=_many(faces, "faces"),
        )
        if not words:
            raise TypeError("annotate() says something: labels, score, zones, text, plates, faces")
        return ask("event.annotate", {"event": self.id, **words}, nothing)

    def archive(self, on: bool = True) -> Asked[Done]:  # noqa: FBT001, FBT002 - it is all that it takes
        """Keep it when the VMS makes room; `archive(False)`: no more."""
        return self.command("archived", on)

    def lock(self, on: bool = True) -> Asked[Done]:  # noqa: FBT001, FBT002 - it is all that it takes
        """Have nobody delete it; `lock(False)`: no more."""
        return self.command("locked", on)

    def tag(self, tag: str) -> Asked[Done]:
        """Give it this tag too."""
        return self.command("tag", check_text(tag, "tag", 100))

    def untag(self, tag: str) -> Asked[Done]:
        """Take this tag away from it."""
        return self.command("untag", check_text(tag, "tag", 100))

    def note(self, text: str) -> Asked[Done]:
        """Replace its notes; an empty text clears them."""
        return self.command("note", check_text(text, "note", 1000) if text else "")

    def delete(self) -> Asked[Done]:
        """Delete it."""
        return self.command("delete")

    def command(self, name: str, value: Any = None) -> Asked[Done]:  # noqa: ANN401 - JSON
        """Have any command done to it, by the name that `docs/mqtt.md` has for it."""
        words = {"event": self.id, "name": check_text(name, "the name of a command", 64), "value": check_value(value)}
        return ask("event.command", words, done_of)

    def _media(self, which: str, **more: object) -> Asked[Media]:
        return ask("event.media", {"event": self.id, "which": which, **more}, media_of)


class Alarm(Happening):
    """A monitor's alarm state has changed, from `before` to `now`."""

    __slots__ = ()
    system: str
    monitor: Monitor
    name: str
    before: str | None
    now: str | None
    time: datetime
    score: int | None
    cause: str | None
    event: str | None
    lost: int


class Detection(Happening):
    """What was seen in one frame: `objects` are dicts with label, score, box, zones, track, text."""

    __slots__ = ()
    system: str
    monitor: Monitor
    name: str
    source: str
    time: datetime
    objects: list[dict[str, Any]]


class Change(Happening):
    """Of a monitor or system, `field` has changed, from `before` to `now`; `state` has all the rest.

    `follows` is "available" where it is unknown, or known again, only because the monitor or system was lost, or is back.
    """

    __slots__ = ()
    system: str
    monitor: Monitor
    name: str
    field: str
    before: Any
    now: Any
    follows: str | None
    state: dict[str, Any]


class Notice(Happening):
    """Something is wrong (`active`), or no more: `kind`, and what `docs/notifications.md` has of it."""

    __slots__ = ()
    kind: str
    active: bool


class Message(Happening):
    """A message of MQTT: `topic`, `payload` (None where it is no text), `json` (None where it is none), `data` (its bytes)."""

    __slots__ = ()
    topic: str
    payload: str | None
    json: Any
    retain: bool

    @property
    def data(self) -> bytes:
        """The payload as it came."""
        return self._data


class Hook(Happening):
    """Somebody has called a webhook: its `name`, and the `body` as JSON or text."""

    __slots__ = ()
    name: str
    body: Any


class Due(Happening):
    """It is time: `scheduled` is when it was due, `late_s` how much later it is now."""

    __slots__ = ()
    scheduled: datetime
    late_s: float


class SettingsChange(Happening):
    """Settings have changed: all of them in `settings`, the names of those that are different in `changed`."""

    __slots__ = ()
    settings: dict[str, Any]
    changed: list[str]


class EntityCommand(Happening):
    """Somebody has switched, pressed or set an entity of the script's: its `key`, and the `value` (None of a button)."""

    __slots__ = ()
    key: str
    value: Any


_KINDS: dict[str, type[Happening]] = {
    "alarm": Alarm,
    "detection": Detection,
    "monitor_state": Change,
    "system_state": Change,
    "notice": Notice,
    "mqtt": Message,
    "webhook": Hook,
    "cron": Due,
    "every": Due,
    "sun": Due,
    "setting": SettingsChange,
    "entity": EntityCommand,
    "event": Event,
}


def kind_of(kind: str) -> type[Happening]:
    """Return what a handler of that kind gets one of."""
    return _KINDS.get(kind, Happening)


def happening(kind: str, words: Mapping[str, Any], data: bytes = b"") -> Happening:
    """Return what a handler of that kind gets."""
    return kind_of(kind)(told_of(kind, words, data), data)


def told_of(kind: str, words: Mapping[str, Any], data: bytes) -> Mapping[str, Any]:
    """Return the words with what is to be read in the bytes: the bridge hands on bytes only, so that it keeps nothing twice."""
    if kind == "mqtt":
        text = _text(data)
        return {**words, "payload": text, "json": None if text is None else _json(text)}
    if kind == "webhook":
        return {**words, "body": _json(_text(data) or "")}
    return words


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _json(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return decode(text)
    except (ValueError, RecursionError):
        return None


def _path(system: object, monitor: str) -> str:
    return monitor if "/" in monitor or not system else f"{system}/{monitor}"


def _time(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _many(value: Sequence[str] | None, name: str) -> list[str] | None:
    if value is None or (not isinstance(value, str) and not value):
        return None if value is None else []
    found = check_texts(value, name, 64, most=32)
    return [found] if isinstance(found, str) else found
