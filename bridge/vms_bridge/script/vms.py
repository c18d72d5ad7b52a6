"""Systems (VMSs), the archive of what they have recorded, their logs and the bridge's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.script.asked import ask, given
from vms_bridge.script.cameras import Done, Monitor, done_of
from vms_bridge.script.checks import check_names, check_number, check_switch, check_text, check_texts, check_time, check_value
from vms_bridge.script.durations import Duration, seconds
from vms_bridge.script.errors import TooMany
from vms_bridge.script.happenings import Event
from vms_bridge.script.timing import sleep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from vms_bridge.script.asked import Asked

_LEVELS = ("debug", "info", "warning", "error")
_PAGE = 100
_PAUSE_S = 1.0
"""Before a page is asked for again that was refused, for the script asks too often."""


class System:
    """One system (VMS): `systems["zm"]`."""

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def plain(self) -> str:
        """Return its form in JSON: its key."""
        return self.key

    def state(self) -> Asked[dict[str, Any]]:
        """Ask how it is now: `(await s.state())["run_state"]`; the words are those of `docs/mqtt.md`."""
        return ask("system.state", {"system": self.key}, lambda words, _: dict(words.get("state") or words))

    def run_state(self, name: str) -> Asked[Done]:
        """Change to a run state, as ZoneMinder has them."""
        return self.command("run_state", check_text(name, "name", 64))

    def command(self, name: str, value: str | float | None = None) -> Asked[Done]:
        """Tell it any command by its name, as `docs/mqtt.md` has them."""
        words = {"system": self.key, "name": check_text(name, "the name of a command", 64), "value": check_value(value)}
        return ask("system.command", words, done_of)

    def logs(self, *, level: str = "info", since: datetime | None = None, limit: int = 100) -> Asked[list[dict[str, Any]]]:
        """Read its log: the newest lines of that level or above. Needs `permissions(logs=True)`."""
        words = {"system": self.key, **_lines(level, limit), **given(since=_time(since, "since"))}
        return ask("system.logs", words, lambda said, _: list(said.get("lines") or ()))

    def __str__(self) -> str:
        return self.key

    def __repr__(self) -> str:
        return f"<System {self.key}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, System) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


class Systems:
    """All systems: `systems["zm"]`."""

    __slots__ = ()

    def __getitem__(self, key: str) -> System:
        """Return the one of that key. Whether there is one shows when you call something."""
        return System(check_text(key, "the key of a system", 64))


class Bridge:
    """The bridge itself."""

    __slots__ = ()

    def state(self) -> Asked[dict[str, Any]]:
        """Ask how it is: its version, its systems, and what is wrong."""
        return ask("bridge.state", {}, lambda words, _: dict(words))

    def logs(self, *, level: str = "info", limit: int = 100) -> Asked[list[dict[str, Any]]]:
        """Read its log: the newest lines of that level or above. Needs `permissions(logs=True)`."""
        return ask("bridge.logs", _lines(level, limit), lambda said, _: list(said.get("lines") or ()))


class Archive:
    """What was recorded: `for event in await archive.find(labels="person", since=now() - timedelta(hours=1))`."""

    __slots__ = ()

    def find(
        self,
        *,
        monitors: str | Monitor | Sequence[str | Monitor] | None = None,
        systems: str | Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: str | Sequence[str] | None = None,
        labels: str | Sequence[str] | None = None,
        zones: str | Sequence[str] | None = None,
        min_score: float | None = None,
        max_score: float | None = None,
        min_duration: Duration | None = None,
        max_duration: Duration | None = None,
        open: bool | None = None,  # noqa: A002 - the word of docs/api.md
        plates: str | Sequence[str] | None = None,
        faces: str | Sequence[str] | None = None,
        words: str | None = None,
        limit: int = _PAGE,
        after: str | None = None,
    ) -> Asked[Found]:
        """Search for events, the newest first, at most 500 at once. Of several values of a filter any will do.

        `open`: only those that have not ended yet, or (False) that have.

        The answer is a list of `Event`; its `after` goes on where it ends: `archive.find(..., after=found.after)`.
        """
        check_number(limit, "limit", 1, 500)
        said = given(
            monitors=_monitors(monitors),
            systems=_list(systems, "systems"),
            since=_time(since, "since"),
            until=_time(until, "until"),
            kinds=_list(kinds, "kinds"),
            labels=_list(labels, "labels"),
            zones=_list(zones, "zones"),
            min_score=check_number(min_score, "min_score", 0, 1),
            max_score=check_number(max_score, "max_score", 0, 1),
            min_duration=None if min_duration is None else seconds(min_duration, "min_duration"),
            max_duration=None if max_duration is None else seconds(max_duration, "max_duration"),
            open=None if open is None else check_switch(open, "open"),
            plates=_list(plates, "plates"),
            faces=_list(faces, "faces"),
            words=None if words is None else check_text(words, "words", 256),
            after=None if after is None else check_text(after, "after"),
        )
        return ask("archive.find", {"limit": limit, **said}, lambda found, _: Found(found))

    async def all(
        self,
        *,
        monitors: str | Monitor | Sequence[str | Monitor] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: str | Sequence[str] | None = None,
        labels: str | Sequence[str] | None = None,
        most: int = 10_000,
    ) -> AsyncIterator[Event]:
        """Go through all that fit, page by page: `async for event in archive.all(labels="car")`; at most so many.

        It pauses where it would ask more often than a script may.
        """
        after = None
        while most > 0:
            limit = min(most, _PAGE)
            try:
                found = await self.find(
                    monitors=monitors, since=since, until=until, kinds=kinds, labels=labels, limit=limit, after=after
                )
            except TooMany:
                await sleep(_PAUSE_S)
                continue
            for event in found[:limit]:
                most -= 1
                yield event
            after = found.after
            if after is None:
                return

    def event(self, id: str) -> Asked[Event]:  # noqa: A002 - the word of docs/mqtt.md
        """Ask for one event by its id, such as "zm-1234"."""
        return ask("event.get", {"event": check_text(id, "id", 200)}, lambda words, _: Event(words["event"]))


class Found(list[Event]):
    """Events, and in `after` where the rest of them begins; None where there is no more."""

    def __init__(self, words: Mapping[str, Any]) -> None:
        super().__init__(Event(each) for each in words.get("events") or ())
        self.after: str | None = words.get("after")


systems = Systems()
bridge = Bridge()
archive = Archive()


def _lines(level: str, limit: int) -> dict[str, Any]:
    check_number(limit, "limit", 1, 1000)
    return {"level": check_names(level, "level", _LEVELS), "limit": limit}


def _list(value: str | Sequence[str] | None, name: str) -> list[str] | None:
    found = check_texts(value, name)
    return [found] if isinstance(found, str) else found


def _monitors(value: str | Monitor | Sequence[str | Monitor] | None) -> list[str] | None:
    if value is None or isinstance(value, str | Monitor):
        value = value if value is None else [value]
    if value is None:
        return None
    if not isinstance(value, list | tuple | set | frozenset):
        raise TypeError(f"monitors are names or monitors, and not {value!r}")
    return _list([each.path if isinstance(each, Monitor) else each for each in value], "monitors")


def _time(value: datetime | None, name: str) -> datetime | None:
    return None if value is None else check_time(value, name)
