"""Each part is stopped and started again while something moves; every state is true 10 s after the last part is back."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from tests.e2e.bridge import ROOT
from tests.e2e.truth import ALARM, ALERT, expected, fired_twice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.e2e.bridge import Bridge
    from tests.e2e.broker import Broker, Observer
    from tests.e2e.home_assistant import HomeAssistant
    from tests.e2e.zoneminder import ZoneMinder

OWN_CONNECTION = ("The connection was lost", "ERROR paho.mqtt.client")
"""What Home Assistant says of its own connection when the broker is stopped."""
TRUE_WITHIN_S = 10.0
MOTION = "e2e-zm-2-motion"


@pytest.mark.parametrize("part", ["bridge", "bridge, killed", "mosquitto", "Home Assistant", "Apache", "MariaDB"])
async def test_all_is_true_soon_after_a_part_is_back(
    part: str, bridge: Bridge, broker: Broker, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder
) -> None:
    parts: dict[str, tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]] = {
        "bridge": (bridge.stop, bridge.start),
        "bridge, killed": (lambda: bridge.stop(signal.SIGKILL), bridge.start),
        "mosquitto": (broker.stop, broker.start),
        "Home Assistant": (home.stop, home.start),
        "Apache": (lambda: zoneminder.stop("apache"), lambda: zoneminder.start("apache")),
        "MariaDB": (lambda: zoneminder.stop("mariadb"), lambda: zoneminder.start("mariadb")),
    }
    stop, start = parts[part]
    await home.shows(MOTION, "off")
    event_entity = await home.entity("e2e-zm-2-event")
    if part == "mosquitto":
        mqtt.forget()  # it keeps nothing: all that is current has to come anew
    mark = len(mqtt.messages)
    await stop()
    try:
        if part.startswith("bridge"):
            await mqtt.message(f"{ROOT}/status", lambda each: each.payload == b"offline", since=mark)
            await home.shows(MOTION, "unavailable")
        await zoneminder.motion(2, on=True)
        if part != "MariaDB":  # without its database ZoneMinder can't begin an event
            await zoneminder.until_alarm(2, ALARM, ALERT)
    finally:  # whatever comes of it, the next test finds all parts
        await start()
    try:
        if part == "MariaDB":
            await zoneminder.until_alarm(2, ALARM, ALERT, within=30)
        await mqtt.connected()
        deadline = time.monotonic() + TRUE_WITHIN_S
        await home.shows(MOTION, "on", within=deadline - time.monotonic())
        for unique, state in (await expected(zoneminder, "e2e-zm")).items():
            await home.shows(unique, state, within=deadline - time.monotonic())
    finally:  # and nothing that moves
        await zoneminder.motion(2, on=False)
    await home.shows(MOTION, "off", within=20)
    newest = await mqtt.state(f"{ROOT}/zm/2/last_event", lambda event: event["end"] is not None)
    await home.shows("e2e-zm-2-event", lambda seen: seen.attributes.get("id") == newest["id"])
    told = "\n".join(each.text for each in mqtt.messages if each.topic == f"{ROOT}/zm/2/event")
    assert not fired_twice(home, event_entity), told
    assert [line for line in await home.complaints() if not any(words in line for words in OWN_CONNECTION)] == []
