"""The library's face: what it offers, and that it needs nothing of the bridge but its errors where no HTTP is wanted."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from vms_bridge import zoneminder
from vms_bridge.synced import Face
from vms_bridge.zoneminder import sync

LIBRARY = zoneminder.ZoneMinder("http://127.0.0.1/zm")
SYNC = sync.ZoneMinder("http://127.0.0.1/zm")
RESOURCES = [name for name, value in vars(LIBRARY).items() if not name.startswith("_") and name not in {"url", "client"}]


def test_all_that_is_offered_is_there_and_said() -> None:
    public = {name for name, value in vars(zoneminder).items() if not name.startswith("_") and not hasattr(value, "__path__")}
    modules = {name for name in public if getattr(zoneminder, name).__class__.__name__ == "module"}
    own = public - modules - {"annotations", "import_module", "TYPE_CHECKING"}
    assert own <= set(zoneminder.__all__)
    assert all(getattr(zoneminder, name) is not None for name in zoneminder.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Zoneminder'"):
        zoneminder.Zoneminder  # type: ignore[attr-defined]  # noqa: B018


def test_it_brings_nothing_of_the_bridge_along() -> None:
    said = (
        "import sys, vms_bridge.zoneminder; print(*[name for name in sys.modules if name.startswith(('vms_bridge', 'aiohttp'))])"
    )
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
    assert {name for name in found if not name.startswith("vms_bridge.zoneminder")} == {"vms_bridge", "vms_bridge.errors"}


@pytest.mark.parametrize("resource", RESOURCES)
def test_whatever_there_is_is_there_without_an_event_loop(resource: str) -> None:
    asynchronous, face = getattr(LIBRARY, resource), getattr(SYNC, resource)
    assert isinstance(face, Face)
    assert _public(type(face)) == _public(type(asynchronous))
    for name in _public(type(face)):
        one, other = getattr(type(face), name), getattr(type(asynchronous), name)
        assert inspect.unwrap(one) is other
        assert not inspect.iscoroutinefunction(one)


def test_the_rest_is_there_without_an_event_loop() -> None:
    assert _public(sync.ZoneMinder) == _public(zoneminder.ZoneMinder)
    assert {name for name in vars(SYNC) if not name.startswith("_")} | {"client"} == {
        name for name in vars(LIBRARY) if not name.startswith("_")
    }


def _public(kind: type) -> set[str]:
    return {name for name, value in vars(kind).items() if not name.startswith("_") and callable(value)}
