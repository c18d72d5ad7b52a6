"""Scripts in the demo: two of the examples (examples/scripts), changed for its cameras as anybody would change them."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import vms_bridge
from vms_bridge.config import SinkConfig
from vms_bridge.demo.witness import Happening
from vms_bridge.errors import NotFound
from vms_bridge.private_files import make_directory
from vms_bridge.scripts.config import ScriptsConfig
from vms_bridge.scripts.kind import KIND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.app import Bridge
    from vms_bridge.clock import Clock
    from vms_bridge.scripting import ScriptLine, Scripts

EXAMPLES = Path(vms_bridge.__file__).parents[2] / "examples/scripts"
"""They come with a checkout, and not with what pip installs."""
CHANGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "night_siren": ((", min_score=0.6", ""),),
    "escalation": (('monitor="*perimeter*"', 'monitor="*door*"'),),
}
"""Which examples run, and what is changed in each."""
_AGAIN_S = 0.2
_FOLDER = "scripts"
_NAMED = {"warning": "script warns", "error": "script fails"}


def can_script() -> bool:
    """Say whether the examples are there."""
    return all((EXAMPLES / f"{name}.py").is_file() for name in CHANGES)


def said(*, has_scripts: bool) -> str:
    """Return the line by which the demo tells of them."""
    if has_scripts:
        return "Scripts:       night_siren and escalation of examples/scripts are approved, and run in their sandbox."
    return "Scripts:       two examples run in a demo from a checkout."


def section(directory: Path) -> SinkConfig:
    """Return the section by which the scripts run that `write` has written."""
    return SinkConfig(kind=KIND, settings=ScriptsConfig(folder=directory / _FOLDER))


def write(directory: Path) -> None:
    """Write them below this directory. Blocking."""
    folder = directory / _FOLDER
    make_directory(folder)
    for name, changes in CHANGES.items():
        text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
        for before, after in changes:
            text = text.replace(before, after)
        descriptor = os.open(folder / f"{name}.py", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)


def settings_at(hour: int) -> dict[str, dict[str, object]]:
    """Return what the demo sets: it is closed now, and nobody has much patience."""
    closed: dict[str, object] = {"closed_from": (hour - 1) % 24, "closed_until": (hour + 4) % 24, "sounds_for": 8}
    return {"night_siren": closed, "escalation": {"who": "guard, supervisor", "patience": 10}}


async def look_after(bridge: Bridge, show: Callable[[Happening], None], clock: Clock) -> None:
    """Set and approve them, as an administrator would, and show what they log, until cancelled."""
    await bridge.ready.wait()
    while not bridge.hub.scripts.is_there:
        await clock.sleep(_AGAIN_S)
    scripts = bridge.hub.scripts.current
    end = scripts.listen(lambda line: show(_happening(line)))
    try:
        for name, settings in settings_at(clock.now().hour).items():
            await _admit(scripts, name, settings, clock)
        await asyncio.Event().wait()
    finally:
        end()


def _happening(line: ScriptLine) -> Happening:
    """Return a line of a script's log; of a traceback the last one, which says what it is."""
    return Happening(monitor=line.script, what=_NAMED.get(line.level, "script says"), detail=line.text.strip().split("\n")[-1])


async def _admit(scripts: Scripts, name: str, settings: Mapping[str, object], clock: Clock) -> None:
    """Approve a script once the bridge has found it."""
    while True:
        with suppress(NotFound):
            view = scripts.get(name)
            await scripts.approve(name, sha256=view.sha256, by="demo")
            await scripts.set_settings(name, settings, by="demo")
            return
        await clock.sleep(_AGAIN_S)
