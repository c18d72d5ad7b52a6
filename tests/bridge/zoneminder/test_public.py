"""The library's face: what it offers, and that it needs nothing of the bridge but its errors."""

from __future__ import annotations

import subprocess
import sys

from vms_bridge import zoneminder


def test_all_that_is_offered_is_there_and_said() -> None:
    public = {name for name, value in vars(zoneminder).items() if not name.startswith("_") and not hasattr(value, "__path__")}
    modules = {name for name in public if getattr(zoneminder, name).__class__.__name__ == "module"}
    assert public - modules - {"annotations"} == set(zoneminder.__all__)


def test_it_brings_nothing_of_the_bridge_along() -> None:
    said = (
        "import sys, vms_bridge.zoneminder; print(*[name for name in sys.modules if name.startswith(('vms_bridge', 'aiohttp'))])"
    )
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
    assert {name for name in found if not name.startswith("vms_bridge.zoneminder")} == {"vms_bridge", "vms_bridge.errors"}
