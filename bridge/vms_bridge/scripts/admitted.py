"""A version of a script that is to run, and who runs it: the protocol between who decides (`Keeper`) and who does (`House`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.scripting import ScriptLife, ScriptLine
    from vms_bridge.scripts.header import Header
    from vms_bridge.scripts.last_runs import KeptRuns
    from vms_bridge.scripts.log_pages import Log
    from vms_bridge.scripts.settings import Value
    from vms_bridge.scripts.values import Source


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
    """Who runs scripts. Nothing here waits, but for `forget`."""

    def take(self, admitted: Admitted) -> None:
        """Run this version, in place of the one before once it is ready."""

    def drop(self, name: str, *, at_once: bool) -> None:
        """End a script, and let go of it: in order, its last handlers called, or at once."""

    async def forget(self, name: str) -> None:
        """Wait until nothing is left of a script that was dropped, and forget its log and its entities. Raises StoreError."""

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
