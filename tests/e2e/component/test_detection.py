"""What the bridge finds in a real ZoneMinder's event is shown by the component: with the event, and as its label."""

from __future__ import annotations

import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.e2e import zoneminder as zm
from tests.e2e.bars import colour_of_the_car, make_model
from tests.e2e.component.native import GONE
from tests.e2e.conftest import need

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.e2e.component.native import Native
    from tests.e2e.zoneminder import ZoneMinder

DETECTION = """\
detection:
  models: {{bars: {{file: {folder}/bars.xml}}}}
  cameras: {{zm/1: {{}}}}
"""
_FOUND_WITHIN_S = 60.0


@asynccontextmanager
async def detecting(native: Native, folder: Path) -> AsyncIterator[None]:
    """Have the bridge look at events of the first camera for a while."""
    await make_model(folder / "bars.xml", colour_of_the_car(await native.picture_of("zm", "1")))
    config, before = native.bridge.config, native.bridge.config.read_text()
    switch = native.of("zm", "1", "object_detection")
    try:
        config.write_text(before + DETECTION.format(folder=folder))
        os.kill(native.bridge.program.pid, signal.SIGHUP)
        await native.home.shows(switch, "on", within=30)
        yield
    finally:
        config.write_text(before)
        os.kill(native.bridge.program.pid, signal.SIGHUP)


async def test_a_real_event_has_what_is_in_its_pictures(native: Native, real_vms: ZoneMinder | None, tmp_path: Path) -> None:
    need(zm.what_is_missing())
    assert real_vms is not None
    home = native.home
    await home.shows(native.of("zm", "1", "motion"), "off", within=30)
    last = native.of("zm", "1", "last_event")
    before = (await home.shows(last, lambda _: True)).attributes.get("id")  # which is looked at too, where it is young
    async with detecting(native, tmp_path):
        await real_vms.motion(1, on=True)
        try:
            shown = await home.shows(
                last,
                lambda seen: seen.attributes.get("label") == "car" and seen.attributes.get("id") != before,
                within=_FOUND_WITHIN_S,
            )
        finally:
            await real_vms.motion(1, on=False)
        event = shown.attributes["id"]
        await home.shows(native.of("zm", "1", "last_event_label"), "car")
        ended = await home.shows(
            native.of("zm", "1", "event"),
            lambda seen: seen.attributes.get("id") == event and seen.attributes.get("event_type") == "end",
            within=30,
        )
        assert ended.attributes["labels"] == ["car"]
    assert await native.complaints(*GONE) == []
