"""Who runs scripts, for those who ask about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.script_errors import ScriptsOff

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.scripting import Scripts


class HubScripts:
    """See `scripting.ScriptDesk`; `on_change` hears of what changes."""

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self.changed = on_change
        self._scripts: Scripts | None = None

    @property
    def is_there(self) -> bool:
        """Whether this bridge runs scripts."""
        return self._scripts is not None

    @property
    def current(self) -> Scripts:
        """Who runs them. Raises ScriptsOff where nobody does."""
        if self._scripts is None:
            raise ScriptsOff("this bridge runs no scripts", hint="add a section `scripts:` to its configuration")
        return self._scripts

    def serve(self, scripts: Scripts) -> Callable[[], None]:
        """Have these run scripts; what is returned ends that."""
        self._scripts = scripts
        scripts.tell(self.changed)
        self.changed("")

        def end() -> None:
            if self._scripts is scripts:
                self._scripts = None
                self.changed("")

        return end
