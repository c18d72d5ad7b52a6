"""Monitors (cameras): what they are, how they are now, and what they can be told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from vms_bridge.script.asked import ask, given
from vms_bridge.script.checks import check_number, check_switch, check_text, check_time, check_value
from vms_bridge.script.durations import Duration, seconds
from vms_bridge.script.frames import Frames
from vms_bridge.script.link import link
from vms_bridge.script.media import Media, media_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from vms_bridge.script.asked import Asked

_LONGEST_CLIP_S = 3600.0
_FURTHEST_S = 600.0
"""How far ahead a clip may end."""
_LONGEST_WAIT_S = 600.0
_LONGEST_COMMAND_S = 86_400.0


class MonitorInfo:
    """What a monitor is: `key`, `name`, `system`, `area`, `width`, `height`, `zones`, `modes`, `capabilities`, `presets`."""

    __slots__ = (
        "area",
        "capabilities",
        "height",
        "key",
        "model",
        "modes",
        "monitor",
        "name",
        "presets",
        "system",
        "width",
        "zones",
    )

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.system, self.key = str(words.get("system", "")), str(words.get("key", ""))
        self.name: str = str(words.get("name", ""))
        self.area: str | None = words.get("area")
        self.model: str = str(words.get("model") or "")
        self.width: int | None = words.get("width")
        self.height: int | None = words.get("height")
        self.zones: list[dict[str, Any]] = list(words.get("zones") or ())
        self.modes: dict[str, list[str]] = dict(words.get("modes") or {})
        self.capabilities: frozenset[str] = frozenset(words.get("capabilities") or ())
        self.presets: list[Any] = list(words.get("presets") or ())
        self.monitor = Monitor(f"{self.system}/{self.key}", self.name)

    def __repr__(self) -> str:
        return f"<MonitorInfo {self.monitor.path} {self.name!r}>"


class MonitorState:
    """How a monitor is now: `alarm`, `motion`, `connected`, `armed`, `score`, and all the other words of `docs/mqtt.md`.

    `state.alarm` and `state["alarm"]` are the same; what is unknown is None.
    """

    __slots__ = ("_words",)

    def __init__(self, words: Mapping[str, Any]) -> None:
        self._words = dict(words)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - JSON
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._words:
            raise AttributeError(f"the state has no {name!r}; it has {', '.join(sorted(self._words))}")
        return self._words[name]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        return self._words[name]

    def __contains__(self, name: object) -> bool:
        return name in self._words

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, as JSON has it."""
        return dict(self._words)

    def plain(self) -> Any:  # noqa: ANN401
        """Return its form in JSON."""
        return self._words

    def __repr__(self) -> str:
        return f"<state {self._words}>"


class Monitor:
    """One monitor (camera): `monitors["front"]`. Nothing is asked until you call something.

    What it is told (`trigger`, `arm`, ...) needs the command's name in `permissions(commands=[...])`.
    """

    __slots__ = ("name", "path")

    def __init__(self, path: str, name: str = "") -> None:
        self.path = path
        """How the bridge finds it: `system/key`, or the name or key that you have given."""
        self.name = name or path.rpartition("/")[2]
        """Its name for people, as far as it is known; else its key."""

    @property
    def key(self) -> str:
        """The part of `path` behind the system."""
        return self.path.rpartition("/")[2]

    @property
    def system(self) -> str:
        """The part of `path` before the key; empty where only a name was given."""
        return self.path.rpartition("/")[0]

    def plain(self) -> str:
        """Return its form in JSON: its path."""
        return self.path

    def state(self) -> Asked[MonitorState]:
        """Ask how it is now: `(await m.state()).alarm`."""
        return ask("monitor.state", {"monitor": self.path}, lambda words, _: MonitorState(words.get("state") or {}))

    def info(self) -> Asked[MonitorInfo]:
        """Ask what it is: name, size, zones, modes, presets, capabilities."""
        return ask("monitor.state", {"monitor": self.path}, lambda words, _: MonitorInfo(words.get("monitor") or {}))

    def snapshot(self) -> Asked[Media]:
        """Take a picture of what it sees now."""
        return ask("monitor.snapshot", {"monitor": self.path}, media_of)

    def frames(self, rate: float = 1.0, *, width: int | None = None) -> Frames:
        """Look at its pictures, so many a second: `async for frame in m.frames(2): ...`. The newest wins.

        Those that the bridge decodes are at most `width` pixels wide: 1280, unless you say otherwise.
        """
        check_number(rate, "rate", 0.01, 30)
        return Frames({"monitor": self.path, "rate": rate, **given(width=check_number(width, "width", 64, 1920))})

    def clip(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        before: Duration | None = None,
        after: Duration | None = None,
        encode: bool = False,
        wait: Duration | None = None,
    ) -> Asked[Media]:
        """Cut a video of what it recorded: from `start` to `end`, or `before="5s", after="15s"`, counted from now.

        With `after` it is there only when that time has come, and for `wait` more (a minute, unless you say otherwise) it is
        waited for until the VMS has recorded it. `encode`: encode anew what does not fit together, which takes long.
        """
        first, last = _range(start, end, before, after)
        more = given(
            encode=check_switch(encode, "encode") or None,
            wait_s=None if wait is None else seconds(wait, "wait", most_s=_LONGEST_WAIT_S),
        )
        return ask("monitor.clip", {"monitor": self.path, "start": first, "end": last, **more}, media_of)

    def command(self, name: str, value: str | float | None = None, *, text: str | None = None) -> Asked[Done]:
        """Tell it any command by its name, as `docs/mqtt.md` has them: `m.command("max_fps", 5)`; some take a `text` too."""
        more = given(text=None if text is None else check_text(text, "text", 256))
        return self._tell(check_text(name, "the name of a command", 64), value, more)

    def trigger(self, cause: str | None = None, seconds: Duration | None = None, *, score: int | None = None) -> Asked[Done]:
        """Force an alarm, with a cause, for so long (else as long as the VMS does)."""
        more = given(
            cause=None if cause is None else check_text(cause, "cause", 64),
            seconds=None if seconds is None else _seconds(seconds),
            score=check_number(score, "score", 0, 255),
        )
        return self._tell("alarm", True, more)

    def end_alarm(self) -> Asked[Done]:
        """End its alarm, whoever has made it."""
        return self._tell("end_alarm", None)

    def arm(self) -> Asked[Done]:
        """Have it detect again."""
        return self._tell("armed", True)

    def disarm(self) -> Asked[Done]:
        """Have it detect no more."""
        return self._tell("armed", False)

    def detection(self, on: bool) -> Asked[Done]:  # noqa: FBT001 - it is all that it takes
        """Pause detection, or go on with it: the mode stays."""
        return self._tell("detection", on)

    def set(self, mode: str, value: str | None = None) -> Asked[Done]:
        """Set its mode: `m.set("Modect")`, or the mode of that name, `m.set("recording", "Always")`."""
        check_text(mode, "mode", 64)
        return self._tell("mode", mode) if value is None else self._tell(mode, check_text(value, "value", 64))

    def preset(self, which: int | str) -> Asked[Done]:
        """Send the camera to a preset, by its number or name."""
        return self._tell("preset", which)

    def move(self, how: str, *, seconds: Duration | None = None, speed: float | None = None) -> Asked[Done]:
        """Turn or zoom: "left", "up_right", "zoom_in", ...; it stops by itself after so long (half a second)."""
        more = given(seconds=None if seconds is None else _seconds(seconds), speed=check_number(speed, "speed", 0, 1))
        return self._tell("ptz", check_text(how, "how to move", 40), more)

    def stop(self) -> Asked[Done]:
        """Stop whatever moves the camera."""
        return self._tell("ptz", "stop")

    def _tell(self, name: str, value: object, more: Mapping[str, object] | None = None) -> Asked[Done]:
        return ask("monitor.command", {"monitor": self.path, "name": name, "value": check_value(value), **(more or {})}, done_of)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Monitor {self.path}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Monitor) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)


class Done:
    """What became of a command: `result`, whether it was `applied` (seen to have an effect), `detail` in words."""

    __slots__ = ("applied", "detail", "result")

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.result: str = str(words.get("result") or "")
        self.applied: Any = words.get("applied")
        self.detail: str | None = words.get("detail")

    def __repr__(self) -> str:
        return f"<{self.result} {self.detail or ''}>"


class Monitors:
    """All monitors that the script sees: `monitors["front"]`, `for m in await monitors.list()`, `async for m in monitors`."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Monitor:
        """Return the one of that name, key, or `system/key`. Whether there is one shows when you call something."""
        return Monitor(check_text(name, "the name of a monitor", 200))

    if not TYPE_CHECKING:  # an editor tells it by itself

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"a monitor is monitors[{name!r}], and not monitors.{name}")

    def infos(self) -> Asked[list[MonitorInfo]]:
        """Ask what they all are."""
        return ask("monitors.list", {}, lambda words, _: _infos(words))

    def list(self) -> Asked[list[Monitor]]:
        """Ask which there are."""
        return ask("monitors.list", {}, lambda words, _: [info.monitor for info in _infos(words)])

    def __iter__(self) -> Iterator[Monitor]:
        """Go through them, in a plain `def` handler."""
        return iter(self.list().result())

    async def __aiter__(self) -> AsyncIterator[Monitor]:
        """Go through them."""
        for each in await self.list():
            yield each


monitors = Monitors()


def done_of(words: Mapping[str, Any], _data: bytes) -> Done:
    """Return what became of a command."""
    return Done(words)


def _infos(words: Mapping[str, Any]) -> list[MonitorInfo]:
    return [MonitorInfo(each) for each in words.get("monitors") or ()]


def _seconds(duration: Duration) -> float:
    return seconds(duration, "seconds", most_s=_LONGEST_COMMAND_S)


def _range(
    start: datetime | None, end: datetime | None, before: Duration | None, after: Duration | None
) -> tuple[datetime, datetime]:
    if start is None and end is None:
        if before is None and after is None:
            raise TypeError('a clip is of a time: clip(start, end), or clip(before="5s", after="15s")')
        here = link().now()
        first = here - timedelta(seconds=seconds(before or 0, "before"))
        last = here + timedelta(seconds=seconds(after or 0, "after", most_s=_FURTHEST_S))
    elif start is None or end is None or before is not None or after is not None:
        raise TypeError('a clip is of a time: either clip(start, end), or clip(before="5s", after="15s")')
    else:
        first, last = check_time(start, "start"), check_time(end, "end")
    if not first < last:
        raise ValueError("a clip ends after it begins")
    if (last - first).total_seconds() > _LONGEST_CLIP_S:
        raise ValueError("a clip is at most an hour long")
    return first, last
