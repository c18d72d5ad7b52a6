"""A real ZoneMinder in a real Home Assistant: what it sees is shown, what is asked for is done and answered."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest_asyncio
from tests.e2e.bridge import ROOT, grave_lines
from tests.e2e.truth import IDLE, expected, fired_twice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.e2e.bridge import Bridge
    from tests.e2e.broker import Message, Observer
    from tests.e2e.home_assistant import HomeAssistant, Seen
    from tests.e2e.zoneminder import ZoneMinder

ALARM = (3, 4)
PAUSED_S = 3.0  # fifteen frames
STRANGE_NAME = "Garage/Tür"
NAMES = {1: "Front Door", 2: "Driveway", 3: "Back Garden"}


def unique_id(monitor: int | str, entity: str, system: str = "zm") -> str:
    return f"e2e-{system}-{monitor}-{entity}"


def has_payload(payload: bytes, message: Message) -> bool:
    return message.payload == payload


async def acknowledged(mqtt: Observer, mark: int, monitor: str | None, command: str, result: str = "applied") -> dict[str, Any]:
    def accept(answer: dict[str, Any]) -> bool:
        return (answer["system"], answer["monitor"], answer["command"]) == ("zm", monitor, command) and answer[
            "result"
        ] != "running"

    answer: dict[str, Any] = (await mqtt.message(f"{ROOT}/ack", lambda each: accept(each.json), since=mark, within=25)).json
    assert answer["result"] == result, answer
    return answer


async def test_every_camera_is_shown_as_it_is(bridge: Bridge, home: HomeAssistant, zoneminder: ZoneMinder) -> None:
    for unique, state in (await expected(zoneminder, "e2e-zm")).items():
        await home.shows(unique, state)
    devices = await home.devices()
    names = {device["name"] for device in devices.values()}
    assert set(NAMES.values()) <= names
    assert {"Home Assistant"}.isdisjoint(names)
    assert bridge.program.is_running


async def test_the_alarm_comes_from_shared_memory(bridge: Bridge, mqtt: Observer) -> None:
    assert bridge.program.is_running
    for monitor in NAMES:
        await mqtt.state(f"{ROOT}/zm/{monitor}/state", lambda state: state["source"] == "shared_memory")


async def test_an_alarm_forced_by_zmu_is_shown_with_its_event(
    bridge: Bridge, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder
) -> None:
    # What is not retained is lost on a Home Assistant that has not yet subscribed.
    await home.shows(unique_id(1, "motion"), "off")
    event = (await home.shows(unique_id(1, "event"), lambda seen: seen.state != "unavailable")).entity_id
    mark = len(mqtt.messages)
    await zoneminder.zmu("-m", "1", "-a")
    await home.shows(unique_id(1, "motion"), "on", within=5)
    await home.shows(unique_id(1, "alarm"), lambda seen: seen.state in {"Alarm", "Alert"})
    began = (await mqtt.message(f"{ROOT}/zm/1/event", lambda each: each.json["type"] == "new", since=mark)).json
    assert (began["system"], began["monitor"], began["monitor_name"], began["late"]) == ("zm", "1", "Front Door", False)
    await home.shows(unique_id(1, "event"), lambda seen: seen.attributes.get("id") == began["id"])
    await zoneminder.zmu("-m", "1", "-c")
    await home.shows(unique_id(1, "motion"), "off")
    ended = (await mqtt.message(f"{ROOT}/zm/1/event", lambda each: each.json["type"] == "end", since=mark)).json
    assert ended["id"] == began["id"]
    assert ended["end"] is not None
    await home.shows(unique_id(1, "event"), lambda seen: seen.attributes.get("event_type") in {"end", "media"})
    assert not fired_twice(home, event)
    for step in {each.payload for each in mqtt.since(mark) if each.topic == f"{ROOT}/zm/1/event"}:
        await mqtt.message(f"{ROOT}/event", partial(has_payload, step), since=mark)
    assert bridge.program.is_running


async def test_an_alarm_is_seen_from_afar(bridge: Bridge, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder) -> None:
    assert (await mqtt.state(f"{ROOT}/far/1/state", lambda state: state["available"]))["source"] != "shared_memory"
    await home.shows(unique_id(1, "motion", "far"), "off")
    await zoneminder.zmu("-m", "1", "-a")
    await home.shows(unique_id(1, "motion", "far"), "on", within=10)
    await zoneminder.zmu("-m", "1", "-c")
    await home.shows(unique_id(1, "motion", "far"), "off", within=20)
    await home.shows(unique_id(1, "motion"), "off")
    assert unique_id(2, "motion", "far") not in home.unique_ids
    assert bridge.program.is_running


async def test_check_tries_the_real_thing(bridge: Bridge) -> None:
    code, said = await bridge.check()
    assert code == 0, said
    assert "1.36" in said
    code, said = await bridge.check(E2E_ZM_PASSWORD="not-the-password")
    assert code == 1, said
    assert "password" in said
    assert "not-the-password" not in said


async def test_the_newest_event_has_a_picture(
    bridge: Bridge, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder
) -> None:
    mark = len(mqtt.messages)
    await zoneminder.force_alarm(2, on=True)
    await home.shows(unique_id(2, "motion"), "on", within=5)
    await zoneminder.force_alarm(2, on=False)
    await home.shows(unique_id(2, "motion"), "off")
    await mqtt.message(f"{ROOT}/zm/2/snapshot", lambda each: each.payload.startswith(b"\xff\xd8"), since=mark)
    for entity in ("picture", "camera"):
        seen = await home.shows(unique_id(2, entity), lambda seen: seen.state not in {"unknown", "unavailable"})
        picture = await home.picture(seen.attributes["entity_picture"])
        assert picture.startswith(b"\xff\xd8\xff"), f"{seen.entity_id} is no JPEG"
        assert picture.rstrip(b"\0").endswith(b"\xff\xd9")
    assert bridge.program.is_running


async def test_the_switch_forces_an_alarm_and_is_answered(
    bridge: Bridge, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder
) -> None:
    switch = await home.entity(unique_id(1, "force_alarm"))
    mark = len(mqtt.messages)
    await home.call(switch, "turn_on")
    await acknowledged(mqtt, mark, "1", "alarm")
    assert await zoneminder.alarm(1) in ALARM
    await home.shows(unique_id(1, "force_alarm"), "on")
    mark = len(mqtt.messages)
    await home.call(switch, "turn_off")
    await acknowledged(mqtt, mark, "1", "alarm")
    await zoneminder.until_alarm(1, IDLE)
    await home.shows(unique_id(1, "force_alarm"), "off")
    assert bridge.program.is_running


async def test_detection_is_paused_and_goes_on(
    bridge: Bridge, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder
) -> None:
    switch, state = await home.entity(unique_id(1, "detection")), f"{ROOT}/zm/1/state"
    await home.shows(unique_id(1, "detection"), "on")
    mark = len(mqtt.messages)
    await home.call(switch, "turn_off")
    await acknowledged(mqtt, mark, "1", "detection")
    await mqtt.state(state, lambda told: told["detection"] is False)
    await home.shows(unique_id(1, "detection"), "off")
    assert (await zoneminder.monitor(1))["Function"] == "Modect"
    try:
        await zoneminder.motion(1, on=True)
        await asyncio.sleep(PAUSED_S)  # for something that must not happen
        assert await zoneminder.alarm(1) not in ALARM
        assert not {"alarm", "alert"} & {each.json["alarm"] for each in mqtt.since(mark) if each.topic == state}
        mark = len(mqtt.messages)
        await home.call(switch, "turn_on")
        await acknowledged(mqtt, mark, "1", "detection")
        await zoneminder.until_alarm(1, *ALARM)
        await home.shows(unique_id(1, "motion"), "on", within=5)
    finally:
        await zoneminder.motion(1, on=False)
    await home.shows(unique_id(1, "detection"), "on")
    await home.shows(unique_id(1, "motion"), "off", within=20)
    assert bridge.program.is_running


async def test_a_command_with_a_request_id_is_answered_once_more_but_not_done_twice(bridge: Bridge, mqtt: Observer) -> None:
    topic, wish = f"{ROOT}/zm/2/set/alarm", {"seconds": 1, "request_id": "ring-1"}
    mark = len(mqtt.messages)
    mqtt.publish(topic, json.dumps(wish))
    first = await mqtt.message(f"{ROOT}/ack", lambda each: each.json["request_id"] == "ring-1", since=mark)
    assert first.json["result"] == "applied", first.text
    began = (await mqtt.message(f"{ROOT}/zm/2/event", lambda each: each.json["type"] == "new", since=mark)).json
    await mqtt.message(f"{ROOT}/zm/2/event", lambda each: each.json["type"] == "end", since=mark, within=20)
    again = len(mqtt.messages)
    mqtt.publish(topic, json.dumps(wish))
    second = await mqtt.message(f"{ROOT}/ack", lambda each: each.json["request_id"] == "ring-1", since=again)
    assert second.json == first.json
    news = [each.json["id"] for each in mqtt.since(mark) if each.topic == f"{ROOT}/zm/2/event" and each.json["type"] == "new"]
    assert news == [began["id"]]
    assert bridge.program.is_running


async def test_what_moves_in_the_picture_is_motion(bridge: Bridge, home: HomeAssistant, zoneminder: ZoneMinder) -> None:
    await zoneminder.motion(2, on=True)
    await home.shows(unique_id(2, "motion"), "on", within=10)
    await zoneminder.motion(2, on=False)
    await home.shows(unique_id(2, "motion"), "off", within=20)
    assert bridge.program.is_running


async def test_the_function_is_changed_from_both_sides(
    bridge: Bridge, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder
) -> None:
    select = await home.entity(unique_id(2, "function"))
    mark = len(mqtt.messages)
    await home.call(select, "select_option", option="Monitor")
    await acknowledged(mqtt, mark, "2", "function")
    assert (await zoneminder.monitor(2))["Function"] == "Monitor"
    await home.shows(unique_id(2, "function"), "Monitor")
    await home.shows(unique_id(2, "armed"), "off")
    await zoneminder.edit(2, Function="Modect")
    await home.shows(unique_id(2, "function"), "Modect")
    await home.shows(unique_id(2, "armed"), "on")
    await home.shows(unique_id(2, "motion"), "off")
    assert bridge.program.is_running


async def test_disarming_remembers_the_mode(bridge: Bridge, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder) -> None:
    switch = await home.entity(unique_id(3, "armed"))
    for service, function in (("turn_off", "Record"), ("turn_on", "Mocord")):
        mark = len(mqtt.messages)
        await home.call(switch, service)
        await acknowledged(mqtt, mark, "3", "armed")
        assert (await zoneminder.monitor(3))["Function"] == function
        await home.shows(unique_id(3, "armed"), "on" if service == "turn_on" else "off")
    await home.shows(unique_id(3, "motion"), "off")
    assert bridge.program.is_running


async def test_the_run_state_is_changed_from_both_sides(
    bridge: Bridge, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder
) -> None:
    select = await home.entity("e2e-zm-run_state")
    mark = len(mqtt.messages)
    await home.call(select, "select_option", option="Quiet")
    await acknowledged(mqtt, mark, None, "run_state")
    assert (await zoneminder.monitor(1))["Function"] == "Monitor"
    await home.shows("e2e-zm-run_state", "Quiet")
    await home.shows(unique_id(1, "armed"), "off")
    await zoneminder.api("POST", "states/change/default.json")
    await home.shows("e2e-zm-run_state", "default")
    for monitor in NAMES:
        await home.shows(unique_id(monitor, "armed"), "on", within=20)
        await home.shows(unique_id(monitor, "motion"), "off", within=20)
    assert bridge.program.is_running


@pytest_asyncio.fixture(loop_scope="session")
async def added(bridge: Bridge, zoneminder: ZoneMinder) -> AsyncIterator[int]:
    """A monitor that has just been added to ZoneMinder."""
    assert bridge.program.is_running
    fields = {"Name": STRANGE_NAME, "Type": "Ffmpeg", "Function": "None", "Path": "/nowhere", "Width": "320", "Height": "240"}
    await zoneminder.api("POST", "monitors.json", {f"Monitor[{key}]": value for key, value in fields.items()})
    monitor = max(await zoneminder.monitors())
    yield monitor
    if monitor in await zoneminder.monitors():
        await zoneminder.api("DELETE", f"monitors/{monitor}.json")


async def test_monitors_come_change_and_go(added: int, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder) -> None:
    def called(name: str) -> Callable[[Seen], bool]:
        return lambda seen: seen.attributes["friendly_name"].startswith(name)

    await home.shows(unique_id(added, "connectivity"), called(STRANGE_NAME))
    await zoneminder.edit(added, Name="Carport")
    await home.shows(unique_id(added, "connectivity"), called("Carport"))
    await zoneminder.api("DELETE", f"monitors/{added}.json")
    await home.no_entity(unique_id(added, "connectivity"))
    await mqtt.gone(f"{ROOT}/zm/{added}/state")
    assert f"vms_bridge-e2e-zm-{added}" not in await home.devices()
    await home.shows(unique_id(1, "connectivity"), "on")


async def test_a_device_deleted_in_home_assistant_stays_away(added: int, mqtt: Observer, home: HomeAssistant) -> None:
    topic = f"homeassistant/device/vms_bridge_e2e/zm-{added}/config"
    await home.entity(unique_id(added, "connectivity"))
    device = (await home.devices())[f"vms_bridge-e2e-zm-{added}"]
    entry = device["config_entries"][0]
    await home.command("config/device_registry/remove_config_entry", device_id=device["id"], config_entry_id=entry)
    await mqtt.gone(topic)
    await home.no_entity(unique_id(added, "connectivity"))
    for _ in range(2):  # what the first replay tells of others, the second tells after all of the first
        mark = len(mqtt.messages)
        mqtt.publish(f"{ROOT}/replay", "")
        for shown in (f"{ROOT}/zm/{added}/state", "homeassistant/device/vms_bridge_e2e/zm-1/config"):
            await mqtt.message(shown, lambda each: bool(each.payload), since=mark)
    assert not mqtt.latest[topic].payload
    # Home Assistant warns of its own doing: it clears the topic once for each entity.
    assert all("No device components to cleanup" in line for line in await home.complaints())
    await home.command("call_service", domain="system_log", service="clear")


async def test_equal_monitor_ids_of_two_systems_do_not_meet(bridge: Bridge, home: HomeAssistant) -> None:
    def known(seen: Seen) -> bool:
        return seen.state in {"on", "off"}

    real = await home.shows(unique_id(1, "motion"), known)
    simulated = await home.shows(unique_id(1, "motion", "sim"), known)
    assert real.entity_id != simulated.entity_id
    devices = await home.devices()
    assert len({devices[f"vms_bridge-e2e-{system}-1"]["id"] for system in ("zm", "far", "sim")}) == 3
    assert bridge.program.is_running


async def test_nobody_complained_and_no_secret_was_told(
    bridge: Bridge, mqtt: Observer, home: HomeAssistant, zoneminder: ZoneMinder
) -> None:
    await home.shows(unique_id(1, "motion"), lambda seen: seen.state in {"on", "off"})
    assert await home.complaints() == []
    assert zoneminder.password not in bridge.log
    assert not any(zoneminder.password.encode() in each.payload for each in mqtt.messages)
    assert grave_lines(bridge.log) == []
