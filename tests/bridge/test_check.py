"""`vms-bridge check` names each trouble with its remedy, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
import trustme
from pydantic import TypeAdapter
from tests.bridge.config.samples import PLUGIN, Mistake, mistakes
from tests.fakes.clock import FakeClock
from tests.fakes.identity import over
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends import load_kind
from vms_bridge.check import examine
from vms_bridge.cli import FAILED, OK, main
from vms_bridge.clock import SystemClock
from vms_bridge.config import Config, SinkConfig, SystemConfig
from vms_bridge.demo.broker import Broker, BrokerLimits
from vms_bridge.demo.hooks import Obedient
from vms_bridge.demo.packets import Message
from vms_bridge.errors import VmsError
from vms_bridge.findings import Finding
from vms_bridge.hub.claims import KEY, SCOPE
from vms_bridge.keys import MonitorRules
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.sinks import load_sink_kind
from vms_bridge.store.store import Store
from vms_bridge.views import STALE_AFTER, SWITCH, Claim

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from vms_bridge.backends.base import Backend, BackendKind

SYSTEM = "systems: {{a: {{type: fakevms, url: 'http://x', behaviour: {}}}}}\n"


@pytest.fixture(autouse=True)
def kind(monkeypatch: pytest.MonkeyPatch) -> BackendKind:
    monkeypatch.syspath_prepend(str(PLUGIN))
    monkeypatch.setenv("EMPTY", "")
    return load_kind("fakevms")


def checked(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    (tmp_path / "vms-bridge.yaml").write_text(f"data_dir: {tmp_path}/state\n{text}")
    code = main(["check", "--config", str(tmp_path / "vms-bridge.yaml")])
    said = capsys.readouterr()
    assert said.err == ""
    return code, said.out


@pytest.mark.parametrize("sample", mistakes(), ids=lambda sample: sample.path.stem)
def test_every_mistake_names_file_line_and_remedy(sample: Mistake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(sample.path)]) == FAILED
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith(f"  !!  {sample.path}:{sample.line}: ")
    assert sample.message in said[1]
    assert sample.hint
    assert said[2].startswith("      -> ")
    assert sample.hint in said[2]
    assert said[-1].startswith("1 problem")


def test_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = checked(tmp_path, SYSTEM.format("good"), capsys)
    assert code == OK
    assert "  ok  config: well formed: instance home, systems a (fakevms)\n" in said
    assert f"  ok  data_dir: {tmp_path}/state will be created\n" in said
    assert "  ok  a: version 1, 3 monitors\n" in said
    assert said.endswith("No problem found.\n")
    assert not (tmp_path / "state").exists()


def test_advice_is_no_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = checked(tmp_path, SYSTEM.format("advise"), capsys)
    assert code == OK
    assert "  --  a: an old version\n      -> upgrade one day\n" in said


def test_what_the_file_could_do_better_is_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pin").write_text("1234")
    (tmp_path / "pin").chmod(0o644)
    text = "systems: {a: {type: fakevms, url: 'http://x', password: plain, account: {pin: !file pin}}}\n"
    code, said = checked(tmp_path, text, capsys)
    assert code == OK
    assert f"  --  config: everybody on this machine can read the secret in {tmp_path}/pin\n      -> chmod 600" in said
    assert " or `mqtt:` or `scripts:`: nobody receives what the bridge reports\n      -> name a broker" in said
    assert "  --  config: systems.a.password is in the file in plain text\n      -> write `!file NAME`" in said


def test_a_problem_and_no_terminal_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = checked(tmp_path, SYSTEM.format("bad"), capsys)
    assert code == FAILED
    assert "  !!  a: wrong [31m password\n      -> check username and password\n" in said
    assert said.endswith("1 problem; see -> for the remedy.\n")


def test_a_backend_that_breaks_its_promise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = checked(tmp_path, SYSTEM.format("raise"), capsys)
    assert code == FAILED
    assert "  !!  a: the check itself failed: KeyError\n" in said
    assert "hunter2" not in said


def test_a_sink_is_checked_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = checked(tmp_path, f"fakesink: {{topic: news}}\n{SYSTEM.format('good')}", capsys)
    assert code == OK
    assert "  ok  fakesink: would tell home about news\n" in said
    code, said = checked(tmp_path, f"fakesink: {{topic: news, behaviour: bad}}\n{SYSTEM.format('good')}", capsys)
    assert code == FAILED
    assert "  !!  fakesink: nobody is there\n      -> check the address in the configuration" in said


@pytest.mark.parametrize(("behaviour", "said"), [("raise", "KeyError"), ("lie", "TypeError"), ("hang", "it has not ended")])
async def test_a_sink_that_breaks_its_promise(tmp_path: Path, behaviour: str, said: str) -> None:
    sink = await asyncio.to_thread(load_sink_kind, "fakesink")
    sinks = {"fakesink": SinkConfig(kind=sink, settings=sink.config(topic="news", behaviour=behaviour))}
    clock = FakeClock()
    checking = asyncio.create_task(examine(replace(config(tmp_path, None), sinks=sinks), clock))
    while not checking.done():
        await clock.advance(5)
        await asyncio.sleep(0.001)
    [finding] = [finding for part, finding in await checking if part == "fakesink"]
    assert finding.text == f"the check itself failed: {said}"
    assert finding.problem
    assert "please report it" in finding.hint


def test_data_dir_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").write_text("")
    code, said = checked(tmp_path, SYSTEM.format("good"), capsys)
    assert code == FAILED
    assert f"  !!  data_dir: {tmp_path}/state is not a directory\n" in said


def test_data_dir_exists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").mkdir()
    assert f"  ok  data_dir: {tmp_path}/state can be written\n" in checked(tmp_path, SYSTEM.format("good"), capsys)[1]
    assert list((tmp_path / "state").iterdir()) == []


def test_who_claims_the_devices_is_named_and_whoever_may_be_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside a running bridge or without one: it is read in the store."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)

    def keep(*claims: Claim | str) -> None:
        text = "{" if "{" in claims else TypeAdapter(tuple[Claim, ...]).dump_json(cast("tuple[Claim, ...]", claims)).decode()

        async def kept() -> None:
            store = await asyncio.to_thread(Store.open, folder, SystemClock())
            await store.keep(SCOPE, KEY, text)
            await store.close()

        asyncio.run(kept())

    now = SystemClock().now()
    long_ago = now - STALE_AFTER
    keep(
        Claim(holder="here", since=long_ago, seen=now, token="0123456789"),
        Claim(holder="gone", since=long_ago, seen=long_ago),
        Claim(holder=SWITCH, since=long_ago, seen=long_ago),
    )
    code, said = checked(tmp_path, SYSTEM.format("good"), capsys)
    assert code == OK
    off, day = "discovery: MQTT discovery is off:", f"{long_ago:%Y-%m-%d}"
    assert f"  ok  {off} here claims the devices, since {day}\n  --  {off} gone claims the devices, and was seen last on" in said
    assert f"seen last on {day}\n      -> if that Home Assistant is no more: vms-bridge discovery drop gone\n" in said
    assert f"  ok  {off} it was turned off by hand, since {day}\n" in said
    keep("{")
    code, said = checked(tmp_path, SYSTEM.format("good"), capsys)
    assert (code, "  --  discovery: what is kept of it can't be read" in said) == (OK, True)


def test_what_others_can_do_to_the_state_and_to_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state, key = tmp_path / "state", tmp_path / "client.key"
    state.mkdir()
    state.chmod(0o777)
    key.touch()
    key.chmod(0o644)
    (tmp_path / "client.crt").touch()
    certificate = f"client_certificate: {tmp_path}/client.crt, client_key: {key}"
    code, said = checked(tmp_path, f"mqtt: {{url: mqtts://127.0.0.1:1, {certificate}}}\n{SYSTEM.format('good')}", capsys)
    assert f"  --  data_dir: everybody can write to {state} (mode 0777)\n      -> chmod 700 {state}; the bridge does so" in said
    assert state.stat().st_mode & 0o777 == 0o777, "check changes nothing"
    assert f"everybody on this machine can read the key of mqtt.client_key, {key}\n      -> chmod 600 {key}" in said
    assert ("it runs as root" in said) == (os.geteuid() == 0)
    assert code == FAILED  # there is no broker
    (tmp_path / "vms-bridge.yaml").chmod(0o666)
    _, said = checked(tmp_path, SYSTEM.format("good"), capsys)
    assert f"everybody on this machine can change the configuration in {tmp_path}/vms-bridge.yaml" in said
    (tmp_path / "vms-bridge.yaml").chmod(0o644)
    assert "the configuration in" not in checked(tmp_path, SYSTEM.format("good"), capsys)[1]
    _, said = checked(tmp_path, SYSTEM.format("good, password: plain"), capsys)
    assert "everybody on this machine can read the configuration in" in said


def test_data_dir_of_somebody_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").mkdir(mode=0o500)
    if os.access(tmp_path / "state", os.W_OK):
        pytest.skip("root may write everywhere")
    code, said = checked(tmp_path, SYSTEM.format("good"), capsys)
    assert code == FAILED
    assert "can't write" in said


def config(tmp_path: Path, mqtt: MqttConfig | None, systems: dict[str, SystemConfig] | None = None) -> Config:
    return Config(instance="home", name="Home", data_dir=tmp_path, systems=systems or {}, sinks=over(mqtt))


async def found_of(tmp_path: Path, url: str, limit_s: float = 4.0, **options: object) -> list[Finding]:
    mqtt = MqttConfig.model_validate({"url": url} | options)
    found = await examine(config(tmp_path, mqtt), SystemClock(), limit_s=limit_s)
    return [finding for part, finding in found if part == "mqtt"]


async def problem_of(tmp_path: Path, url: str, limit_s: float = 4.0, **options: object) -> Finding:
    problems = [finding for finding in await found_of(tmp_path, url, limit_s, **options) if finding.problem]
    assert len(problems) == 1, problems
    assert problems[0].hint
    return problems[0]


async def test_a_good_broker(tmp_path: Path) -> None:
    async with Broker() as broker:
        found = await found_of(tmp_path, broker.url)
    assert [finding.text for finding in found] == [
        f"127.0.0.1:{broker.port} accepts the bridge, MQTT 5",
        "may read and write vms_bridge/home/#",
        "may read and write homeassistant/device/vms_bridge_home/#",
    ]
    assert not any(finding.problem for finding in found)


async def test_an_old_broker_without_discovery(tmp_path: Path) -> None:
    async with Broker(limits=BrokerLimits(versions=frozenset({4}))) as broker:
        found = await found_of(tmp_path, broker.url, discovery=False)
    assert "MQTT 3.1.1" in found[0].text
    assert [finding.text for finding in found[1:]] == [
        "may read and write vms_bridge/home/#",
        "this broker does not distinguish a retained command from one that was just given: the bridge checks each",
    ]


async def test_nothing_retained_is_left_behind(tmp_path: Path) -> None:
    async with Broker() as broker:
        await found_of(tmp_path, broker.url)
        assert broker.retained == {}


async def test_a_bridge_at_work_and_many_retained_messages(tmp_path: Path) -> None:
    async with Broker() as broker:
        broker.publish(Message(topic="vms_bridge/home/status", payload=b"online", retain=True))
        for number in range(900):
            broker.publish(Message(topic=f"homeassistant/sensor/{number}/config", payload=b"{}", retain=True))
        found = await found_of(tmp_path, broker.url)
    assert any("at work on this broker now" in finding.text for finding in found)
    assert "max_queued_messages" in found[-1].hint
    assert not any(finding.problem for finding in found)


class Strict(Obedient):
    """A broker with an access list."""

    def __init__(self, read: str = "", write: str = "") -> None:
        self.read, self.write = read, write

    def may_publish(self, client_id: str, topic: str) -> bool:
        del client_id
        return topic.startswith(self.write)

    def may_subscribe(self, client_id: str, topic_filter: str) -> bool:
        del client_id
        return topic_filter.startswith(self.read)


async def test_no_right_to_read(tmp_path: Path) -> None:
    async with Broker(hooks=Strict(read="homeassistant/")) as broker:
        problem = await problem_of(tmp_path, broker.url)
    assert problem.text == "the broker refuses the subscription to vms_bridge/home/#"
    assert "access list" in problem.hint


async def test_no_right_to_write_discovery(tmp_path: Path) -> None:
    async with Broker(hooks=Strict(write="vms_bridge/home/")) as broker:
        problem = await problem_of(tmp_path, broker.url)
    assert problem.text == "the broker refuses what is published below homeassistant/device/vms_bridge_home/#"


async def test_an_old_broker_that_drops_in_silence(tmp_path: Path) -> None:
    limits = BrokerLimits(versions=frozenset({4}))
    async with Broker(hooks=Strict(write="homeassistant/"), limits=limits) as broker:
        problem = await problem_of(tmp_path, broker.url, limit_s=1.0)
    assert problem.text == "nothing comes back of what is published below vms_bridge/home/#"


async def test_looking_at_all_of_discovery_may_be_forbidden(tmp_path: Path) -> None:
    class Narrow(Obedient):
        def may_subscribe(self, client_id: str, topic_filter: str) -> bool:
            del client_id
            return topic_filter != "homeassistant/#"

    async with Broker(hooks=Narrow()) as broker:
        assert not any(finding.problem for finding in await found_of(tmp_path, broker.url))


async def test_wrong_password(tmp_path: Path) -> None:
    async with Broker(users={"me": "right"}) as broker:
        url = broker.url.replace("//", "//me@")
        problem = await problem_of(tmp_path, url, password="wrong-password")
        assert "password" in problem.text
        assert "wrong-password" not in repr(problem)
        assert not any(finding.problem for finding in await found_of(tmp_path, url, password="right"))


async def test_nobody_there(tmp_path: Path) -> None:
    async with Broker() as broker:
        url = broker.url
    assert "connection refused" in (await problem_of(tmp_path, url)).text


async def test_unknown_host(tmp_path: Path) -> None:
    problem = await problem_of(tmp_path, "mqtt://no-such-host.invalid")
    assert "no host" in problem.text


@asynccontextmanager
async def listening(answer: bytes | None, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve something that is not MQTT; None never answers."""
    released = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if answer is None:
            await released.wait()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        released.set()
        server.close()
        await server.wait_closed()


async def test_a_port_that_is_not_mqtt(tmp_path: Path) -> None:
    async with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>") as port:
        problem = await problem_of(tmp_path, f"mqtt://127.0.0.1:{port}")
    assert "MQTT" in problem.text + problem.hint


async def test_a_port_that_never_answers(tmp_path: Path) -> None:
    async with listening(None) as port:
        problem = await problem_of(tmp_path, f"mqtt://127.0.0.1:{port}", limit_s=0.3)
    assert "did not answer within" in problem.text


# paho 2.1 leaves the socket of a failed TLS handshake to the garbage collector
PAHO_LEAVES_IT = pytest.mark.filterwarnings(
    r"ignore:Exception ignored in. <ssl\.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def _collected() -> Iterator[None]:
    """Have that happen in the test that makes it."""
    yield
    gc.collect()


@PAHO_LEAVES_IT
@pytest.mark.usefixtures("_collected")
async def test_a_certificate_of_a_stranger(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.configure_cert(context)
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())).hexdigest()
    async with listening(b"", context) as port:
        problem = await problem_of(tmp_path, f"mqtts://127.0.0.1:{port}")
        shown = (await found_of(tmp_path, f"mqtts://127.0.0.1:{port}"))[-1]
        careless = (await found_of(tmp_path, f"mqtts://127.0.0.1:{port}", verify_tls=False))[0]
    assert "certificate" in problem.text
    assert "ca_file" in problem.hint
    assert pin in shown.text
    assert "fingerprint:" in shown.hint
    assert careless.text == "any certificate is accepted"


@PAHO_LEAVES_IT
@pytest.mark.usefixtures("_collected")
async def test_tls_where_there_is_none(tmp_path: Path) -> None:
    async with Broker() as broker:
        problem = await problem_of(tmp_path, broker.url.replace("mqtt:", "mqtts:"), limit_s=2.0)
    assert "TLS" in problem.text + problem.hint


async def test_a_system_that_hangs_holds_up_nobody(tmp_path: Path, kind: BackendKind) -> None:
    systems = {
        key: SystemConfig(
            key=key, kind=kind, name=key, rules=MonitorRules(), settings=kind.config(url="http://x", behaviour=behaviour)
        )
        for key, behaviour in (("a", "hang"), ("b", "good"))
    }
    found = await examine(config(tmp_path, None, systems), SystemClock(), limit_s=0.2)
    assert [(part, finding.text) for part, finding in found[-2:]] == [
        ("a", "no result within 0.2 s"),
        ("b", "version 1, 3 monitors"),
    ]
    assert [finding.problem for _, finding in found[-2:]] == [True, False]


async def test_a_system_that_can_not_be_made(tmp_path: Path, kind: BackendKind) -> None:
    def create(*_: object) -> Backend:
        raise VmsError("no such device", hint="plug it in")

    system = SystemConfig(
        key="a", kind=replace(kind, create=create), name="a", rules=MonitorRules(), settings=kind.config(url="http://x")
    )
    found = await examine(config(tmp_path, None, {"a": system}), SystemClock())
    assert found[-1] == ("a", Finding(text="no such device", problem=True, hint="plug it in"))


async def zoneminder_problems(tmp_path: Path, zoneminder: BackendKind, **settings: object) -> list[Finding]:
    password = {"username": "admin", "password": "p&=+ä/%s#", "shared_memory": False, "timeout": 1}
    model = zoneminder.config.model_validate(password | settings)
    system = SystemConfig(key="zm", kind=zoneminder, name="ZoneMinder", rules=MonitorRules(), settings=model)
    found = await examine(config(tmp_path, None, {"zm": system}), SystemClock(), limit_s=4)
    problems = [finding for part, finding in found if part == "zm" and finding.problem]
    assert all(finding.hint for finding in problems), problems
    assert "p&=+" not in repr(found)
    return problems


@pytest.fixture
def zoneminder() -> BackendKind:
    return load_kind("zoneminder")


async def test_zoneminder_is_well(tmp_path: Path, zoneminder: BackendKind) -> None:
    async with FakeZoneMinder(World(monitors=2)) as zm:
        assert await zoneminder_problems(tmp_path, zoneminder, url=zm.url) == []


async def test_zoneminder_wrong_password(tmp_path: Path, zoneminder: BackendKind) -> None:
    async with FakeZoneMinder(World(monitors=2)) as zm:
        (problem,) = await zoneminder_problems(tmp_path, zoneminder, url=zm.url, password="wrong-password")
    assert "login" in problem.text
    assert "password" in problem.hint
    assert "wrong-password" not in repr(problem)


@pytest.mark.parametrize("kind", ["html", "500", "404", "empty", "garbage", "redirect", "close"])
async def test_zoneminder_answers_something_else(tmp_path: Path, zoneminder: BackendKind, kind: str) -> None:
    async with FakeZoneMinder(World(monitors=2)) as zm:
        zm.fail("", kind)
        assert await zoneminder_problems(tmp_path, zoneminder, url=zm.url)


async def test_zoneminder_at_a_wrong_path(tmp_path: Path, zoneminder: BackendKind) -> None:
    async with FakeZoneMinder(World(monitors=2)) as zm:
        assert await zoneminder_problems(tmp_path, zoneminder, url=zm.url.replace("/zm", "/wrong"))


async def test_zoneminder_is_not_there(tmp_path: Path, zoneminder: BackendKind) -> None:
    async with FakeZoneMinder(World(monitors=2)) as zm:
        url = zm.url
    (problem,) = await zoneminder_problems(tmp_path, zoneminder, url=url)
    assert "no connection" in problem.text


async def test_zoneminder_on_a_host_without_a_name(tmp_path: Path, zoneminder: BackendKind) -> None:
    assert await zoneminder_problems(tmp_path, zoneminder, url="http://no-such-host.invalid/zm")


async def test_zoneminder_with_the_certificate_of_a_stranger(tmp_path: Path, zoneminder: BackendKind) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with FakeZoneMinder(World(monitors=2), ssl_context=context) as zm:
        (problem,) = await zoneminder_problems(tmp_path, zoneminder, url=zm.url)
    assert "certificate" in problem.text
    assert "ca_file" in problem.hint + problem.text


@pytest.mark.parametrize("version", [4, 5])
async def test_a_broker_that_takes_no_large_messages(tmp_path: Path, version: int) -> None:
    limits = BrokerLimits(max_payload_bytes=6000, versions=frozenset({version}))
    async with Broker(limits=limits) as broker:
        found = await found_of(tmp_path, broker.url, limit_s=4)
        (finding,) = [each for each in found if each.problem]
        assert "no message of 16384 bytes: no camera may appear" in finding.text
        assert "message_size_limit" in finding.hint
        assert broker.retained == {}


async def test_a_broker_that_tells_its_limit(tmp_path: Path) -> None:
    async with Broker(limits=BrokerLimits(max_packet_bytes=100_000)) as broker:
        found = await found_of(tmp_path, broker.url)
        assert [each.text for each in found if each.problem] == [
            "the broker takes no message of 262144 bytes: large pictures are not shown"
        ]
        assert broker.retained == {}


async def test_a_broker_that_shows_nothing_to_wildcards(tmp_path: Path) -> None:
    async with Broker(limits=BrokerLimits(shows_retained_by_wildcard=False)) as broker:
        found = await found_of(tmp_path, broker.url)
        assert any("subscriptions with wildcards" in each.text for each in found)
        assert broker.retained == {}


async def test_a_broker_that_gives_each_user_one_connection(tmp_path: Path) -> None:
    async with Broker(limits=BrokerLimits(user_is_client_id=True)) as broker:
        found = await found_of(tmp_path, f"mqtt://bridge@127.0.0.1:{broker.port}")
    assert any("use_username_as_clientid" in each.hint for each in found)
    assert not any(each.problem for each in found)


@pytest.mark.parametrize("allowed", [None, 1, 2])
async def test_a_bridge_at_work_is_not_thrown_out(tmp_path: Path, allowed: int | None) -> None:
    async with Broker() as broker:
        url = f"mqtt://bridge@127.0.0.1:{broker.port}"
        store = await asyncio.to_thread(Store.open, tmp_path, SystemClock())
        try:
            if allowed is not None:
                text = f"{allowed} {SystemClock().now().date()} bridge@127.0.0.1:{broker.port}"
                await store.keep("sink:mqtt", "connections", text)
            found = await found_of(tmp_path, url)
        finally:
            await store.close()
        tried = any("accepts the bridge" in each.text for each in found)
        assert tried == (allowed == 2)
        assert tried or "stop the bridge" in found[0].hint
