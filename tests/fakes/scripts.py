"""One script, `gate`, that somebody looks after: for tests of doors. What is asked of it is noted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.fakes.backend import START

from vms_bridge.errors import NotFound
from vms_bridge.script_errors import ScriptRefused, StateRefused
from vms_bridge.scripting import (
    Approval,
    Difference,
    LineLevel,
    LinesPage,
    ScriptLife,
    ScriptLine,
    ScriptStatus,
    ScriptTrouble,
    ScriptView,
    SettingView,
    StateItem,
    StateView,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.scripting import LinesAsked

SHA256 = "a5" * 32
GATE = ScriptView(
    name="gate",
    life=ScriptLife(
        status=ScriptStatus.READY,
        since=START,
        level="seccomp",
        sha256=SHA256,
        trouble=ScriptTrouble(time=START, text="ValueError: no", traceback='File "gate.py", line 3\nValueError: no', line=3),
    ),
    doc="Open the gate.",
    sha256=SHA256,
    bytes=100,
    modified=START,
    permissions={"monitors": ["zm/1"], "notify": True},
    may=("see the monitors zm/1", "send notifications"),
    needs_approval=True,
    differences=(Difference(is_more=True, text="send notifications"),),
)


class FakeScripts:
    """Implements `scripting.Scripts`."""

    def __init__(self) -> None:
        self.approval = "source"
        self.view: ScriptView | None = GATE
        self.asked: list[tuple[object, ...]] = []
        self.said = [ScriptLine(script="gate", number=1, time=START, level=LineLevel.INFO, text="open", line=7)]
        self.values: dict[str, object] = {"count": 3}
        self.set: dict[str, object] = {}

    def tell(self, on_change: Callable[[str], None]) -> None:
        self.on_change = on_change

    def all(self) -> Sequence[ScriptView]:
        return [] if self.view is None else [self.view]

    def get(self, name: str) -> ScriptView:
        if self.view is None or name != self.view.name:
            raise NotFound(f"there is no script {name!r}")
        return self.view

    async def source(self, name: str) -> str:
        return f"# {self.get(name).name}\n"

    async def upload(self, name: str, text: str, *, by: str) -> ScriptView:
        self.asked.append(("upload", name, text, by))
        self.view = replace(GATE, name=name)
        return self.view

    async def delete(self, name: str, *, by: str) -> None:
        self.asked.append(("delete", self.get(name).name, by))
        self.view = None

    async def approve(self, name: str, *, sha256: str, by: str) -> ScriptView:
        view = self.get(name)
        if view.sha256 != sha256:
            raise ScriptRefused("gate is another one than that which was looked at", hint="look at it again")
        self.asked.append(("approve", name, by))
        approval = Approval(permissions=view.permissions, sha256=sha256, time=START, by=by)
        self.view = replace(view, needs_approval=False, differences=(), approval=approval)
        return self.view

    async def revoke(self, name: str, *, by: str) -> ScriptView:
        self.asked.append(("revoke", name, by))
        self.view = replace(self.get(name), needs_approval=True, approval=None)
        return self.view

    async def restart(self, name: str, *, by: str) -> ScriptView:
        view = self.get(name)
        self.asked.append(("restart", name, by))
        return view

    async def enable(self, name: str, *, is_enabled: bool, by: str) -> ScriptView:
        self.asked.append(("enable", name, is_enabled, by))
        self.view = replace(self.get(name), is_enabled=is_enabled)
        return self.view

    async def lines(self, name: str, asked: LinesAsked) -> LinesPage:
        self.get(name)
        self.asked.append(("lines", asked))
        lines = [line for line in self.said if line.number > (asked.after or 0)][-asked.limit :]
        return LinesPage(lines=lines, after=len(self.said))

    def listen(self, heard: Callable[[ScriptLine], None]) -> Callable[[], None]:
        raise NotImplementedError

    async def state(self, name: str) -> StateView:
        self.get(name)
        items = [StateItem(key=key, value=value, changed=START) for key, value in self.values.items()]
        return StateView(items=items, bytes=40 * len(items), most_bytes=1024 * 1024)

    async def clear_state(self, name: str, key: str | None, *, by: str) -> None:
        self.get(name)
        if key is not None and key not in self.values:
            raise NotFound("gate keeps nothing under this key")
        self.asked.append(("clear", key, by))
        self.values = {} if key is None else {one: value for one, value in self.values.items() if one != key}

    async def settings(self, name: str) -> Sequence[SettingView]:
        self.get(name)
        low = SettingView(name="low", kind="number", value=self.set.get("low", 3), default=3, is_set="low" in self.set, max=9)
        return [low, SettingView(name="pin", kind="secret", value=None, is_set="pin" in self.set)]

    async def set_settings(self, name: str, changes: Mapping[str, object], *, by: str) -> Sequence[SettingView]:
        self.get(name)
        stray = changes.keys() - {"low", "pin"}
        if stray:
            raise StateRefused(f"there is no setting {min(stray)!r}", hint="there are: low, pin")
        self.asked.append(("settings", dict(changes), by))
        self.set = {key: value for key, value in (self.set | dict(changes)).items() if value is not None}
        return await self.settings(name)
