"""What the authors' API asks for and declares is what the bridge's services and triggers take, word by word."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes.script_link import FakeLink, joined

from vms_bridge import script as api
from vms_bridge.errors import BridgeError
from vms_bridge.script.declared import DECLARED
from vms_bridge.script.errors import ScriptError, Unavailable, error_of
from vms_bridge.scripts.services import (
    archive,
    commands,
    detection,
    entities,
    events,
    frames,
    handles,
    http,
    locks,
    logs,
    monitors,
    mqtt,
    notify,
    pictures,
    state,
    systems,
    table,
    timers,
    waits,
)
from vms_bridge.scripts.triggers.schedule import Site
from vms_bridge.scripts.triggers.spec import read_triggers
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.scripts.services.table import Asked

MODELS: dict[str, type[Asked]] = {
    "monitors.list": table.Asked,
    "monitor.state": monitors.AskedMonitor,
    "monitor.command": commands.AskedOfMonitor,
    "system.command": commands.AskedOfSystem,
    "event.command": commands.AskedOfEvent,
    "monitor.snapshot": monitors.AskedMonitor,
    "frames.open": frames.AskedFrames,
    "frames.next": frames.AskedStream,
    "frames.close": frames.AskedStream,
    "monitor.clip": pictures.AskedClip,
    "media.read": handles.AskedPart,
    "media.export": handles.AskedExport,
    "media.drop": handles.AskedMedium,
    "archive.find": archive.AskedFind,
    "event.get": archive.AskedEvent,
    "event.media": pictures.AskedEventMedia,
    "event.annotate": events.AskedNote,
    "detect.picture": detection.AskedPicture,
    "system.state": systems.AskedSystem,
    "bridge.state": table.Asked,
    "system.logs": logs.AskedSystemLines,
    "bridge.logs": logs.AskedLines,
    "http.request": http.HttpRequest,
    "mqtt.publish": mqtt.Publish,
    "notify.send": notify.Notification,
    "entity.declare": entities.Declare,
    "entity.state": entities.Say,
    "entity.withdraw": entities.Withdraw,
    "state.set": state.SetAsked,
    "state.delete": state.DeleteAsked,
    "state.clear": state.ClearAsked,
    "timer.open": timers.AskedTimer,
    "wait.open": waits.AskedWait,
    "lock.acquire": locks.AskedLock,
    "lock.release": locks.AskedRelease,
}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def look_at_monitors(link: FakeLink) -> None:
    front = api.monitors["zm/1"]
    api.monitors.list()
    for each in (front.state, front.info, front.end_alarm, front.arm, front.disarm, front.stop):
        each()
    front.trigger("door", "30s", score=5)
    front.trigger()
    front.detection(False)
    front.set("Modect")
    front.set("recording", "Always")
    front.preset(2)
    front.preset("Gate")
    front.move("left", seconds=1, speed=0.5)
    front.command("max_fps", 5.5)
    front.command("preset_save", 2, text="Gate")
    front.clip(before="5s", after=10)
    front.clip(before="5s", after=10, encode=True, wait="2m")
    stream = front.frames(0.5, width=640)
    picture = stream.next().result()
    stream.close()
    api.detect(picture, model="default")
    medium = front.snapshot().result()
    api.detect(medium)
    medium.read()
    medium.read(10, 1000)
    medium.export()
    medium.export("a.jpg", folder="gate", overwrite=True)
    api.http.post("https://a.example/x", file=medium)
    api.notify("x", media=medium)
    medium.drop()
    assert link.asked


def look_at_the_archive(_: FakeLink) -> None:
    api.archive.find()
    api.archive.find(
        monitors=["zm/1"], systems="zm", since=NOW - timedelta(hours=1), until=NOW, kinds=["alarm"], labels="car",
        zones=["Drive"],
        min_score=0.5, max_score=0.9, min_duration="5s", max_duration="1h", open=False,
        plates="B", faces=["F"], words="red", limit=500, after="p2",
    )  # fmt: skip
    event = api.archive.event("zm-1").result()
    event.snapshot(annotated=True)
    event.clip()
    event.frame(7)
    event.annotate(labels=["car"], score=0.5, zones=["Drive"], text="t", plates=["P"], faces=["F"])
    event.annotate(text="t")
    for done in (event.archive, event.lock, event.delete, event.reload):
        done()
    event.tag("a")
    event.untag("a")
    event.note("")
    zm = api.systems["zm"]
    zm.state()
    zm.run_state("night")
    zm.command("restart")
    zm.logs(level="error", since=NOW, limit=10)
    api.bridge.state()
    api.bridge.logs()


def go_outside(_: FakeLink) -> None:
    secret = api.secret("token", prefix="Bearer ", suffix="!")
    api.http.get(
        "https://a.example/x", params={"a": 1}, headers={"A": secret, "B": "c", "C": api.secret("t", user="me")}, timeout=5
    )
    api.http.put("https://a.example/x", json={"a": [1, None]})
    api.http.delete("https://a.example/x")
    api.http.request("PATCH", "https://a.example/x", data={"a": 1})
    api.mqtt.publish("home/a", {"b": 1}, retain=True, qos=0)
    api.notify("x", title="t", targets=["phone"], data={"url": "/"})
    api.notify("x")


def keep_and_wait(_: FakeLink) -> None:
    api.state["a"] = None
    api.state.ttl("b", [1, {"c": 2.5}], "1h")
    del api.state["a"]
    api.state.clear()
    api.sleep("500ms").leave("it")
    api.after(1, print)
    with api.lock("gate"), api.lock("door", timeout="5s"):
        api.wait_for(api.on.alarm(monitor="front", to="idle", for_="1s"), timeout=None).leave("it")
        api.wait_for(api.on.mqtt("home/+"), timeout="30s").leave("it")


def have_entities(_: FakeLink) -> None:
    DECLARED.is_closed = True
    made = declare_entities()
    made[0].set(3.5, {"by": "gate", "list": [1]})
    made[1].set(True)
    made[2].set(None)
    made[7].fire("ring")
    made[0].withdraw()


def declare_entities() -> list[api.Entity]:
    return [
        api.entity.sensor("count", name="People", unit="people", icon="mdi:account", category="diagnostic"),
        api.entity.binary_sensor("open", device_class="door"),
        api.entity.switch("siren", category="config"),
        api.entity.button("ring"),
        api.entity.number("limit", min=1, max=9, step=0.5, unit="s"),
        api.entity.select("mode", ["day", "night"]),
        api.entity.text("note"),
        api.entity.event("bell", ["ring", "knock"]),
    ]


CALLS = (look_at_monitors, look_at_the_archive, go_outside, keep_and_wait, have_entities)


def asks(call: Callable[[FakeLink], None]) -> list[tuple[str, Any, bytes]]:
    with joined(__file__) as link:
        link.answers |= {
            "frames.open": {"stream": "s1"},
            "monitor.snapshot": {"media": {"id": "m1"}},
            "lock.acquire": {"lock": 1},
        }
        link.answers |= {
            "event.get": {"event": {"id": "zm-1"}},
            "event.media": {"media": {"id": "m2"}},
            "http.request": {"status": 200},
        }
        link.answers |= {"media.export": {"path": "/a"}, "monitor.clip": {"media": {"id": "m3"}}}
        link.blobs["frames.next"] = b"jpeg"
        call(link)
        return [(what, words, data) for (what, words), data in zip(link.asked, link.data, strict=True)]


@pytest.mark.parametrize("call", CALLS)
def test_what_is_asked_for_is_taken(call: Callable[[FakeLink], None]) -> None:
    for what, words, _ in asks(call):
        MODELS[what].model_validate(json.loads(json.dumps(words)))


def test_all_that_can_be_asked_for_is_asked_for_by_the_api() -> None:
    assert {what for call in CALLS for what, _, _ in asks(call)} == MODELS.keys()


def test_no_service_takes_what_the_api_never_says() -> None:
    said: dict[str, set[str]] = {what: set() for what in MODELS}
    for call in CALLS:
        for what, words, _ in asks(call):
            said[what] |= words.keys()
    fields = {what: {field.alias or name for name, field in model.model_fields.items()} for what, model in MODELS.items()}
    assert {what: unsaid for what, names in fields.items() if (unsaid := names - said[what])} == {}


def test_entities_and_triggers_that_are_declared_are_taken() -> None:
    permissions = Permissions(listen=("home/#",), webhooks=("gate",), entities=True)
    with joined(__file__):
        on = api.on
        for when in (
            on.event(
                monitor=["front*"], kind="alarm", label="person", zone="Drive", min_score=0.5, step=["new", "end"], late=True
            ),
            on.event(for_="5s"),
            on.alarm(
                monitor="front", to=["alarm", "alert"], from_="idle", for_="2s", once_per="1m", timeout="1m", concurrent=True
            ),
            on.detection(label="dog", source="detector", debounce="1s"),
            on.monitor_state(field="connected", to=False),
            on.system_state(system="zm", field="run_state", to="night"),
            on.notice(kind="signal_lost"),
            on.notice(active=None),
            on.notice(active=False),
            on.mqtt("home/door/+"),
            on.webhook("gate"),
            on.startup(),
            on.shutdown(),
            on.setting(),
            on.setting("mode"),
            on.entity("siren"),
            api.every("30s"),
            api.cron("0 7 * * mon-fri", tz="Europe/Berlin", missed="once"),
            api.at("22:30"),
            api.at("sunset-15m"),
        ):
            when(print)
        declare_entities()
        said = json.loads(json.dumps(DECLARED.said()))
    entities.read_entities(said["entities"], permissions)
    assert len(read_triggers(said["triggers"], permissions, Site(time_zone="Europe/Berlin", location=(52.5, 13.4)))) == len(
        said["triggers"]
    )


OF_NO_SCRIPT = {
    *("config", "token", "door", "link_key", "unauthenticated", "misdirected", "link", "pairing_closed", "wrong_code", "output"),
    *("broker", "broker_unreachable", "broker_refused", "strange_session", "rival", "recording", "request", "script", "error"),
}
"""What goes wrong with the configuration, at doors, with the broker's session or on the command line, and defects."""


def codes() -> set[str]:
    """Return the codes of all errors that the bridge's own parts and the services of scripts have."""
    found, several = set[str](), [BridgeError]
    for each in several:
        several += each.__subclasses__()
        if not re.match(
            r"(tests|vms_bridge\.(backends|cli|config|demo|detect|mqtt|scripts\.trying|vxg|zoneminder))\b", each.__module__
        ):
            found.add(each.code)
    return found


def test_whatever_the_bridge_says_no_by_an_author_can_catch_by_its_kind() -> None:
    assert {"media", "busy", "unreachable", "timeout", "store"} <= codes()
    unknown = {code for code in codes() - OF_NO_SCRIPT if type(error_of(code, "no")) is ScriptError}
    assert unknown == set()
    assert (type(error_of("media", "no")), error_of("media", "no").code) == (Unavailable, "media")
