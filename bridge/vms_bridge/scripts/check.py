"""`vms-bridge check` of scripts: whether they can be locked in here, by trying it, and whether their folder can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.findings import Finding
from vms_bridge.scripts.config import SandboxKind
from vms_bridge.scripts.folder import Folder
from vms_bridge.scripts.life.values import Ending
from vms_bridge.scripts.probe import probe
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vms_bridge.scripts.config import ScriptsConfig
    from vms_bridge.scripts.folder import Scan
    from vms_bridge.sinks import Trial


async def check(settings: ScriptsConfig, trial: Trial) -> Sequence[Finding]:
    """Lock a worker in, and look at the folder. Changes nothing."""
    found = [await _boundary(settings, trial)]
    folder = settings.folder or (None if trial.bridge.data_dir is None else trial.bridge.data_dir / "scripts")
    if folder is not None:
        found += await in_thread("check: scripts", lambda: _folder(folder))
    return found


async def _boundary(settings: ScriptsConfig, trial: Trial) -> Finding:
    try:
        async with trial.clock.timeout(trial.limit_s):
            probed = await probe(settings, trial.clock)
    except TimeoutError:
        hint = "is the machine very busy? Try again"
        return Finding(text=f"a script was not locked in within {trial.limit_s:g} s", problem=True, hint=hint)
    if isinstance(probed, Ending):
        return Finding(text=f"scripts can't be locked in here: {probed.in_words}", problem=True, hint=probed.hint)
    if settings.sandbox is SandboxKind.PROCESS:
        hint = "set scripts.sandbox: required, unless every script is your own"
        return Finding(text="scripts run without a sandbox, and can do all that their user can", hint=hint)
    return Finding(text=f"scripts are locked in by {probed.level}")


def _folder(path: Path) -> list[Finding]:
    if not path.exists():
        return [Finding(text=f"{path} will be created")]
    scan: Scan = Folder(path).scan()
    if scan.problem is not None:
        return [Finding(text=scan.problem.text, problem=True, hint=scan.problem.hint)]
    if scan.unread is not None:
        return [Finding(text=scan.unread.text, problem=True)]
    return [Finding(text=f"{path} can be used")]
