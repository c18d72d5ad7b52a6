"""A house that runs no script, and notes what it is told: for tests of who looks after scripts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tests.fakes.backend import START

from vms_bridge.scripting import ScriptLife, ScriptLine, ScriptStatus
from vms_bridge.scripts.log_pages import line_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from vms_bridge.scripts.admitted import Admitted
    from vms_bridge.scripts.settings import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Implements `log_pages.Entry`."""

    number: int
    time: datetime
    level: str
    text: str
    line: int | None = None


class FakeLog:
    """Implements `log_pages.Log` and, of itself, `log_pages.Following`."""

    def __init__(self) -> None:
        self._said: list[Said] = []
        self._count = 0
        self._news = asyncio.Event()
        self.followers = 0

    def tail(self, limit: int, *, least: str = "debug") -> Sequence[Said]:
        assert least == "debug"
        return self._said[-limit:]

    def say(self, text: str, level: str = "info") -> None:
        self._count += 1
        self._said.append(Said(number=self._count, time=START, level=level, text=text))
        self._news.set()

    def forget(self, count: int) -> None:
        """Have the oldest lines be gone."""
        del self._said[:count]

    def follow(self) -> FakeLog:
        self.followers += 1
        self._news.clear()
        return self

    async def next(self) -> Sequence[Said]:
        await self._news.wait()
        self._news.clear()
        return ()

    def close(self) -> None:
        self.followers -= 1


class FakeHouse:
    """Implements `admitted.House`."""

    def __init__(self) -> None:
        self.runs: dict[str, Admitted] = {}
        self.told: list[tuple[object, ...]] = []
        self.logs: dict[str, FakeLog] = {}
        self.leaving: Callable[[], Awaitable[object]] = partial(asyncio.sleep, 0)
        """What a script does yet that has been dropped."""
        self.listeners: list[Callable[[ScriptLine], None]] = []

    def take(self, admitted: Admitted) -> None:
        self.told.append(("take", admitted.source.name, admitted.source.text))
        self.runs[admitted.source.name] = admitted

    def drop(self, name: str, *, at_once: bool) -> None:
        self.told.append(("drop", name, at_once))
        del self.runs[name]

    async def forget(self, name: str) -> None:
        self.told.append(("forget", name))
        await self.leaving()

    def restart(self, name: str) -> None:
        self.told.append(("restart", name))

    def life(self, name: str) -> ScriptLife | None:
        admitted = self.runs.get(name)
        return None if admitted is None else ScriptLife(status=ScriptStatus.READY, sha256=admitted.source.sha256)

    def settings_changed(self, name: str, settings: Mapping[str, Value], changed: Sequence[str]) -> None:
        self.told.append(("settings", name, dict(settings), list(changed)))

    def state_changed(self, name: str, absent: Sequence[str]) -> None:
        self.told.append(("state", name, list(absent)))

    def log(self, name: str) -> FakeLog | None:
        return self.logs.get(name)

    def listen(self, heard: Callable[[ScriptLine], None]) -> Callable[[], None]:
        self.listeners.append(heard)
        return lambda: self.listeners.remove(heard)

    def say(self, name: str, text: str) -> None:
        """Have a script say something."""
        log = self.logs[name]
        log.say(text)
        for heard in list(self.listeners):
            heard(line_of(name, log.tail(1)[0]))
