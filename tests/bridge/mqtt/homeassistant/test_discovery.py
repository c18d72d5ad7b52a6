from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.extensions.json import JSONSnapshotExtension
from tests.bridge.mqtt import samples

from vms_bridge.commands import Level
from vms_bridge.entities import object_parts
from vms_bridge.model import Capability, Monitor, Storage, SystemState, Zone
from vms_bridge.mqtt.homeassistant import own_devices
from vms_bridge.mqtt.homeassistant.discovery import (
    Offer,
    bridge_payload,
    components,
    gone,
    monitor_payload,
    removal_payload,
    system_payload,
)
from vms_bridge.mqtt.homeassistant.templates import command_template, option_labels
from vms_bridge.ptz import Preset, Ptz, PtzMove

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

OFFER, SYSTEM, VIEW = samples.OFFER, samples.SYSTEM, samples.VIEW

# What Home Assistant 2026.11 takes (components/mqtt/schemas.py); anything else there rejects the payload as a whole.
TOP_KEYS = {"dev", "o", "avty", "avty_mode", "cmps", "cdevs", "stat_t", "cmd_t", "qos", "e", "msg_exp_int"}
DEVICE_KEYS = {"ids", "name", "mf", "mdl", "mdl_id", "sw", "hw", "sn", "sa", "cu", "via_device"}
CHILD_KEYS = {"ids", "name", "cmps"}


def monitor(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  # any field of the monitor
    return decode(monitor_payload(replace(VIEW, monitor=replace(samples.MONITOR, **changes)), SYSTEM, OFFER))


def system(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  # any field of the system's state
    return decode(system_payload(replace(SYSTEM, state=replace(samples.SYSTEM_STATE, **changes)), OFFER))


def decode(payload: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(payload)
    return decoded


def all_components(payload: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    parts = [payload, *payload.get("cdevs", [])]
    return [(component_id, component) for part in parts for component_id, component in part["cmps"].items()]


PAYLOADS = {
    "bridge": decode(bridge_payload(OFFER)),
    "system": decode(system_payload(SYSTEM, OFFER)),
    "monitor": decode(monitor_payload(VIEW, SYSTEM, OFFER)),
    "script": decode(own_devices.payload(samples.SCRIPT, OFFER)),
}


@pytest.mark.parametrize("kind", PAYLOADS)
def test_payloads_change_only_on_purpose(kind: str, snapshot: SnapshotAssertion) -> None:
    payload = {**PAYLOADS[kind], "o": "(ours)", "dev": {**PAYLOADS[kind]["dev"], "sw": "(a version)"}}
    assert payload == snapshot(extension_class=JSONSnapshotExtension)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_home_assistant_would_take_it(payload: dict[str, Any]) -> None:
    assert payload.keys() <= TOP_KEYS
    assert payload["dev"].keys() <= DEVICE_KEYS
    assert payload["o"].keys() <= {"name", "sw", "url"}
    assert payload["dev"]["ids"]
    assert payload["o"]["name"]
    ids = [component_id for component_id, _ in all_components(payload)]
    assert len(ids) == len(set(ids)), "component ids are unique over a device and its children"
    for child in payload.get("cdevs", []):
        assert child.keys() == CHILD_KEYS
        assert child["name"]
    devices = [identifier for part in (payload["dev"], *payload.get("cdevs", [])) for identifier in part["ids"]]
    assert len(devices) == len(set(devices))


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_every_entity_has_an_id_a_name_and_a_topic(payload: dict[str, Any]) -> None:
    for component_id, component in all_components(payload):
        assert None not in {key: value for key, value in component.items() if key != "name"}.values(), component_id
        assert component["uniq_id"].startswith("home-")
        assert component["def_ent_id"].startswith(f"{component['p']}.")
        assert component.get("name") != ""
        assert "name" in component or "dev_cla" in component
        assert {"stat_t", "t", "img_t", "cmd_t"} & (component.keys() | payload.keys())
        if component["p"] in {"select", "switch"}:
            assert "/set/" in component["cmd_t"]
        if component["p"] == "event":
            assert component["stat_t"].endswith(("/event", "/notification")), "never a retained topic"
        if "cmd_t" in component:
            assert component["qos"] == 1, "a broker keeps nothing else for a bridge that is away"


def test_unique_ids_are_unique_over_everything() -> None:
    other = replace(VIEW, key="1-1", monitor=replace(samples.MONITOR, id="1-1"))
    everything = [*PAYLOADS.values(), decode(monitor_payload(other, SYSTEM, OFFER))]
    ids = [component["uniq_id"] for payload in everything for _, component in all_components(payload)]
    assert len(ids) == len(set(ids))
    devices = [one for payload in everything for part in (payload["dev"], *payload.get("cdevs", [])) for one in part["ids"]]
    assert len(devices) == len(set(devices))


def test_devices_hang_together() -> None:
    bridge, system_, monitor_ = (PAYLOADS[kind]["dev"] for kind in ("bridge", "system", "monitor"))
    assert "via_device" not in bridge
    assert [system_["via_device"]] == bridge["ids"]
    assert [monitor_["via_device"]] == system_["ids"]
    assert monitor_["sa"] == "Garden"
    assert monitor_["cu"] == "http://127.0.0.1/zm"
    assert "sa" not in monitor(area=None)["dev"]


def test_a_zones_device_is_named_after_its_monitor_too() -> None:
    """The name of an entity's device stands in its friendly name, but that of the device above does not."""
    assert [child["name"] for child in PAYLOADS["monitor"]["cdevs"]] == ["Front door Drive", "Front door Зона", "Front door 3"]
    assert PAYLOADS["monitor"]["cdevs"][0]["cmps"]["1-occupancy"]["def_ent_id"] == "binary_sensor.front_door_drive_occupancy"


def test_what_depends_on_the_bridge_alone_says_so() -> None:
    payload = PAYLOADS["monitor"]
    status = [{"t": "vms_bridge/home/status"}]
    assert [one["t"] for one in payload["avty"]] == ["vms_bridge/home/status", "vms_bridge/home/zm/1/state"]
    assert payload["avty_mode"] == "all"
    own = {key for key, component in payload["cmps"].items() if component.get("avty") == status}
    assert own == {
        "connectivity",
        "event",
        "picture",
        "camera",
        "last_event",
        "last_event_cause",
        "last_event_label",
        "last_event_duration",
    }
    assert {key for key, component in PAYLOADS["system"]["cmps"].items() if "avty" in component} == {"connectivity", "problem"}
    assert "avty" not in PAYLOADS["bridge"]["cmps"]["connectivity"]


@pytest.mark.parametrize(
    ("capability", "lost"),
    [
        (Capability.ALARM_STATE, {"motion", "alarm", "cause", "source", "source_reason", "lag"}),
        (Capability.ARM, {"armed"}),
        (Capability.FORCE_ALARM, {"force_alarm"}),
        (Capability.DETECTION, {"detection"}),
        (
            Capability.OBJECT_DETECTION,
            {
                *("object_detection", "detection_profile", "detection_threshold"),
                *("detection_rate", "detection_time", "detection_age", "detection_drops", "detection_share"),
            },
        ),
        (Capability.SETTINGS, {"max_fps", "alarm_max_fps", "analysis_max_fps", "section_length"}),
        (Capability.MODES, {"function", "capturing", "analysing", "recording"}),
        (Capability.RESTART, {"restart"}),
        (Capability.PTZ, {"preset", *(f"ptz_{move}" for move in PtzMove)}),
        (Capability.SCORE, {"score"}),
        (Capability.FPS, {"capture_fps", "analysis_fps", "bandwidth"}),
        (Capability.EVENT_PICTURE, {"picture", "camera"}),
        (Capability.ZONE_STATE, {"1-occupancy", "2_a_7db5c92c-occupancy", "3-occupancy"}),
    ],
)
def test_what_a_monitor_can_not_do_makes_no_entity(capability: Capability, lost: set[str]) -> None:
    less = replace(VIEW, monitor=replace(samples.MONITOR, capabilities=frozenset(Capability) - {capability}))
    assert gone(monitor_payload(VIEW, SYSTEM, OFFER), monitor_payload(less, SYSTEM, OFFER)) == lost


def test_a_monitor_that_can_do_nothing_still_has_its_connectivity() -> None:
    view = replace(VIEW, monitor=replace(samples.MONITOR, capabilities=frozenset()), watched=())
    payload = decode(monitor_payload(view, SYSTEM, OFFER))
    assert payload["cmps"].keys() == {"connectivity"}
    assert "cdevs" not in payload


def test_modes_that_a_monitor_has_not_make_no_select() -> None:
    payload = monitor(modes={"function": ("Monitor", "Modect"), "recording": ()})
    assert {key for key, component in payload["cmps"].items() if component["p"] == "select"} == {
        "function",
        "detection_profile",
        "preset",
    }
    assert payload["cmps"]["function"]["ops"] == ["Monitor", "Modect"]


def test_how_it_is_looked_at_can_be_set() -> None:
    components = PAYLOADS["monitor"]["cmps"]
    assert components["detection_profile"]["ops"] == ["default", "night"]
    threshold = components["detection_threshold"]
    assert (threshold["p"], threshold["min"], threshold["max"], threshold["step"]) == ("number", 0, 1, 0.01)
    assert threshold["cmd_t"] == "vms_bridge/home/zm/1/set/detection_threshold"
    one = replace(VIEW, offer=replace(VIEW.offer, choices={"detection_profile": ("default",)}))
    assert gone(monitor_payload(VIEW, SYSTEM, OFFER), monitor_payload(one, SYSTEM, OFFER)) == {"detection_profile"}


def test_a_setting_has_its_bounds_and_unit() -> None:
    length = PAYLOADS["monitor"]["cmps"]["section_length"]
    assert (length["min"], length["max"], length["step"], length["mode"], length["unit_of_meas"]) == (1, 86_400, 1, "box", "s")
    assert length["cmd_t"] == "vms_bridge/home/zm/1/set/section_length"


def test_a_camera_that_moves_has_a_button_for_each_thing_that_it_can_be_told_and_a_select_of_its_presets() -> None:
    able = Ptz(moves=(PtzMove.LEFT, PtzMove.STOP), presets=(Preset(number=1, name="Gate"), Preset(number=2)))
    components = monitor(ptz=able)["cmps"]
    assert {key for key in components if key.startswith("ptz_")} == {"ptz_left", "ptz_stop"}
    left = components["ptz_left"]
    assert (left["p"], left["cmd_t"], left["pl_prs"]) == ("button", "vms_bridge/home/zm/1/set/ptz", "left")
    assert "pl_prs" not in components["end_alarm"]
    preset = components["preset"]
    assert (preset["ops"], preset["cmd_t"]) == (["Gate", "Preset 2"], "vms_bridge/home/zm/1/set/preset")
    assert preset["val_tpl"] == "{{ value_json.preset }}"
    assert "preset" not in monitor(ptz=Ptz(moves=(PtzMove.LEFT,)))["cmps"]
    assert not {key for key in monitor(ptz=None)["cmps"] if key.startswith("ptz_") or key == "preset"}


def test_a_system_shows_what_it_has() -> None:
    assert {"0-storage_used", "0-storage_used_percent", "a_b_87df6b40-storage_used"} <= PAYLOADS["system"]["cmps"].keys()
    assert "a_b_87df6b40-storage_used_percent" not in PAYLOADS["system"]["cmps"], "its total is not known"
    assert PAYLOADS["system"]["cmps"]["0-storage_used"]["name"] == "Default used"
    assert PAYLOADS["system"]["cmps"]["run_state"]["ops"] == ["default", "home"]
    assert "run_state" not in system(run_states=())["cmps"]
    bare = decode(system_payload(replace(SYSTEM, state=SystemState(), url=None, name=""), OFFER))
    assert bare["cmps"].keys() == {"connectivity", "problem", "running", "version", "monitors", "source", "lag"}
    assert bare["dev"] == {
        "ids": ["vms_bridge-home-zm"],
        "name": "zm",
        "mdl": "zoneminder",
        "via_device": "vms_bridge-home",
    }


CONTROLLED = {
    *("armed", "force_alarm", "end_alarm", "detection", "function", "capturing", "analysing", "recording"),
    *("max_fps", "alarm_max_fps", "analysis_max_fps", "section_length"),
    *("object_detection", "detection_profile", "detection_threshold"),
    *("preset", *(f"ptz_{move}" for move in PtzMove)),
}


@pytest.mark.parametrize(
    ("offer", "commands"),
    [
        (Offer(topics=samples.TOPICS, level=Level.READ), set()),
        (
            Offer(topics=samples.TOPICS),
            CONTROLLED,
        ),
        (
            Offer(topics=samples.TOPICS, level=Level.ADMIN),
            CONTROLLED | {"restart"},
        ),
    ],
)
def test_what_may_not_be_commanded_makes_no_entity(offer: Offer, commands: set[str]) -> None:
    payload = decode(monitor_payload(VIEW, SYSTEM, offer))
    assert {key for key, component in payload["cmps"].items() if "cmd_t" in component} == commands


def test_without_snapshots_there_is_no_picture() -> None:
    without = monitor_payload(VIEW, SYSTEM, replace(OFFER, snapshots=False))
    pictures = {f"{part}-best_picture" for part in object_parts(VIEW)}
    assert gone(monitor_payload(VIEW, SYSTEM, OFFER), without) == {"picture", "camera"} | pictures


@pytest.mark.parametrize(
    ("name", "entity_id"),
    [
        ("Front door", "binary_sensor.front_door_motion"),
        ("Küche / Flur 2", "binary_sensor.kuche_flur_2_motion"),
        ("Камера 1", "binary_sensor.zm_1_motion"),
        ("", "binary_sensor.1_motion"),
        ("!!", "binary_sensor.zm_1_motion"),
    ],
)
def test_entity_ids_are_readable_and_of_few_letters(name: str, entity_id: str) -> None:
    assert monitor(name=name)["cmps"]["motion"]["def_ent_id"] == entity_id


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://vms.example/zm", True),
        (None, False),
        ("", False),
        ("rtsp://vms.example", False),
        ("http://", False),
        ("http://user:secret@vms.example/", False),
        ("http://[::1", False),
        ("http://vms.example/a b", False),
        ("http://vms.example:port/", False),
        ("http://vms.example/\n", False),
    ],
)
def test_only_a_page_without_credentials_is_linked(url: str | None, *, shown: bool) -> None:
    payload = decode(system_payload(replace(SYSTEM, url=url), OFFER))
    assert (payload["dev"].get("cu") == url) is shown or url is None
    assert ("cu" in payload["dev"]) is shown


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("Left", "Drive Left"),
        ("drive", "Drive zone"),
        ("Drive left", "Drive left"),
        ("Driveway", "Drive Driveway"),
        ("", "Drive 5"),
    ],
)
def test_no_name_stands_twice_in_that_of_a_zone(zone: str, name: str) -> None:
    payload = monitor(name="Drive", zones=(Zone(id="5", name=zone),), capabilities=frozenset(Capability))
    assert [child["name"] for child in payload["cdevs"]] == [name]


def test_two_cameras_of_one_name_have_entity_ids_of_their_own() -> None:
    views = {key: replace(VIEW, key=key, monitor=replace(VIEW.monitor, id=key, name="Drive")) for key in ("1", "2")}
    views["3"] = replace(VIEW, key="3", monitor=replace(VIEW.monitor, id="3", name="Hall"))
    system = replace(SYSTEM, monitors=views)
    ids = [decode(monitor_payload(view, system, OFFER))["cmps"]["motion"]["def_ent_id"] for view in views.values()]
    assert ids == ["binary_sensor.drive_1_motion", "binary_sensor.drive_2_motion", "binary_sensor.hall_motion"]


def test_counts_have_no_unit_and_states_one_spelling() -> None:
    units = {part.get("unit_of_meas") for payload in PAYLOADS.values() for _, part in all_components(payload)}
    assert not {"events", "monitors", "messages", "systems"} & units
    alarm = PAYLOADS["monitor"]["cmps"]["alarm"]
    assert alarm["ops"] == ["Idle", "Prealarm", "Alarm", "Alert"]
    known = "['idle', 'prealarm', 'alarm', 'alert']"
    assert alarm["val_tpl"] == f"{{{{ value_json.alarm | capitalize if value_json.alarm in {known} else 'None' }}}}"


def test_a_mode_that_only_its_own_vms_knows_is_a_select() -> None:
    payload = monitor(modes={"function": ("None", "Modect"), "profile": ("Day", "Night"), "armed": ("a", "b"), "a/b": ("a", "b")})
    selects = {key: component for key, component in payload["cmps"].items() if component["p"] == "select"}
    assert selects.keys() == {"function", "mode_profile", "detection_profile", "preset"}
    assert selects["mode_profile"] == {
        "p": "select",
        "ent_cat": "config",
        "ic": "mdi:tune-variant",
        "uniq_id": "home-zm-1-mode_profile",
        "def_ent_id": "select.front_door_mode_profile",
        "val_tpl": "{{ value_json.mode_profile }}",
        "ops": ["Day", "Night"],
        "cmd_t": "vms_bridge/home/zm/1/set/profile",
        "qos": 1,
        "name": "Profile mode",
    }


def test_the_mode_none_can_be_shown_and_chosen() -> None:
    function = PAYLOADS["monitor"]["cmps"]["function"]
    assert function["ops"] == ["Off", "Monitor", "Modect"]
    assert function["val_tpl"] == '{{ "Off" if value_json.function == "None" else value_json.function }}'
    assert function["cmd_tpl"] == '{{ "None" if value == "Off" else value }}'
    assert option_labels(("Off", "None")) == {"Off": "Off", "None": "(None)"}
    assert command_template(("On",)) is None


def test_choices_that_differ_in_case_only_stay_apart() -> None:
    assert option_labels(("None", "none", "Home")) == {"None": "Off", "none": "(none)", "Home": "Home"}
    assert option_labels(("NONE", "none", "Off")) == {"NONE": "(NONE)", "none": "(none)", "Off": "Off"}
    assert option_labels(("none", "None", "(None)")) == {"none": "Off", "None": "(None 2)", "(None)": "(None)"}
    payload = decode(system_payload(replace(SYSTEM, state=replace(SYSTEM.state, run_states=("None", "none", "a"))), OFFER))
    select = payload["cmps"]["run_state"]
    assert select["ops"] == ["Off", "(none)", "a"]
    assert select["val_tpl"] == ('{{ {"None": "Off", "none": "(none)"}.get(value_json.run_state, value_json.run_state) }}')
    assert select["cmd_tpl"] == '{{ {"Off": "None", "(none)": "none"}.get(value, value) }}'


def test_names_that_are_hard_to_encode_are_sent_all_the_same() -> None:
    payload = monitor(name='a"\ud800\n', zones=(Zone(id='{{"}}', name="\x00"),), modes={"function": ("{% x", 'a"b')})
    assert payload["dev"]["name"] == 'a"?\n'
    assert payload["cmps"]["function"]["ops"] == ["{% x", 'a"b']


def test_components_are_read_back() -> None:
    payload = monitor_payload(VIEW, SYSTEM, OFFER)
    found = components(payload)
    assert found["motion"] == "binary_sensor"
    assert found["1-occupancy"] == "binary_sensor"
    assert len(found) == len(all_components(decode(payload)))
    assert gone(payload, payload) == frozenset()


def test_a_component_of_another_platform_has_to_go_first() -> None:
    before = b'{"cmps":{"x":{"p":"sensor"},"y":{"p":"switch"}}}'
    after = b'{"cmps":{"x":{"p":"binary_sensor"},"y":{"p":"switch"}}}'
    assert gone(before, after) == {"x"}


def test_removal_leaves_the_platform_and_touches_nothing_else() -> None:
    before = monitor_payload(VIEW, SYSTEM, OFFER)
    step = removal_payload(before, {"score", "1-occupancy", "unheard_of"})
    expected = decode(before)
    expected["cmps"]["score"] = {"p": "sensor"}
    expected["cdevs"][0]["cmps"]["1-occupancy"] = {"p": "binary_sensor"}
    assert decode(step) == expected
    assert decode(removal_payload(before, ())) == decode(before)


@given(st.binary(max_size=40))
def test_foreign_bytes_on_our_topic_have_no_components(payload: bytes) -> None:
    assert components(payload) == {}
    assert json.loads(removal_payload(payload, {"x"})) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["cmps", "cdevs", "p", "x"]), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_foreign_json_on_our_topic_does_no_harm(value: object) -> None:
    payload = json.dumps(value).encode()
    assert all(isinstance(platform, str) for platform in components(payload).values())
    removal_payload(payload, components(payload).keys())


@given(st.text(max_size=20), st.text(max_size=20), st.lists(st.text(max_size=8), max_size=3, unique=True))
def test_whatever_things_are_called_the_payload_is_sound(name: str, area: str, zones: list[str]) -> None:
    named: Monitor = replace(
        samples.MONITOR, name=name, area=area, zones=tuple(Zone(id=zone, name=zone) for zone in zones), modes={}
    )
    payload = decode(monitor_payload(replace(VIEW, monitor=named), SYSTEM, OFFER))
    test_home_assistant_would_take_it(payload)
    test_every_entity_has_an_id_a_name_and_a_topic(payload)


def test_a_storage_without_a_name_is_called_by_its_id() -> None:
    payload = system(storage=(Storage(id="7", name="", used_bytes=1),))
    assert payload["cmps"]["7-storage_used"]["name"] == "7 used"
