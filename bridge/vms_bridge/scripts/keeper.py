"""Looks after the scripts of a folder: which of them are to run, and what administrators say about each.

It decides, and tells who runs them (`House`). A new version that is not approved, or that can't be read, leaves the one
before at work; a file that somebody else could change, or that is gone, ends it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from vms_bridge.errors import BridgeError, NotFound, in_words
from vms_bridge.script_errors import ScriptRefused
from vms_bridge.scripting import Approval
from vms_bridge.scripts.approvals import ApprovalOf, is_approved, words_of
from vms_bridge.scripts.entries import Entry, settings_shown, view_of
from vms_bridge.scripts.folder import Found, Refused, check_name, digest_of
from vms_bridge.scripts.header import Header, read_header
from vms_bridge.scripts.last_runs import KeptRuns
from vms_bridge.scripts.log_pages import page_of
from vms_bridge.scripts.permission_words import in_words as may
from vms_bridge.scripts.settings import checked, in_force
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripting import LinesAsked, LinesPage, ScriptLife, ScriptLine, ScriptView, SettingView, StateView
    from vms_bridge.scripts.folder import Folder, Scan
    from vms_bridge.scripts.log_pages import Log
    from vms_bridge.scripts.settings import Value
    from vms_bridge.scripts.store import Kept, ScriptStore
    from vms_bridge.scripts.values import Source

_LOGGER = logging.getLogger(__name__)
LOOK_S = 1.0
SETTLE_S = 0.3
_MOST_HEADERS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A version of a script that is to run."""

    source: Source
    header: Header


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a worker of a script is given when it begins."""

    settings: Mapping[str, Value]
    state: Mapping[str, Any]
    runs: KeptRuns


class House(Protocol):
    """Who runs scripts. Nothing here waits."""

    def take(self, admitted: Admitted) -> None:
        """Run this version, in place of the one before once it is ready."""

    def drop(self, name: str) -> None:
        """End a script, and forget it."""

    def restart(self, name: str) -> None:
        """Start a script anew, out of quarantine too."""

    def life(self, name: str) -> ScriptLife | None:
        """Return how a script runs; None for one that was never taken, or was dropped."""

    def settings_changed(self, name: str, settings: Mapping[str, Value], changed: Sequence[str]) -> None:
        """Tell a script its settings, of which these have changed."""

    def state_changed(self, name: str, absent: Sequence[str]) -> None:
        """Tell a script that others have taken these keys of its state away."""

    def log(self, name: str) -> Log | None:
        """Return a script's log; None where there is none."""

    def listen(self, heard: Callable[[ScriptLine], None]) -> Callable[[], None]:
        """Have this called with each new line of every script; what is returned ends that."""


class Keeper:
    """Implements `scripting.Scripts`; `run` it. `reserved` says which MQTT topics are not for scripts."""

    def __init__(
        self,
        folder: Folder,
        store: ScriptStore,
        house: House,
        clock: Clock,
        *,
        approval: ApprovalOf = ApprovalOf.SOURCE,
        reserved: Callable[[], Sequence[str]],
        modules: Iterable[str] = (),
    ) -> None:
        self._folder, self._store, self._house, self._clock = folder, store, house, clock
        self._of, self._reserved, self._modules = approval, reserved, frozenset(modules)
        self._entries: dict[str, Entry] = {}
        self._headers: dict[tuple[str, tuple[str, ...]], Header | Refused] = {}
        self._runs: dict[str, KeptRuns] = {}
        self._kept: Kept | None = None
        self._problem: Refused | None = None
        self._on_change: Callable[[], None] = _nothing
        self._told: dict[str, object] = {}
        self._turn = asyncio.Lock()
        """Held by who looks at the folder or changes something."""

    @property
    def approval(self) -> str:
        """What an approval is of."""
        return self._of.value

    async def run(self) -> NoReturn:
        """Look at the folder each second until cancelled; the first look is over soon."""
        await self.look()
        await self._clock.sleep(SETTLE_S)
        while True:
            await self.look()
            await self._tidy()
            await self._clock.sleep(LOOK_S)

    def tell(self, on_change: Callable[[], None]) -> None:
        """Have this called whenever something about a script has changed, but for how it runs, which the house tells."""
        self._on_change = on_change

    async def look(self) -> None:
        """Look at the folder once, and have run what is to."""
        async with self._turn:
            await self._look()

    def all(self) -> Sequence[ScriptView]:
        """Return every script by name."""
        return [self._view(name, entry) for name, entry in sorted(self._entries.items())]

    def get(self, name: str) -> ScriptView:
        """Return a script. Raises NotFound."""
        return self._view(name, self._entry(name))

    async def source(self, name: str) -> str:
        """Return its text. Raises NotFound, ScriptRefused."""
        found = self._entry(name).found
        if isinstance(found, Refused):
            raise ScriptRefused(f"{name} {found.text}", hint=found.hint, script=name)
        return found.source.text

    async def upload(self, name: str, text: str, *, by: str) -> ScriptView:
        """Put this text into the script's file. Raises ScriptRefused."""
        check_name(name)
        reserved = tuple(self._reserved())
        await in_thread("script header", lambda: read_header(text, reserved=reserved, extra=self._modules))
        async with self._turn:
            await in_thread("script upload", lambda: self._folder.write(name, text))
            _LOGGER.info("%s has uploaded the script %s (SHA-256 %s)", by, name, digest_of(text))
            await self._look()
            await self._look()  # at the second look it is settled
            return self.get(name)

    async def delete(self, name: str, *, by: str) -> None:
        """End it and remove all of it. Raises NotFound, ScriptRefused, StoreError."""
        async with self._turn:
            self._entry(name)
            check_name(name)
            await in_thread("script removal", lambda: self._folder.remove(name))
            await self._store.forget(name)
            _LOGGER.info("%s has deleted the script %s", by, name)
            self._runs.pop(name, None)
            await self._reload()
            await self._look()

    async def approve(self, name: str, *, sha256: str, by: str) -> ScriptView:
        """Let it run as it asks. Raises NotFound, ScriptRefused, StoreError."""
        async with self._turn:
            entry = self._entry(name)
            if not isinstance(entry.found, Found) or not isinstance(entry.header, Header):
                raise ScriptRefused(f"{name} can't be approved as it is", hint=self._view(name, entry).life.reason, script=name)
            if entry.found.source.sha256 != sha256:
                raise ScriptRefused(f"{name} is another one than that which was looked at", hint="look at it again", script=name)
            permissions = entry.header.permissions
            approval = Approval(permissions=words_of(permissions), sha256=sha256, time=self._clock.now(), by=by)
            await self._store.approve(name, approval)
            _LOGGER.info("%s has approved the script %s (SHA-256 %s): it may %s", by, name, sha256, "; ".join(may(permissions)))
            await self._reload()
            self._decide(name, entry)
            self._tell_changes()
            return self._view(name, entry)

    async def revoke(self, name: str, *, by: str) -> ScriptView:
        """Take the approval back and end it. Raises NotFound, StoreError."""
        async with self._turn:
            entry = self._entry(name)
            self._end(name, entry)
            await self._store.revoke(name)
            _LOGGER.info("%s has revoked the approval of the script %s", by, name)
            await self._reload()
            self._decide(name, entry)
            self._tell_changes()
            return self._view(name, entry)

    async def restart(self, name: str, *, by: str) -> ScriptView:
        """Start it anew. Raises NotFound, ScriptRefused."""
        entry = self._entry(name)
        if entry.taken is None:
            view = self._view(name, entry)
            raise ScriptRefused(f"{name} can't be started: {view.life.reason}", hint=view.life.hint, script=name)
        _LOGGER.info("%s has restarted the script %s", by, name)
        self._house.restart(name)
        return self._view(name, entry)

    async def enable(self, name: str, *, is_enabled: bool, by: str) -> ScriptView:
        """Let it run, or end it. Raises NotFound, StoreError."""
        async with self._turn:
            entry = self._entry(name)
            if not is_enabled:
                self._end(name, entry)
            await self._store.enable(name, is_enabled=is_enabled)
            _LOGGER.info("%s has %s the script %s", by, "enabled" if is_enabled else "disabled", name)
            await self._reload()
            self._decide(name, entry)
            self._tell_changes()
            return self._view(name, entry)

    async def lines(self, name: str, asked: LinesAsked) -> LinesPage:
        """Return lines of its log. Raises NotFound."""
        self._entry(name)
        return await page_of(name, self._house.log(name), asked, self._clock)

    def listen(self, heard: Callable[[ScriptLine], None]) -> Callable[[], None]:
        """Have this called with each new line of every script."""
        return self._house.listen(heard)

    async def state(self, name: str) -> StateView:
        """Return what it keeps. Raises NotFound, StoreError."""
        self._entry(name)
        return await self._store.state(name)

    async def clear_state(self, name: str, key: str | None, *, by: str) -> None:
        """Forget what it keeps under a key (None: all). Raises NotFound, StoreError."""
        self._entry(name)
        if key is None:
            gone = await self._store.clear_state(name)
            if name in self._runs:
                self._runs[name].clear()
        elif await self._store.delete_state(name, key):
            gone = [key]
        else:
            raise NotFound(f"{name} keeps nothing under this key", hint="`script state` lists the keys")
        _LOGGER.info("%s has cleared %d keys of the state of the script %s", by, len(gone), name)
        self._house.state_changed(name, gone)

    async def settings(self, name: str) -> Sequence[SettingView]:
        """Return its settings with their values. Raises NotFound, StoreError."""
        header = self._entry(name).header
        schema = header.settings if isinstance(header, Header) else ()
        return settings_shown(schema, await self._store.settings(name))

    async def set_settings(self, name: str, changes: Mapping[str, object], *, by: str) -> Sequence[SettingView]:
        """Set these, all or none, and tell the script. Raises NotFound, StateRefused, StoreError."""
        async with self._turn:
            header = self._entry(name).header
            schema = header.settings if isinstance(header, Header) else ()
            given = checked(schema, {key: value for key, value in changes.items() if value is not None})
            gone = dict.fromkeys(key for key, value in changes.items() if value is None)
            await self._store.set_settings(name, {**given, **gone})
            _LOGGER.info("%s has set %s of the script %s", by, ", ".join(sorted(changes)), name)
            self._house.settings_changed(name, in_force(schema, await self._store.settings(name)), sorted(changes))
        return await self.settings(name)

    async def beginning(self, admitted: Admitted) -> Beginning:
        """Return what a worker of this version is given. Raises StoreError."""
        name = admitted.source.name
        settings = in_force(admitted.header.settings, await self._store.settings(name))
        if name not in self._runs:
            self._runs[name] = KeptRuns(await self._store.runs(name))
        return Beginning(settings=settings, state=await self._store.values(name), runs=self._runs[name])

    async def close(self) -> None:
        """Write what is yet to be written."""
        await self._save_runs()

    async def _look(self) -> None:
        if self._kept is None:
            await self._reload()
        reserved = tuple(self._reserved())
        scan = await in_thread("script folder", lambda: self._scan(reserved))
        self._tell(scan.problem)
        files = dict(scan.files) if scan.problem is None else dict.fromkeys(self._entries, scan.problem)
        for name in self._entries.keys() - files.keys():
            self._end(name, self._entries.pop(name))
        for name, found in files.items():
            entry = self._entries.setdefault(name, Entry(found))
            entry.found = found
            entry.header = self._headers[found.source.sha256, reserved] if isinstance(found, Found) else None
            if not isinstance(found, Found):
                self._end(name, entry)
            self._decide(name, entry)
        self._tell_changes()

    def _tell(self, problem: Refused | None) -> None:
        """Log why nothing of the folder may be used, once."""
        if problem is not None and problem != self._problem:
            _LOGGER.error("no script is run: %s: %s", problem.text, problem.hint)
        self._problem = problem

    def _tell_changes(self) -> None:
        """Tell that something has changed, if it has since that was told."""
        stopped = frozenset[str]() if self._kept is None else self._kept.stopped
        now: dict[str, object] = {
            name: (id(entry.found), id(entry.header), entry.is_approved, entry.taken, name in stopped)
            for name, entry in self._entries.items()
        }
        if now != self._told:
            self._told = now
            self._on_change()

    def _scan(self, reserved: tuple[str, ...]) -> Scan:
        """Look at the folder, and read the headers that are new. Blocks."""
        scan = self._folder.scan()
        wanted = {(each.source.sha256, reserved): each.source for each in scan.files.values() if isinstance(each, Found)}
        headers = {key: self._headers[key] for key in wanted if key in self._headers}
        for key, source in wanted.items():
            if key not in headers:
                headers[key] = self._read(source, reserved)
        self._headers = headers
        return scan

    def _read(self, source: Source, reserved: tuple[str, ...]) -> Header | Refused:
        try:
            return read_header(source.text, reserved=reserved, extra=self._modules)
        except ScriptRefused as error:
            where = "" if error.line is None else f"line {error.line}: "
            return Refused(f"{where}{error}", error.hint)

    def _decide(self, name: str, entry: Entry) -> None:
        """Have a script run, if it is to, as it is in its file now."""
        kept, found, header = self._kept, entry.found, entry.header
        if kept is None or not isinstance(found, Found) or not isinstance(header, Header):
            entry.is_approved = False
            return
        entry.is_approved = is_approved(kept.approvals.get(name), header.permissions, found.source.sha256, self._of)
        if name in kept.stopped or not entry.is_approved or entry.taken == found.source.sha256:
            return
        entry.taken = found.source.sha256
        for remark in header.imports.remarks:
            _LOGGER.warning("the script %s, line %d: %s", name, remark.line, remark.text)
        self._house.take(Admitted(source=found.source, header=header))

    def _end(self, name: str, entry: Entry) -> None:
        if entry.taken is not None:
            entry.taken = None
            self._house.drop(name)

    async def _reload(self) -> None:
        try:
            self._kept = await self._store.kept()
        except BridgeError as error:
            self._kept = None
            _LOGGER.error("which scripts are approved is not known, so none is started: %s", in_words(error))  # noqa: TRY400 - known

    async def _tidy(self) -> None:
        """Forget state whose time is over, tell whose that was, and write when schedules have run."""
        try:
            over = await self._store.expire()
            await self._save_runs()
        except BridgeError as error:
            _LOGGER.warning("what is kept of scripts can't be tended: %s", in_words(error))
            return
        for name in dict.fromkeys(name for name, _ in over):
            self._house.state_changed(name, [key for each, key in over if each == name])

    async def _save_runs(self) -> None:
        for name, runs in list(self._runs.items()):
            unsaved = runs.take_unsaved()
            if unsaved:
                try:
                    await self._store.ran(name, unsaved)
                except BridgeError:
                    runs.put_back(unsaved)
                    raise

    def _entry(self, name: str) -> Entry:
        entry = self._entries.get(name)
        if entry is None:
            raise NotFound(f"there is no script {name[:60]!r}", hint="`script list` lists them")
        return entry

    def _view(self, name: str, entry: Entry) -> ScriptView:
        return view_of(name, entry, self._kept, self._house.life(name) if entry.taken is not None else None)


def _nothing() -> None:
    """Have nobody to tell."""
