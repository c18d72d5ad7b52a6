"""What the configuration file says is what the bridge gets; what is wrong in it is named with line, key and remedy."""

from __future__ import annotations

import os
import re
import traceback
from dataclasses import FrozenInstanceError
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, model_validator
from tests.bridge.config.samples import COMPLETE, PLUGIN, Mistake, mistakes

from vms_bridge.api.config import HttpConfig, Limits, TlsFiles
from vms_bridge.backends import kind_names, load_kind
from vms_bridge.config import (
    ClipsConfig,
    Config,
    FileOptions,
    IndexConfig,
    LogConfig,
    MonitorOptions,
    RetentionConfig,
    SystemOptions,
    load,
)
from vms_bridge.config.check import Checker
from vms_bridge.config.file import read_document
from vms_bridge.errors import ConfigError, InvalidConfig
from vms_bridge.keys import MonitorRule
from vms_bridge.links import LinkKind
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.sinks import load_sink_kind, sections

ROOT = Path(__file__).parents[3]
OWN_SECTIONS = sections()
"""Those of the sinks in this repository: others are found once the plugin is on the path."""
ENVIRON = {"HOME": "/home/me", "EMPTY": ""}
MINIMAL = "systems:\n  a:\n    type: fakevms\n    url: http://127.0.0.1/vms\n"


@pytest.fixture(autouse=True)
def _third_party(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGIN))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with the complete sample and the files that it names."""
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).touch()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "yard").write_text("of the yard\n")
    (tmp_path / "secrets" / "yard").chmod(0o600)
    (tmp_path / "vms-bridge.yaml").write_text(COMPLETE.read_text())
    return tmp_path


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "vms-bridge.yaml"
    path.write_text(text)
    return path


def mistakes_in(path: Path, environ: dict[str, str] | None = None) -> tuple[ConfigError, ...]:
    with pytest.raises(InvalidConfig) as caught:
        load(path, ENVIRON if environ is None else environ)
    return caught.value.mistakes


def test_complete_file(folder: Path) -> None:
    environ = {"MQTT_PASSWORD": "of the broker", "PIN": "0042", "PROXY_PASSWORD": "of the proxy"}
    config = load(folder / "vms-bridge.yaml", environ)
    assert (config.instance, config.name, config.previous_instance) == ("cabin_2", "Cabin", "cabin")
    assert config.data_dir == folder / "state"
    assert (config.log.level, config.log.format) == ("debug", "json")
    mqtt = config.sinks["mqtt"].settings
    assert isinstance(mqtt, MqttConfig)
    assert (mqtt.host, mqtt.port, mqtt.tls) == ("broker.example", 8884, True)
    assert mqtt.password is not None
    assert mqtt.password.get_secret_value() == "of the broker"
    assert (mqtt.user, mqtt.authorization) == ("bridge", "Basic Y2FiaW46b2YgdGhlIHByb3h5")
    assert (mqtt.ca_file, mqtt.client_key) == (folder / "ca.pem", folder / "client.key")
    assert (mqtt.discovery, mqtt.snapshots, mqtt.commands) == (False, False, "none")
    http = config.sinks["http"].settings
    assert isinstance(http, HttpConfig)
    assert (http.place, http.public_url) == ("0.0.0.0:8443", "https://cabin.example")
    assert http.names == {"cabin.lan", "192.168.1.2", "cabin.example"}
    assert [str(network) for network in http.proxies] == ["127.0.0.1/32", "10.0.0.0/8"]
    assert http.tls == TlsFiles(certificate=folder / "client.pem", key=folder / "client.key")
    assert (http.life, http.linked) == (timedelta(hours=36), frozenset({LinkKind.PICTURE}))
    assert config.message_links is not None
    assert config.message_links.url == "https://cabin.example"
    assert config.remarks == ()
    assert config.exposures[-1].text == "whoever reads event messages by mqtt can open pictures of events"
    yard, barn = config.systems["yard"], config.systems["barn"]
    assert (yard.name, barn.name, yard.kind.name) == ("The yard", "Fake VMS", "fakevms")
    assert yard.rules.include == ("1", "007", "Drive*")
    assert yard.rules.exclude == ("*test*",)
    assert yard.rules.monitors == {
        "007": MonitorRule(key="drive", name="Driveway", area="Garden"),
        "8": MonitorRule(enabled=False),
    }
    said = yard.settings.model_dump()
    assert said["username"] == "No"
    assert said["password"].get_secret_value() == "of the yard"
    assert said["shared_memory"] is False
    assert said["account"]["user"] == "0123"
    assert said["account"]["pin"].get_secret_value() == "0042"
    assert said["account"]["ca_file"] == folder / "ca.pem"
    assert barn.settings.model_dump()["shared_memory"] == Path("/dev/shm")  # noqa: S108 - only a value


def test_the_complete_sample_names_every_option() -> None:
    sample = yaml.compose(re.sub(r"!\w+ ", "", COMPLETE.read_text()))

    def keys(node: yaml.Node | None) -> dict[str, yaml.Node]:
        assert isinstance(node, yaml.MappingNode)
        return {key.value: value for key, value in node.value}

    top = keys(sample)
    assert set(top) == set(FileOptions.model_fields) | set(OWN_SECTIONS)
    assert set(keys(top["log"])) == set(LogConfig.model_fields)
    assert set(keys(top["mqtt"])) | {"fingerprint"} == set(MqttConfig.model_fields), "fingerprint: excludes ca_file:"
    yard = keys(keys(top["systems"])["yard"])
    assert set(keys(top["http"])) == set(HttpConfig.model_fields)
    assert set(keys(keys(top["http"])["limits"])) == set(Limits.model_fields)
    assert set(SystemOptions.model_fields) <= set(yard)
    assert set(keys(keys(yard["monitors"])["007"])) == set(MonitorOptions.model_fields)


def test_minimal_file_and_defaults(tmp_path: Path) -> None:
    config = load(write(tmp_path, MINIMAL), ENVIRON)
    assert (config.instance, config.name, config.previous_instance, config.sinks) == ("home", "VMS Bridge", None, {})
    assert config.data_dir == Path("/home/me/.local/state/vms-bridge")
    assert config.log == LogConfig(level="info", format="text")
    [remark] = config.remarks
    assert remark.text.startswith("there is no section ")
    assert remark.text.endswith(" or `scripts:`: nobody receives what the bridge reports")


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"STATE_DIRECTORY": "/var/lib/vms-bridge", "HOME": "/h"}, "/var/lib/vms-bridge"),
        ({"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}, "/var/lib/one"),
        ({"XDG_STATE_HOME": "/state", "HOME": "/h"}, "/state/vms-bridge"),
        ({"XDG_STATE_HOME": "not/absolute", "HOME": "/h"}, "/h/.local/state/vms-bridge"),
    ],
)
def test_place_of_the_state(tmp_path: Path, environ: dict[str, str], place: str) -> None:
    assert load(write(tmp_path, MINIMAL), environ).data_dir == Path(place)


def test_no_place_for_the_state(tmp_path: Path) -> None:
    (mistake,) = mistakes_in(write(tmp_path, MINIMAL), {})
    assert mistake.key == "data_dir"


def test_a_relative_config_path_still_gives_absolute_places(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    config = load(Path("vms-bridge.yaml"), {"MQTT_PASSWORD": "x", "PIN": "y", "PROXY_PASSWORD": "z"})
    assert config.data_dir == folder / "state"


def test_a_sink_of_another_package_has_a_section_like_any_other(tmp_path: Path) -> None:
    config = load(write(tmp_path, f"fakesink: {{topic: news, password: hunter2hunter2}}\n{MINIMAL}"), ENVIRON)
    assert (config.sinks["fakesink"].kind.name, list(config.sinks)) == ("fake", ["fakesink"])
    assert [remark.text for remark in config.remarks] == ["fakesink.password is in the file in plain text"]
    assert "hunter2hunter2" in config.secrets().texts()
    assert (config.identity.instance, config.identity.name) == ("home", "VMS Bridge")


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("fakesink: {topic: a, tpic: b}", "there is no such option", "did you mean topic?"),
        ("fakesink: {topic: a, other: b}", "there is no such option", "there are: behaviour, password, topic"),
        ("fakesink: news", "expected a mapping of keys to values", "as in `fakesink: {topic: news}`"),
        ("fakesink:", "is empty", "as in `fakesink: {topic: news}`"),
        ("mqtt:", "is empty", "write how to reach the broker"),
        ("brokensink: {}", "this sink can't be loaded: RuntimeError", "reinstall or upgrade"),
        ("fakesing: {}", "there is no such option", "did you mean fakesink?"),
        ("http: {link_lives: 7d}", "there is no such option", "did you mean link_life?"),
        (
            "http: {linger: 7d}",
            "there is no such option",
            "there are: allowed_hosts, hooks_group",
        ),
        ("http: {link_life: 7}", "is no such time", "m, h or d behind it"),
        ("http: {link_life: 30s}", "is no such time", "m, h or d behind it"),
        ("http: {link_life: 9999999d}", "is no such time", "1m to 3650d"),
        ("http: {message_links: clips}", "expected 'none', 'snapshot' or 'all'", "whoever reads them can open"),
        ("http: {message_links: all}", "needs an address that the links can begin with", "set public_url:"),
        ("http: {port: 70000}", "expected 65535 or less", "1 to 65535"),
        ("http: {host: 'a b'}", "is no host's name", "cameras.example"),
        ("http: {allowed_hosts: ['http://nas.lan']}", "is no host's name", "the name alone"),
        ("http: {trusted_proxies: [10.0.0.1/8]}", "is neither an address nor a network", "its last bits are 0"),
        ("http: {public_url: 'ftp://nas.lan'}", "does not start with http:// or https://", "https://cameras.example"),
        ("http: {public_url: 'https://nas.lan/vms'}", "has a user, path or query", "nothing behind"),
        ("http: {tls: {certificate: api.pem}}", "is missing", "the certificate's key"),
    ],
)
def test_mistakes_in_the_section_of_a_sink(tmp_path: Path, text: str, said: str, hint: str) -> None:
    [mistake] = mistakes_in(write(tmp_path, f"{text}\n{MINIMAL}"))
    assert said in str(mistake)
    assert hint in mistake.hint
    assert mistake.line == 1


def test_a_package_can_not_take_a_section_that_is_the_bridges(tmp_path: Path) -> None:
    config = load(write(tmp_path, f"log: {{level: debug}}\nmqtt: {{url: mqtt://h}}\n{MINIMAL}"), ENVIRON)
    assert (config.log.level, list(config.sinks)) == ("debug", ["mqtt"])


def test_equal_files_give_equal_configurations(folder: Path) -> None:
    environ = {"MQTT_PASSWORD": "one", "PIN": "0042", "PROXY_PASSWORD": "x"}
    first, second = (load(folder / "vms-bridge.yaml", environ) for _ in range(2))
    assert first == second
    other = load(folder / "vms-bridge.yaml", environ | {"PIN": "0043"})
    assert other.systems["yard"] != first.systems["yard"]
    assert other.systems["barn"] == first.systems["barn"]


def test_it_is_immutable(tmp_path: Path) -> None:
    config = load(write(tmp_path, MINIMAL), ENVIRON)
    with pytest.raises(FrozenInstanceError):
        config.instance = "other"  # type: ignore[misc]  # that is what is tested


@pytest.mark.parametrize("sample", mistakes(), ids=lambda sample: sample.path.stem)
def test_mistakes(sample: Mistake) -> None:
    found = mistakes_in(sample.path)

    assert len(found) == 1, [str(mistake) for mistake in found]
    (mistake,) = found
    assert sample.message in str(mistake)
    assert sample.hint in mistake.hint
    assert (mistake.file, mistake.line) == (str(sample.path), sample.line)
    assert (mistake.key or "").startswith(sample.key or "")
    assert "hunter2" not in str(mistake) + mistake.hint


def test_all_mistakes_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "instance: My House\nmqtt: {url: x, pasword: y}\nsystems:\n"
        "  a: {type: fakevms, url: nowhere, password: !env NOT_SET}\n  b: {type: fakevms}\n",
    )
    found = mistakes_in(path)
    assert [mistake.line for mistake in found] == [1, 2, 2, 4, 4, 5]
    with pytest.raises(InvalidConfig) as caught:
        load(path, ENVIRON)
    assert str(caught.value).count(f"{path}:") == 6
    assert "did you mean password?" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("mqtt: {url: mqtt://h, pasword: !env NOT_SET}", ["mqtt.pasword", "mqtt.pasword"]),
        ("mqtt: {url: mqtt://h, ca_file: none.pem, discovery: maybe}", ["mqtt.ca_file", "mqtt.discovery"]),
        ("mqtt: {client_certificate: vms-bridge.yaml}", ["mqtt.url", "mqtt.client_key"]),
        ("mqtt: {url: mqtt://h, client_certificate: [x]}", ["mqtt.client_certificate"]),
        ("instance: a\nname: ''\nprevious_instance: a", ["name", "previous_instance"]),
        ("data_dir: [a]", ["data_dir"]),
        ("systems: {My-House: !env NOT_SET}", ["systems.My-House", "systems.My-House"]),
        ("systems: {x: }", ["systems.x"]),
        ("systems: {a: {type: fakevms, account: {usr: x, ca_file: no.pem}}}", "url account.usr account.ca_file"),
        ("systems: {a: {type: zoneminder, username: me, poll_interval: 0}}", "url password poll_interval"),
        ("systems: {a: {type: zoneminder, password: [x], username: me}}", "url password"),
        ("systems: {a: {type: zoneminder, url: 'http://h', shared_memory: yes}}", "shared_memory"),
        ("systems: {a: {type: zoneminder, url: ftp://h, verify_tls: no, ca_file: no.pem}}", "url verify_tls ca_file"),
        (
            "systems: {a: {type: fakevms, name: '',"
            " monitors: {include: x, 1: {key: a/b, nam: x}, 2: {key: '4', area: ''}, 4: {}}}}",
            "url name monitors.include monitors.1.key monitors.1.nam monitors.2.area monitors.4.key",
        ),
        ("systems: {a: {type: nonsense, name: ''}}", "type name"),
        ("fakesink: {topc: x, password: [y]}\ninstance: A", ["fakesink.topc", "fakesink.topic", "fakesink.password", "instance"]),
        ("brokensink: {x: y}\nmqtt:\nfakesinc: x", ["brokensink", "mqtt", "fakesinc"]),
    ],
)
def test_no_mistake_hides_another(tmp_path: Path, text: str, keys: list[str] | str) -> None:
    path = write(tmp_path, text if "systems" in text else f"{text}\n{MINIMAL}")
    found = mistakes_in(path, {})
    wanted = [f"systems.a.{key}" for key in keys.split()] if isinstance(keys, str) else keys
    wanted += [] if "data_dir" in text else ["data_dir"]  # for there is no home directory
    assert sorted(str(mistake.key) for mistake in found) == sorted(wanted)
    assert all(mistake.hint for mistake in found)
    assert not any("<class" in str(mistake) for mistake in found)


class Undescribed(BaseModel):
    """The settings of a plugin that says nothing of its options."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    number: int = 0
    either: Literal[False] | int | list[int] = 0
    inner: LogConfig | RetentionConfig | None = None

    @model_validator(mode="after")
    def _agreement(self) -> Undescribed:
        if self.number == 13:
            raise ValueError("number: 13 does not go with this url:")
        return self


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, {"url": "write `url: ...` here"}),
        ({"url": "x", "number": "y"}, {"number": "correct it, or leave it out for the default"}),
        ({"url": "x", "number": "13"}, {"": "change one of the options that this is about"}),
        ({"url": "x", "either": ["y"]}, {"either.0": "correct it, or leave it out for the default", "either": "correct it"}),
        ({"url": "x", "inner": {"level": "y"}}, {"inner.level": "choose the least severe", "inner": ""}),
    ],
)
def test_every_mistake_has_a_remedy_also_where_a_model_says_none(
    tmp_path: Path, values: dict[str, object], said: dict[str, str]
) -> None:
    path = write(tmp_path, MINIMAL)
    check = Checker(path, read_document(path, {}))
    assert check.model(Undescribed, values, ()) is None
    assert check.mistakes
    for mistake in check.mistakes:
        assert mistake.hint
        assert mistake.hint.startswith(next(hint for key, hint in said.items() if (mistake.key or "").startswith(key)))


@pytest.mark.parametrize("kind", ["top", *(name for name in kind_names() if name not in {"fakevms", "brokenvms"})])
def test_every_option_says_what_to_write(kind: str) -> None:
    models = list(DOCUMENTED.values()) if kind == "top" else [load_kind(kind).config]
    options = {f"{model.__name__}.{name}": field.description for model in models for name, field in model.model_fields.items()}
    assert {name: said for name, said in options.items() if not re.match("(write|name|choose) ", said or "")} == {}


def test_no_such_file(tmp_path: Path) -> None:
    (mistake,) = mistakes_in(tmp_path / "nowhere.yaml")
    assert "there is no such file" in str(mistake)
    assert "--config" in mistake.hint


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "the file is empty"),
        (b"# nothing yet\n", 1, "the file is empty"),
        (b"instance: home\nname: caf\xe9\n", 2, "not UTF-8"),
        (b"#" * 1_000_001, None, "larger than 1 MB"),
        (b"a: b\x00c\n", 1, "control character"),
    ],
)
def test_unusable_content(tmp_path: Path, content: bytes, line: int | None, message: str) -> None:
    path = tmp_path / "vms-bridge.yaml"
    path.write_bytes(content)
    (mistake,) = mistakes_in(path)
    assert message in str(mistake)
    assert mistake.line == line
    assert mistake.hint


def test_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    path = tmp_path / "vms-bridge.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert load(path, ENVIRON).instance == "home"


def test_directory(tmp_path: Path) -> None:
    (mistake,) = mistakes_in(tmp_path)
    assert "directory" in str(mistake)


def test_not_a_path_at_all(tmp_path: Path) -> None:
    (mistake,) = mistakes_in(tmp_path / "vms-bridge.yaml" / "x" / ("y" * 300))
    assert mistake.hint


def test_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read everything")
    (mistake,) = mistakes_in(path)
    assert "can't be read" in str(mistake)


def test_alias_bomb_is_bounded(tmp_path: Path) -> None:
    levels = "".join(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]\n" for level in range(1, 12))
    found = mistakes_in(write(tmp_path, f"l0: &l0 [x]\n{levels}"))
    assert any("too large" in str(mistake) for mistake in found)


def test_aliases_may_be_used(tmp_path: Path) -> None:
    text = f"{MINIMAL}    account: &it {{user: me}}\n  b: {{type: fakevms, url: 'http://b', account: *it}}\n"
    config = load(write(tmp_path, text), ENVIRON)
    assert config.systems["b"].settings.model_dump()["account"]["user"] == "me"


def test_secret_files(tmp_path: Path) -> None:
    text = f"{MINIMAL}    password: !file here\n"
    path = write(tmp_path, text)
    secret = tmp_path / "here"
    for content, wanted in [(b"pass word\r\n", "pass word"), (b" a \n\n", " a "), ("grün".encode(), "grün")]:
        secret.write_bytes(content)
        secret.chmod(0o600)
        config = load(path, ENVIRON)
        assert config.systems["a"].settings.model_dump()["password"].get_secret_value() == wanted
        assert not any("can read the secret" in remark.text for remark in config.remarks)
    for content in (b"", b"\n", b"\xff\xfe", b"x" * 20_000):
        secret.write_bytes(content)
        (mistake,) = mistakes_in(path)
        assert "empty, too large or not text" in str(mistake)


def test_systemd_credentials_come_first(tmp_path: Path) -> None:
    path = write(tmp_path, f"{MINIMAL}    password: !file zm_password\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    environ = ENVIRON | {"CREDENTIALS_DIRECTORY": str(credentials)}
    (tmp_path / "zm_password").write_text("beside the file")
    assert _password(path, environ) == "beside the file"
    (credentials / "zm_password").write_text("from systemd")
    assert _password(path, environ) == "from systemd"
    assert _password(path, ENVIRON) == "beside the file"


def _password(path: Path, environ: dict[str, str]) -> object:
    return load(path, environ).systems["a"].settings.model_dump()["password"].get_secret_value()


def test_a_secret_that_everybody_can_read_is_remarked(tmp_path: Path) -> None:
    path = write(tmp_path, f"{MINIMAL}    password: !file here\n")
    (tmp_path / "here").write_text("secret")
    (tmp_path / "here").chmod(0o644)
    assert any("chmod 600" in remark.hint for remark in load(path, ENVIRON).remarks)


def test_a_plain_secret_is_taken_and_remarked(tmp_path: Path) -> None:
    text = (
        f"mqtt: {{url: mqtt://me@127.0.0.1, password: 0123}}\n{MINIMAL}    password: hunter2hunter2\n    account: {{pin: 4711}}\n"
    )
    config = load(write(tmp_path, text), ENVIRON)
    keys = [remark.text.split()[0] for remark in config.remarks]
    assert keys == ["mqtt.password", "systems.a.password", "systems.a.account.pin"]
    assert "hunter2" not in str(config.remarks)
    assert all(remark.hint for remark in config.remarks)
    mqtt = config.sinks["mqtt"].settings
    assert isinstance(mqtt, MqttConfig)
    assert mqtt.password is not None
    assert mqtt.password.get_secret_value() == "0123"


@pytest.mark.parametrize(("catch_up", "days", "count"), [("7", "8", 0), ("9", "9", 0), ("30", "8", 1)])
def test_looking_further_back_than_is_remembered_is_remarked(tmp_path: Path, catch_up: str, days: str, count: int) -> None:
    text = f"mqtt: {{url: mqtt://h}}\nretention: {{days: {days}}}\n"
    text += f"systems: {{zm: {{type: zoneminder, url: 'http://h', catch_up_days: {catch_up}}}}}\n"
    remarks = load(write(tmp_path, text), ENVIRON).remarks
    assert [remark.text.split()[0] for remark in remarks] == ["systems.zm.catch_up_days"] * count


def test_a_spool_that_has_no_room_for_a_clip_is_refused(tmp_path: Path) -> None:
    text = "clips: {megabytes: 500, spool_megabytes: 900}\nsystems: {sim: {type: simulator}}\n"
    with pytest.raises(InvalidConfig) as refused:
        load(write(tmp_path, text), ENVIRON)
    (mistake,) = refused.value.mistakes
    assert "no room to make a clip" in str(mistake)
    assert "twice" in mistake.hint
    config = load(write(tmp_path, text.replace("900", "1000").replace("500,", "500, minutes: 0.5,")), ENVIRON)
    assert (config.clips.minutes, config.clips.spool_megabytes) == (0.5, 1_000)


def _outcome(path: Path, environ: dict[str, str]) -> Config | InvalidConfig:
    try:
        return load(path, environ)
    except InvalidConfig as invalid:
        return invalid


MARK = "þ9þ7"  # stands in no text of ours
_LATIN = st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["Cc", "Cs"], exclude_characters="@")
_IS_PORT = re.compile(r"\d*[/?#]")  # what follows is then the path of a good address
SECRETS = st.text(_LATIN, max_size=30).filter(lambda text: not _IS_PORT.match(text)).map(lambda text: f"{text}{MARK}")
PLACES = st.sampled_from(
    [
        "mqtt: {{url: mqtt://127.0.0.1, password: {it}}}\nsystems: {{a: {{type: fakevms, url: 'http://x'}}}}\n",
        "mqtt: {{url: mqtt://127.0.0.1, pasword: {it}}}\n",
        "mqtt: {{url: mqtt://127.0.0.1, password: {{{it}}}}}\n",
        "mqtt: {{url: mqtt://127.0.0.1, password: [{it}]}}\n",
        "mqtt:\n  url: mqtt://127.0.0.1\n  password: {it}\n wrong: x\n",
        "mqtt: {{url: 'mqtt://me:{it}@127.0.0.1'}}\n",
        "mqtt: {{url: 'mqtts://me:{it}@[::1'}}\n",
        "systems: {{a: {{type: fakevms, url: 'ftp://me:{it}'}}}}\n",
        "systems: {{a: {{type: zoneminder, url: 'http://me:{it}'}}}}\n",
        "systems: {{a: {{type: zoneminder, url: 'http://me:{it}@127.0.0.1'}}}}\n",
        "systems: {{a: {{type: fakevms, url: 'ftp://me:{it}@127.0.0.1:99999', password: {it}}}}}\n",
        "systems: {{a: {{type: fakevms, url: 'http://x', username: me, password: {it}, behaviour: wrong}}}}\n",
        "systems: {{a: {{type: fakevms, url: !env IT, password: !env IT, poll_interval: !env IT}}}}\n",
    ]
)


@settings(max_examples=150, deadline=None)
@given(secret=SECRETS, place=PLACES, quoted=st.booleans())
def test_a_secret_never_shows(secret: str, place: str, quoted: bool, tmp_path_factory: pytest.TempPathFactory) -> None:  # noqa: FBT001 - drawn by hypothesis
    written = yaml.dump(secret, allow_unicode=True, width=1000).removesuffix("\n").removesuffix("\n...") if quoted else secret
    path = tmp_path_factory.getbasetemp() / "secret.yaml"
    path.write_text(place.format(it=written), encoding="utf-8")
    outcome = _outcome(path, ENVIRON | {"IT": secret})
    shown = str(outcome) + repr(outcome)
    if isinstance(outcome, InvalidConfig):
        shown += "".join(map(repr, outcome.mistakes)) + "".join(traceback.format_exception(outcome))
    assert MARK not in shown


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_is_read_or_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfig):
        load(path, ENVIRON)


YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.timeout(30)  # many files, read whole
@settings(max_examples=150, deadline=None)
@given(
    top=st.fixed_dictionaries({}, optional=dict.fromkeys([*FileOptions.model_fields, *sections()], YAML_VALUES)),
    system=st.fixed_dictionaries({"type": st.just("fakevms")}, optional={"monitors": YAML_VALUES, "url": YAML_VALUES}),
)
def test_any_shape_is_read_or_refused(
    top: dict[str, object], system: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "shape.yaml"
    path.write_text(yaml.safe_dump({"systems": {"a": system}} | top, allow_unicode=True), encoding="utf-8")
    outcome = _outcome(path, ENVIRON)
    if isinstance(outcome, InvalidConfig):
        assert outcome.mistakes
        assert all(mistake.line for mistake in outcome.mistakes)


def test_the_message_of_one_and_of_many() -> None:
    one = InvalidConfig([ConfigError("is wrong", file="f", line=3, key="k", hint="mend it")])
    assert str(one) == "f:3: k: is wrong (mend it)"
    assert one.args[0] == "the configuration has a mistake"
    assert InvalidConfig([ConfigError("a"), ConfigError("b")]).args[0] == "the configuration has 2 mistakes"


@pytest.mark.parametrize(
    ("options", "key", "hint"),
    [
        ("url: mqtt://h, password: !env EMPTY_NOT", "mqtt.password", "name the user"),
        ("url: mqtt://h, ca_file: vms-bridge.yaml", "mqtt.ca_file", "write mqtts:// in url:"),
        ("url: ws://h, client_certificate: vms-bridge.yaml, client_key: vms-bridge.yaml", "mqtt.client_certificate", "wss://"),
    ],
)
def test_what_has_no_effect_is_told(tmp_path: Path, options: str, key: str, hint: str) -> None:
    config = load(write(tmp_path, f"mqtt: {{{options}}}\n{MINIMAL}"), ENVIRON | {"EMPTY_NOT": "x"})
    (remark,) = config.remarks
    assert remark.text == f"{key} has no effect"
    assert hint in remark.hint


@pytest.mark.parametrize(
    ("options", "user"),
    [
        ({"url": "mqtt://cam%40home.example@host"}, "cam@home.example"),
        ({"url": "mqtt://host", "username": "vh:cam"}, "vh:cam"),
        ({"url": "mqtt://host", "username": "a#b/%20@x"}, "a#b/%20@x"),
        ({"url": "mqtt://host"}, None),
    ],
)
def test_the_brokers_user(options: dict[str, str], user: str | None) -> None:
    config = MqttConfig.model_validate(options)
    assert config.user == user
    assert config.place == "host:1883"
    assert MqttConfig.model_validate(options) == config, "what was looked up does not make another configuration"


def _documented() -> dict[str, dict[str, str]]:
    """Return option -> default, by heading, from the tables of docs/configuration.md."""
    tables: dict[str, dict[str, str]] = {}
    heading = ""
    for line in (ROOT / "docs/configuration.md").read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif found := re.match(r"\| `(\w+)` \| (.*?) \|", line):
            tables.setdefault(heading, {})[found[1]] = found[2]
    return tables


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel | dict) or default is None:
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


DOCUMENTED: dict[str, type[BaseModel]] = {
    "Top level": FileOptions,
    "`log`": LogConfig,
    "`retention`": RetentionConfig,
    "`index`": IndexConfig,
    "`clips`": ClipsConfig,
    **{f"`{section}`": load_sink_kind(section).config for section in OWN_SECTIONS},
    "`tls`": TlsFiles,
    "`limits`": Limits,
    "`systems`": SystemOptions,
    "One monitor": MonitorOptions,
}


@pytest.mark.parametrize("heading", DOCUMENTED)
def test_docs_name_every_option_with_its_default(heading: str) -> None:
    model = DOCUMENTED[heading]
    sinks = dict.fromkeys(OWN_SECTIONS, "none") if model is FileOptions else {}
    assert _documented()[heading] == {name: _default(model, name) for name in model.model_fields} | sinks


@pytest.mark.parametrize("kind", [name for name in kind_names() if name not in {"fakevms", "brokenvms"}])
def test_docs_name_every_option_of_a_kind(kind: str) -> None:
    model = load_kind(kind).config
    assert _documented()[f"`type: {kind}`"] == {name: _default(model, name) for name in model.model_fields}


def test_the_examples_are_good(tmp_path: Path) -> None:
    for name in ("zm_password", "mqtt_password"):
        (tmp_path / name).write_text("secret")
        (tmp_path / name).chmod(0o600)
    environ = ENVIRON | {"CREDENTIALS_DIRECTORY": str(tmp_path), "ZM_PASSWORD": "secret"}
    for example in ("examples/vms-bridge.example.yaml", "examples/compose/vms-bridge.example.yaml"):
        config = load(ROOT / example, environ)
        assert config.systems["zm"].kind.name == "zoneminder"
        assert list(config.sinks) == ["mqtt"]
        assert config.remarks == ()


def test_links_in_the_docs_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())]
    assert links
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []
