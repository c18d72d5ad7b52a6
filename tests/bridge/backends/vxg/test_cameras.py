"""Channels as monitors: made anew where something of them has changed, told where something is otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import MemoryFeed

from vms_bridge.backends.vxg.cameras import Camera, Cameras
from vms_bridge.backends.vxg.parse import ALL
from vms_bridge.model import SystemState
from vms_bridge.ptz import Ptz
from vms_bridge.vxg import ChannelRow

if TYPE_CHECKING:
    from collections.abc import Callable

ROW = ChannelRow(id=101, name="Gate", status="active", access=ALL)
NOW = datetime(2026, 11, 29, tzinfo=UTC)
SYSTEM = SystemState(available=True)

CHANGES: dict[str, Callable[[Camera], None]] = {
    "name": lambda camera: setattr(camera, "row", replace(ROW, name="Door")),
    "access": lambda camera: setattr(camera, "row", replace(ROW, access="watch")),
    "mode": lambda camera: setattr(camera, "record_mode", "on"),
    "detection": lambda camera: setattr(camera, "is_detecting", False),
    "moves": lambda camera: setattr(camera, "ptz", Ptz()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_monitor_is_made_anew_only_where_something_of_it_has_changed(change: Callable[[Camera], None]) -> None:
    camera = Camera(ROW)
    before = camera.monitor
    camera.row = replace(ROW, status="offline", raw={"preview": {}})
    camera.is_alarmed = True
    assert camera.monitor is before, "a list of ten thousand is read each minute"
    change(camera)
    assert camera.monitor != before
    assert camera.monitor == Camera(camera.row, camera.record_mode, camera.is_detecting, camera.ptz).monitor


def test_what_is_as_it_was_is_not_told_again() -> None:
    feed = MemoryFeed()
    cameras = Cameras(feed, 2.0)
    cameras.take([ROW, replace(ROW, id=102)])
    cameras.tell_all(SYSTEM, NOW)
    told = len(feed.history)
    later = NOW + timedelta(seconds=60)
    cameras.tell(SYSTEM, later)
    assert len(feed.history) == told
    cameras.take([replace(ROW, status="offline"), replace(ROW, id=102)])
    cameras.tell(SYSTEM, later)
    ((number, state),) = feed.history[told:]
    assert (number, state.connected, state.observed) == ("101", False, later)
