"""Commands that mosquitto takes while the bridge is killed: carried out if that was short, refused if not, each answered."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING

import pytest_asyncio
from tests.e2e.bridge import Bridge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.e2e.broker import Broker, Observer

ROOT = "vms_bridge/waiting"
COMMAND_AGE_S = 10.0
CONFIGURATION = """\
instance: waiting
data_dir: {folder}/data
mqtt: {{url: "{broker}", discovery: false}}
systems:
  sim: {{type: simulator}}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def household(broker: Broker, mqtt: Observer, tmp_path: Path) -> AsyncIterator[Bridge]:
    """A bridge with three simulated cameras."""
    bridge = Bridge(tmp_path, CONFIGURATION.format(folder=tmp_path, broker=broker.url))
    mark = len(mqtt.messages)
    await bridge.start()
    await mqtt.message(f"{ROOT}/status", lambda each: each.payload == b"online", since=mark)
    await mqtt.message(f"{ROOT}/sim/state", lambda each: each.json["available"], since=mark)
    yield bridge
    await bridge.stop()


def ask(mqtt: Observer, request_id: str, value: str, *, monitor: int = 1) -> None:
    mqtt.publish(f"{ROOT}/sim/{monitor}/set/armed", json.dumps({"value": value, "request_id": request_id}))


async def answers(mqtt: Observer, *request_ids: str, since: int) -> dict[str, str]:
    """Wait for the final answers to these, and return their results."""
    found = {}
    for request_id in request_ids:
        ack = await mqtt.message(
            f"{ROOT}/ack",
            lambda each, wanted=request_id: each.json["request_id"] == wanted and each.json["result"] != "running",  # type: ignore[misc]  # a default binds it
            since=since,
        )
        found[request_id] = ack.json["result"]
    return found


async def kill(household: Bridge, mqtt: Observer) -> int:
    """Kill the bridge, wait until the broker knows, and return the mark of that."""
    mark = len(mqtt.messages)
    await household.stop(signal.SIGKILL)
    await mqtt.message(f"{ROOT}/status", lambda each: each.payload == b"offline", since=mark)
    return len(mqtt.messages)


async def test_after_a_short_while_they_are_carried_out(household: Bridge, mqtt: Observer) -> None:
    mark = await kill(household, mqtt)
    for number in range(30):
        ask(mqtt, f"short {number}", "OFF" if number % 2 else "ON", monitor=1 + number // 2 % 2)
    for monitor in (1, 2):
        ask(mqtt, f"last {monitor}", "OFF", monitor=monitor)
    await household.start()
    results = await answers(mqtt, *(f"short {number}" for number in range(30)), *(f"last {n}" for n in (1, 2)), since=mark)
    assert set(results.values()) <= {"applied", "unchanged"}, results
    for monitor in (1, 2):
        await mqtt.state(f"{ROOT}/sim/{monitor}/state", lambda state: state["armed"] is False)
    for monitor in (1, 2):
        ask(mqtt, f"again {monitor}", "ON", monitor=monitor)
    assert set((await answers(mqtt, *(f"again {n}" for n in (1, 2)), since=mark)).values()) == {"applied"}


async def test_after_a_longer_one_they_are_refused(household: Bridge, mqtt: Observer) -> None:
    await mqtt.state(f"{ROOT}/sim/1/state", lambda state: state["armed"] is True)
    mark = await kill(household, mqtt)
    ask(mqtt, "early", "OFF")
    await asyncio.sleep(COMMAND_AGE_S + 1)  # that much time is what is tested
    ask(mqtt, "late", "OFF")
    await household.start()
    assert await answers(mqtt, "early", "late", since=mark) == {"early": "refused", "late": "refused"}
    refused = [each.json for each in mqtt.since(mark) if each.topic == f"{ROOT}/ack"]
    assert {each["error"]["code"] for each in refused} == {"too_old"}
    ask(mqtt, "now", "OFF")
    assert await answers(mqtt, "now", since=mark) == {"now": "applied"}
    ask(mqtt, "and back", "ON")
    assert await answers(mqtt, "and back", since=mark) == {"and back": "applied"}


async def test_a_kill_in_the_midst_of_many_leaves_none_unanswered(household: Bridge, mqtt: Observer) -> None:
    mark = len(mqtt.messages)
    sent = 0
    for _ in range(2):
        for _ in range(100):
            ask(mqtt, f"many {sent}", "OFF" if sent % 2 else "ON", monitor=1 + sent // 2 % 2)
            sent += 1
        await mqtt.message(f"{ROOT}/ack", lambda each: each.json["request_id"].startswith("many"), since=mark)
        await kill(household, mqtt)
        await household.start()
        await mqtt.message(f"{ROOT}/status", lambda each: each.payload == b"online", since=len(mqtt.messages) - 1)
    results = await answers(mqtt, *(f"many {number}" for number in range(sent)), since=mark)
    # A machine that takes more than that age for a start has those refused that waited for it, and that too is an answer.
    refused = [each.json for each in mqtt.since(mark) if each.topic == f"{ROOT}/ack" and each.json["result"] == "refused"]
    assert {each["error"]["code"] for each in refused} <= {"too_old"}
    assert set(results.values()) <= {"applied", "unchanged", "refused"}, results


async def test_a_restart_in_order_answers_all_too(household: Bridge, mqtt: Observer) -> None:
    mark = len(mqtt.messages)
    for number in range(50):
        ask(mqtt, f"stop {number}", "OFF" if number % 2 else "ON", monitor=1 + number // 2 % 2)
    await mqtt.message(f"{ROOT}/ack", lambda each: each.json["request_id"].startswith("stop"), since=mark)
    await household.stop()
    await household.start()
    results = await answers(mqtt, *(f"stop {number}" for number in range(50)), since=mark)
    assert set(results.values()) <= {"applied", "unchanged"}, results
