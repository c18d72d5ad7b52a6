"""Errors that came together."""

from __future__ import annotations

from vms_bridge.errors import BridgeError
from vms_bridge.explaining import causes


def test_the_causes_in_nested_groups() -> None:
    first, second, third = (BridgeError(each) for each in "123")
    nested = ExceptionGroup("", [ExceptionGroup("", [ExceptionGroup("", [first]), second]), third])
    assert list(causes(nested)) == [first, second, third]
