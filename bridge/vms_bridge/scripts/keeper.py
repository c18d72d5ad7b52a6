"""Looks after the scripts of a folder: which of them are to run, and what administrators say about each.

It decides, and tells who runs them (`House`). A new version that is not approved, or that can't be read, leaves the one
before at work; a file that somebody else could change, or that is gone, ends it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.errors import BridgeError, NotFound, in_words
from vms_bridge.logs import Trouble
from vms_bridge.notices import NoticeKind
from vms_bridge.script_errors import ScriptRefused
from vms_bridge.scripting import Approval
from vms_bridge.scripts.admitted import Admitted, Beginning
from vms_bridge.scripts.approvals import ApprovalOf, is_approved, words_of
from vms_bridge.scripts.concerns import Concern
from vms_bridge.scripts.decisions import Decisions
from vms_bridge.scripts.entries import Entry, is_same, settings_shown, view_of
from vms_bridge.scripts.folder import Found, Refused, check_name, digest_of
from vms_bridge.scripts.header import Header, read_header
from vms_bridge.scripts.last_runs import KeptRuns
from vms_bridge.scripts.log_pages import page_of
from vms_bridge.scripts.permission_words import in_words as may
from vms_bridge.scripts.settings import checked, in_force, to_be_kept
from vms_bridge.scripts.values import Source
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.scripting import LinesAsked, LinesPage, ScriptLine, ScriptView, SettingView, StateView
    from vms_bridge.scripts.admitted import House
    from vms_bridge.scripts.decisions import What
    from vms_bridge.scripts.folder import Folder, Scan
    from vms_bridge.scripts.store import ScriptStore

_LOGGER = logging.getLogger(__name__)
LOOK_S = 1.0
SETTLE_S = 0.3


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
        self._decisions = Decisions(store, clock)
        self._of, self._reserved, self._modules = approval, reserved, frozenset(modules)
        self._entries: dict[str, Entry] = {}
        self._headers: dict[tuple[str, tuple[str, ...]], Header | Refused] = {}
        self._runs: dict[str, KeptRuns] = {}
        self._problem: Refused | None = None
        self._names: frozenset[str] | None = None
        self._trouble = Trouble(_LOGGER, "what is kept of scripts can't be tended", clock.monotonic)
        self._on_change: Callable[[str], None] = _nothing
        self._told: dict[str, object] = {}
        self._turn = asyncio.Lock()
        """Held by who looks at the folder or changes something."""

    @property
    def approval(self) -> str:
        """What an approval is of."""
        return self._of.value

    @property
    def names(self) -> frozenset[str] | None:
        """Which scripts are in the folder, by the last look that has succeeded; None before the first one."""
        return self._names

    @property
    def concerns(self) -> Mapping[str, Concern]:
        """What people should know now, by what it is about."""
        found: dict[str, Concern] = {}
        if self._problem is not None:
            found["folder"] = Concern(f"scripts: {self._problem.text}", self._problem.hint)
        for name, entry in self._entries.items():
            if entry.approved is not None and not entry.is_approved and isinstance(entry.found, Found):
                hint = f"`vms-bridge script approve {name}` shows what has changed, and lets it run"
                text = f"the script {name} was changed and is not approved: the version before is at work"
                found[name] = Concern(text, hint, NoticeKind.SCRIPT_WAITING)
        return found

    async def run(self) -> NoReturn:
        """Look at the folder each second until cancelled; the first look is over soon."""
        await self.look()
        await self._clock.sleep(SETTLE_S)
        while True:
            await self.look()
            await self._tidy()
            await self._clock.sleep(LOOK_S)

    def tell(self, on_change: Callable[[str], None]) -> None:
        """Have this called with a script that has changed (none: which there are), but for how it runs: that the house tells."""
        self._on_change = on_change

    async def look(self) -> None:
        """Look at the folder once, and have run what is to."""
        async with self._turn:
            await self._look()

    def all(self) -> Sequence[ScriptView]:
        """Return every script by name."""
        return [self._view(name, self._entries[name]) for name in sorted(self._entries)]

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
            entry = self._entry(name)
            check_name(name)
            await in_thread("script removal", lambda: self._folder.remove(name))
            _LOGGER.info("%s has deleted the script %s", by, name)
            self._decisions.take_away(name, "forgotten")
            self._end(name, entry, at_once=True)
            self._runs.pop(name, None)
            try:
                await self._house.forget(name)  # whatever the script still kept is kept by then, and forgotten below
            finally:
                try:
                    await self._decisions.keep(name)
                finally:
                    await self._look()

    async def approve(self, name: str, *, sha256: str, by: str) -> ScriptView:
        """Let it run as it asks. Raises NotFound, ScriptRefused, StoreError."""
        async with self._turn:
            entry = self._entry(name)
            found = entry.found
            if not isinstance(found, Found) or not isinstance(entry.header, Header):
                life = self._view(name, entry).life
                why = life.reason if life.trouble is None else life.trouble.text
                raise ScriptRefused(f"{name} can't be approved as it is", hint=why, script=name)
            if found.source.sha256 != sha256:
                raise ScriptRefused(f"{name} is another one than that which was looked at", hint="look at it again", script=name)
            permissions = entry.header.permissions
            approval = Approval(permissions=words_of(permissions), sha256=sha256, time=self._clock.now(), by=by)
            await self._decisions.approve(name, approval, found.source.text)
            entry.kept_sha256 = sha256
            _LOGGER.info("%s has approved the script %s (SHA-256 %s): it may %s", by, name, sha256, "; ".join(may(permissions)))
            return await self._decided(name, entry)

    async def revoke(self, name: str, *, by: str) -> ScriptView:
        """Take the approval back and end it at once. Raises NotFound; StoreError where that holds for now only."""
        _LOGGER.info("%s has revoked the approval of the script %s", by, name)
        return await self._take_away(name, "revoked", at_once=True)

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
        if not is_enabled:
            _LOGGER.info("%s has disabled the script %s", by, name)
            return await self._take_away(name, "stopped", at_once=False)
        async with self._turn:
            entry = self._entry(name)
            await self._decisions.enable(name)
            _LOGGER.info("%s has enabled the script %s", by, name)
            return await self._decided(name, entry)

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
        """Return the settings of its approved version with their values, or those that it would have with their defaults.

        Raises NotFound, StoreError.
        """
        entry = self._entry(name)
        if entry.approved is not None:
            return settings_shown(entry.approved.header.settings, await self._store.settings(name))
        return settings_shown(entry.header.settings if isinstance(entry.header, Header) else (), {})

    async def set_settings(self, name: str, changes: Mapping[str, object], *, by: str) -> Sequence[SettingView]:
        """Set these, all or none, and tell the script. Raises NotFound, ScriptRefused, StateRefused, StoreError."""
        async with self._turn:
            approved = self._entry(name).approved
            if approved is None:
                hint = "`script approve` first: what is not approved changes nothing"
                raise ScriptRefused(f"{name} is not approved, and has no settings yet", hint=hint, script=name)
            schema = approved.header.settings
            given = checked(schema, {key: value for key, value in changes.items() if value is not None})
            gone = dict.fromkeys(key for key, value in changes.items() if value is None)
            await self._store.set_settings(name, {**to_be_kept(schema, given), **gone})
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

    async def _take_away(self, name: str, what: What, *, at_once: bool) -> ScriptView:
        """Have a script not run from now on, whoever else is at it, and then keep that. Raises NotFound, StoreError."""
        entry = self._entry(name)
        self._decisions.take_away(name, what)
        self._end(name, entry, at_once=at_once)
        async with self._turn:
            try:
                await self._decisions.keep(name)
            finally:
                view = await self._decided(name, entry)
            return view

    async def _decided(self, name: str, entry: Entry) -> ScriptView:
        """Have come true what was decided; returns how the script is then."""
        await self._decide(name, entry)
        self._tell_changes()
        return self._view(name, entry)

    async def _look(self) -> None:
        if self._decisions.kept is None:
            await self._decisions.read()
        reserved = tuple(self._reserved())
        scan = await in_thread("script folder", lambda: self._scan(reserved))
        self._note(scan)
        files = dict(scan.files) if scan.problem is None else dict.fromkeys(self._entries, scan.problem)
        for name in self._entries.keys() - files.keys():
            self._end(name, self._entries.pop(name), at_once=False)
        for name, found in files.items():
            entry = self._entries.setdefault(name, Entry(found))
            if entry.found is not found:
                entry.found, entry.is_recalled = found, False
            entry.header = self._headers[found.source.sha256, reserved] if isinstance(found, Found) else None
            if not isinstance(found, Found):
                self._end(name, entry, at_once=True)
            await self._decide(name, entry)
        self._tell_changes()

    def _note(self, scan: Scan) -> None:
        """Note which scripts there are, and log what is wrong with the folder, once."""
        if scan.names is not None:
            self._names = scan.names
        problem = scan.problem or scan.unread
        if problem is not None and problem != self._problem:
            what = "no script is run" if scan.problem is not None else "scripts stay as they are"
            _LOGGER.error("%s: %s: %s", what, problem.text, problem.hint)
        self._problem = problem

    def _tell_changes(self) -> None:
        """Tell what has changed since that was told."""
        now: dict[str, object] = {name: (entry.shown, entry.taken) for name, entry in self._entries.items()}
        changed = [""] if now.keys() != self._told.keys() else [name for name in now if now[name] != self._told[name]]
        self._told = now
        for name in changed:
            self._on_change(name)

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
            return Refused(str(error), error.hint, error.line, is_quoting=True)

    async def _decide(self, name: str, entry: Entry) -> None:
        """Have the version of a script run that is to: that in its file, or an earlier one that was approved."""
        kept, found, header = self._decisions.kept, entry.found, entry.header
        approval = None if kept is None else kept.approvals.get(name)
        draft = Admitted(source=found.source, header=header) if isinstance(found, Found) and isinstance(header, Header) else None
        if not is_same(judged := (found, header, approval), entry.judged):
            entry.judged = judged
            entry.is_approved = draft is not None and is_approved(
                approval, draft.header.permissions, draft.source.sha256, self._of
            )
        if entry.is_approved and draft is not None:
            if entry.approved is None or entry.approved.source is not draft.source:
                entry.approved = draft
        elif approval is None:
            entry.approved = entry.approved if kept is None else None
        elif entry.approved is None and isinstance(found, Found) and not entry.is_recalled:
            entry.approved = await self._recalled(name, entry, approval, found.source.path)
        entry.show(name, kept)
        kept, approved = self._decisions.kept, entry.approved  # somebody may have taken something away meanwhile
        if kept is None or name in kept.stopped or name not in kept.approvals or approved is None:
            return
        if not isinstance(found, Found) or (entry.taken is not None and entry.taken.source.sha256 == approved.source.sha256):
            return
        entry.taken = approved
        self._house.take(approved)

    async def _recalled(self, name: str, entry: Entry, approval: Approval, path: Path) -> Admitted | None:
        """Return the version that was approved, where the file has changed since: as it was kept."""
        try:
            text = await self._store.source(name)
        except BridgeError:  # this is tried again at the next look
            return None
        entry.is_recalled = True
        if text is None:
            return None
        source, reserved = Source(name=name, path=path, text=text, sha256=digest_of(text)), tuple(self._reserved())
        header = await in_thread("script header", lambda: self._read(source, reserved))
        if isinstance(header, Refused) or not is_approved(approval, header.permissions, source.sha256, self._of):
            return None
        return Admitted(source=source, header=header)

    def _end(self, name: str, entry: Entry, *, at_once: bool) -> None:
        if entry.taken is not None:
            entry.taken = None
            self._house.drop(name, at_once=at_once)

    async def _tidy(self) -> None:
        """Keep what is yet to be kept, forget state whose time is over, and tell whose that was."""
        async with self._turn:
            try:
                await self._decisions.settle()
                await self._keep_sources()
                over = await self._store.expire()
                await self._save_runs()
            except BridgeError as error:
                self._trouble.report(in_words(error))
                return
            self._trouble.over()
        for name in dict.fromkeys(name for name, _ in over):
            self._house.state_changed(name, [key for each, key in over if each == name])

    async def _keep_sources(self) -> None:
        """Keep the source of what runs, so that it runs on after a restart when its file has changed."""
        for name, entry in self._entries.items():
            if entry.taken is not None and entry.kept_sha256 != entry.taken.source.sha256:
                await self._store.keep_source(name, entry.taken.source.text)
                entry.kept_sha256 = entry.taken.source.sha256

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
        if entry.shown is None:
            entry.show(name, self._decisions.kept)
        assert entry.shown is not None  # noqa: S101 - it was made
        return view_of(entry.shown, self._house.life(name) if entry.taken is not None else None)


def _nothing(_: str) -> None:
    """Have nobody to tell."""
