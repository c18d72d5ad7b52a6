"""Receivers by the API: whoever has the token for one gets at that one; floods, forgeries and nonsense get one answer each."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import shutil
import socket
import stat
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from pydantic import BaseModel, ValidationError
from tests.bridge.api.lab import Answer, Api, answers, serving, until
from tests.bridge.api.test_check import checked
from tests.bridge.api.world import World
from tests.fakes.clock import FakeClock

from vms_bridge.api.config import HttpConfig
from vms_bridge.api.hooks_socket import hooks_flaw, place_of
from vms_bridge.api.unix_socket import SocketPlace, UnixSocket
from vms_bridge.backends.zoneminder.hook import Announced, event_receiver
from vms_bridge.errors import CommandRejected, DoorClosed
from vms_bridge.receivers import Receiver
from vms_bridge.scripts.triggers.webhooks import Webhooks
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

TRIGGER = "/api/v1/hooks/zm/trigger"
BOUND = {"receiver": ("zm", "trigger")}
BODY = {"monitor": "1"}


class Wanted(BaseModel):
    monitor: str


class Taking:
    """A receiver that does what a test wants."""

    def __init__(self, world: World, **bounds: Any) -> None:  # noqa: ANN401 - fields of a receiver
        self.got: list[str] = []
        self.fault: BaseException | None = None
        self.hang: asyncio.Event | None = None
        receiver = Receiver(name="trigger", meaning="an alarm", body=Wanted, receive=self.receive, **bounds)
        self.opened = world.receivers.open("zm", receiver)

    async def receive(self, wanted: Wanted) -> None:
        if self.hang is not None:
            await self.hang.wait()
        if self.fault is not None:
            raise self.fault
        self.got.append(wanted.monitor)


@asynccontextmanager
async def taking(folder: Path, *, bounds: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[tuple[Api, Taking]]:  # noqa: ANN401 - as of `serving`
    clock = FakeClock()
    world = World(clock)
    there = Taking(world, **(bounds or {}))
    async with serving(folder, hub=world, clock=clock, **options) as api:
        yield api, there


async def test_a_token_is_good_for_its_receiver_and_for_nothing_else(tmp_path: Path) -> None:
    async with taking(tmp_path) as (api, there):
        mine, others = api.token(Scope.HOOK, **BOUND), api.token(Scope.HOOK, receiver=("zm", "event"))
        answer = await api.post(TRIGGER, BODY, token=mine)
        assert (answer.status, answer.body, there.got) == (204, b"", ["1"])
        for token, path in ((others, TRIGGER), (mine, "/api/v1/hooks/zm/event"), (mine, "/api/v1/hooks/other/trigger")):
            refused = await api.post(path, BODY, token=token)
            assert (refused.status, refused.code) == (403, "forbidden")
        # one of before there were receivers
        assert (await api.post(TRIGGER, BODY, token=api.token(Scope.HOOK))).status == 403
        for path in ("/api/v1/hooks", "/api/v1/systems", "/api/v1/tokens/self"):
            assert (await api.get(path, token=mine)).status == 403
        assert there.got == ["1"]


async def test_who_has_its_level_may_too_and_by_the_socket_the_bridges_own_user(tmp_path: Path) -> None:
    async with taking(tmp_path) as (api, there):
        assert (await api.post(TRIGGER, BODY, token=api.token(Scope.CONTROL))).status == 204
        assert (await api.post(TRIGGER, BODY, by_socket=True)).status == 204
        refused = await api.post(TRIGGER, BODY, token=api.token(Scope.READ))
        assert (refused.status, refused.code) == (403, "forbidden")
        assert "it takes a token with the scope control" in refused.said["hint"]
        elsewhere = api.token(Scope.CONTROL, systems=frozenset({"other"}))
        his, nobodys = [await api.post(f"/api/v1/hooks/zm/{name}", BODY, token=elsewhere) for name in ("trigger", "nosuch")]
        assert his.status == nobodys.status == 404
        assert his.said == {**nobodys.said, "detail": nobodys.said["detail"].replace("nosuch", "trigger")}
        assert there.got == ["1", "1"]


async def test_they_are_listed_with_what_they_take(tmp_path: Path) -> None:
    async with taking(tmp_path, bounds={"rate": 2}) as (api, _):
        [listed] = (await api.get("/api/v1/hooks", token=api.token())).said["receivers"]
        assert (listed["system"], listed["name"], listed["level"], listed["rate"]) == ("zm", "trigger", "control", 2)
        assert listed["body"]["properties"]["monitor"]["type"] == "string"
        for limits in ({"systems": frozenset({"other"})}, {"monitors": frozenset({("zm", "1")})}):
            assert (await api.get("/api/v1/hooks", token=api.token(**limits))).said == {"receivers": []}


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b'{"monitor": 1}', "application/json", 422, "invalid"),
        (b"[1]", "application/json", 422, "invalid"),
        (b'{"monitor"', "application/json", 400, "invalid"),
        (b"", "application/json", 400, "invalid"),
        (b'{"monitor": "1"}', "text/plain", 415, "content_type"),
        (b"monitor=1", "application/x-www-form-urlencoded", 415, "content_type"),
        (b'{"monitor": "' + b"1" * 5_000 + b'"}', "application/json", 413, "too_large"),
        (b" " * 70_000, "application/json", 413, "too_large"),
    ],
    ids=["type", "list", "half", "nothing", "text", "form", "larger than it takes", "larger than the API takes"],
)
async def test_what_is_not_taken(tmp_path: Path, body: bytes, content_type: str, status: int, code: str) -> None:
    async with taking(tmp_path) as (api, there):
        answer = await sent(api, body, api.token(Scope.HOOK, **BOUND), content_type)
        assert (answer.status, answer.code) == (status, code)
        assert there.got == []


async def sent(api: Api, body: bytes, token: str, content_type: str = "application/json") -> Answer:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
    async with aiohttp.ClientSession() as session, session.post(f"{api.url}{TRIGGER}", data=body, headers=headers) as answer:
        return Answer(answer.status, answer.headers, await answer.read())


async def test_names_that_there_are_not(tmp_path: Path) -> None:
    async with taking(tmp_path) as (api, there):
        for path in ("zm/nosuch", "nosuch/trigger", "zm/..%2Ftrigger", f"zm/{'x' * 3_000}", "zm/%00"):
            answer = await api.post(f"/api/v1/hooks/{path}", BODY, by_socket=True)
            assert (answer.status, answer.code) == (404, "not_found")
            assert len(answer.body) < 1_000
        there.opened.close()
        gone = await api.post(TRIGGER, BODY, token=api.token(Scope.HOOK, **BOUND))
        assert (gone.status, gone.code) == (404, "not_found")
        assert (await api.get(TRIGGER, by_socket=True)).status == 405
        assert there.got == []


async def test_a_receiver_that_fails_refuses_or_hangs_is_one_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with taking(tmp_path, bounds={"within_s": 5}) as (api, there):
        token = api.token(Scope.HOOK, **BOUND)
        there.fault = CommandRejected("no such monitor")
        assert [(await api.post(TRIGGER, BODY, token=token)).status for _ in range(2)] == [409, 409]
        there.fault = ZeroDivisionError("of its own")
        answer = await api.post(TRIGGER, BODY, token=token)
        assert (answer.status, answer.code) == (502, "error")
        assert b"of its own" not in answer.body
        assert "the receiver zm/trigger failed in an unforeseen way" in caplog.text
        there.fault, there.hang = None, asyncio.Event()
        hanging = asyncio.create_task(api.post(TRIGGER, BODY, token=token))
        await until(lambda: api.clock.sleeping and api.hub.receivers._open["zm", "trigger"]._under_way)
        await api.clock.advance(6)
        late = await hanging
        assert (late.status, late.code) == (504, "unanswered")


async def test_no_more_are_under_way_than_it_bears(tmp_path: Path) -> None:
    async with taking(tmp_path) as (api, there):
        token, there.hang = api.token(Scope.HOOK, **BOUND), asyncio.Event()
        hanging = [asyncio.create_task(api.post(TRIGGER, BODY, token=token)) for _ in range(8)]
        await until(lambda: api.hub.receivers._open["zm", "trigger"]._under_way == 8)
        busy = await api.post(TRIGGER, BODY, token=token)
        assert (busy.status, busy.code, busy.headers["Retry-After"]) == (503, "busy", "1")
        there.hang.set()
        assert {answer.status for answer in await asyncio.gather(*hanging)} == {204}


async def test_a_flood_by_its_holder_meets_the_receivers_own_rate(tmp_path: Path) -> None:
    async with taking(tmp_path, bounds={"rate": 1, "burst": 3}) as (api, there):
        token = api.token(Scope.HOOK, **BOUND)
        said = [await api.post(TRIGGER, BODY, token=token) for _ in range(5)]
        assert [each.status for each in said] == [204, 204, 204, 429, 429]
        assert (said[-1].code, said[-1].headers["Retry-After"]) == ("too_many", "1")
        await api.clock.advance(1)
        assert (await api.post(TRIGGER, BODY, token=token)).status == 204
        assert len(there.got) == 4


async def test_forged_secrets_get_401_and_then_429_and_the_holder_elsewhere_notices_nothing(tmp_path: Path) -> None:
    async with taking(tmp_path, trusted_proxies=["127.0.0.1"]) as (api, there):
        token = api.token(Scope.HOOK, **BOUND)
        said = await called(api, "192.0.2.66", [f"{token[:-4]}AAAA"] * 105)
        assert said[:5] == [401] * 5
        assert set(said[5:]) == {429}
        assert await called(api, "192.0.2.66", [token]) == [429], (
            "nor is the right one looked at, while its tries are used up there"
        )
        assert await called(api, "192.0.2.1", [token]) == [204]
        assert there.got == ["1"]


async def test_tokens_that_there_are_not_have_what_strangers_have(tmp_path: Path) -> None:
    async with taking(tmp_path, trusted_proxies=["127.0.0.1"]) as (api, there):
        token = api.token(Scope.HOOK, **BOUND)
        said = await called(api, "192.0.2.66", [f"vb_{number:010}_{'s' * 43}" for number in range(30)])
        assert said[:5] == [401] * 5
        assert set(said[5:]) == {429}
        assert await called(api, "192.0.2.66", [token]) == [204], "who has one is not held up by those who have none"
        assert await called(api, "192.0.2.2", ["nonsense", None]) == [401, 401]
        assert there.got == ["1"]


async def called(api: Api, address: str, tokens: Iterable[str | None]) -> list[int]:
    """Call the receiver with one token after the other, from this address; return how each is answered."""
    said = []
    async with aiohttp.ClientSession() as session:
        for token in tokens:
            headers = {"X-Forwarded-For": address} | ({} if token is None else {"Authorization": f"Bearer {token}"})
            async with session.post(f"{api.url}{TRIGGER}", json=BODY, headers=headers) as answer:
                said.append(answer.status)
    return said


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder beside the bridge's own, whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as name:
        yield Path(name)


async def by_hooks(path: Path, way: str, *, token: str | None = None, method: str = "POST") -> Answer:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.request(method, f"http://localhost{way}", json=BODY, headers=headers) as answer,
    ):
        return Answer(answer.status, answer.headers, await answer.read())


async def test_the_socket_for_hooks_leads_to_receivers_and_nowhere_else(tmp_path: Path, outside: Path) -> None:
    path = outside / "hooks.sock"
    group = grp.getgrgid(os.getegid()).gr_name
    async with taking(tmp_path, hooks_socket=path, hooks_group=group, hooks_mode="0620") as (api, there):
        await until(lambda: answers(path))
        made = path.stat()
        assert (stat.S_IMODE(made.st_mode), made.st_gid) == (0o620, os.getegid())
        token = api.token(Scope.HOOK, **BOUND)
        assert (await by_hooks(path, TRIGGER, token=token)).status == 204
        assert there.got == ["1"]
        assert (await by_hooks(path, TRIGGER)).status == 401, "who comes by it is nobody yet, root too"
        assert (await by_hooks(path, TRIGGER, token=f"{token[:-4]}AAAA")).status == 401
        for way in ("/api/v1/info", "/healthz", "/api/v1/hooks", "/api/v1/tokens", "/nowhere"):
            for method in ("GET", "POST"):
                refused = await by_hooks(path, way, token=api.token(Scope.ADMIN), method=method)
                assert (refused.status, refused.code) == (404, "not_found")
    assert not path.exists()


async def test_who_asks_by_it_for_something_else_again_and_again_is_slowed(tmp_path: Path, outside: Path) -> None:
    path = outside / "hooks.sock"
    async with taking(tmp_path, hooks_socket=path) as (_, there):
        await until(lambda: answers(path))
        said = [(await by_hooks(path, "/api/v1/tokens")).status for _ in range(25)]
        assert said[:20] == [404] * 20
        assert set(said[20:]) == {429}
        assert there.got == []


async def test_it_is_off_unless_it_is_wanted(tmp_path: Path) -> None:
    async with taking(tmp_path) as (api, _):
        assert api.port
        assert await asyncio.to_thread(sockets_in, tmp_path) == ["api.sock"]


def sockets_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.is_socket()]


def wanted(path: Path, **options: object) -> SocketPlace:
    place = place_of(HttpConfig.model_validate({"hooks_socket": path} | options))
    assert place is not None
    return place


def test_where_it_may_not_be(tmp_path: Path, outside: Path) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "deeper").mkdir(parents=True)
    (outside / "link").symlink_to(data_dir / "deeper")
    for path in (data_dir / "hooks.sock", data_dir / "deeper" / "hooks.sock", outside / "link" / "hooks.sock"):
        flaw = hooks_flaw(wanted(path), data_dir)
        assert flaw is not None
        assert "would be in data_dir" in str(flaw)
    for folder, said in (("nosuch", "can't be made"), ("open", "can be written by others")):
        (outside / "open").mkdir(exist_ok=True)
        (outside / "open").chmod(0o777)
        flaw = hooks_flaw(wanted(outside / folder / "hooks.sock"), data_dir)
        assert flaw is not None
        assert said in str(flaw)
        assert flaw.hint
    (outside / "open").chmod(0o1777)
    assert hooks_flaw(wanted(outside / "open" / "hooks.sock"), data_dir) is None
    (outside / "hooks.sock").write_text("mine")
    flaw = hooks_flaw(wanted(outside / "hooks.sock"), None)
    assert flaw is not None
    assert "no socket of the bridge's" in str(flaw)


@pytest.mark.parametrize("group", ["no-such-group", "4294967295", "99999999999"])
def test_a_group_that_there_is_not(outside: Path, group: str) -> None:
    place = wanted(outside / "hooks.sock", hooks_group=group)
    with pytest.raises(DoorClosed, match=f"no group '{group}'"):
        UnixSocket.open(place)
    assert not place.path.exists()
    opened = UnixSocket.open(wanted(outside / "hooks.sock", hooks_group=str(os.getegid())))
    assert place.path.stat().st_gid == os.getegid()
    opened.close()


async def test_a_door_that_can_not_be_opened_is_tried_again(
    tmp_path: Path, outside: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "vms_bridge")
    path = outside / "run" / "hooks.sock"
    async with taking(tmp_path, hooks_socket=path) as (api, _):
        await until(lambda: "the socket for hooks is not open" in caplog.text)
        assert (await api.get("/api/v1/info")).status == 200
        path.parent.mkdir(mode=0o755)
        while "the socket for hooks is not open: works again" not in caplog.text:
            await api.clock.advance(5)
            await asyncio.sleep(0.01)
        assert (await by_hooks(path, TRIGGER)).status == 401


async def test_check_says_what_it_will_meet(tmp_path: Path, outside: Path) -> None:
    well = await checked(tmp_path, hooks_socket=outside / "hooks.sock", hooks_group="0")
    assert f"hooks of the group 0 will come by {outside / 'hooks.sock'}" in [each.text for each in well]
    everybody = await checked(tmp_path, hooks_socket=outside / "hooks.sock", hooks_mode="666")
    assert any("everybody on this machine" in each.text for each in everybody)
    for options, said in (
        ({"hooks_socket": tmp_path / "hooks.sock"}, "would be in data_dir"),
        ({"hooks_socket": outside / "hooks.sock", "hooks_group": "no-such-group"}, "no group"),
        ({"hooks_socket": outside / ("x" * 120) / "hooks.sock"}, "can't be made"),
    ):
        [problem] = [each for each in await checked(tmp_path, **options) if each.problem]
        assert said in problem.text
        assert problem.hint
    assert await asyncio.to_thread(lambda: list(outside.iterdir())) == []


@pytest.mark.parametrize(
    "options",
    [
        {"hooks_group": "www-data"},
        {"hooks_mode": "0660"},
        {"hooks_socket": "/run/x.sock", "hooks_mode": "0260"},
        {"hooks_socket": "/run/x.sock", "hooks_mode": "7660"},
        {"hooks_socket": "/run/x.sock", "hooks_mode": "rw"},
        {"hooks_socket": "/run/x.sock", "hooks_group": ""},
    ],
    ids=repr,
)
def test_options_that_mean_nothing(options: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        HttpConfig.model_validate(options)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_another_user_comes_by_it_with_a_token_like_anybody(tmp_path: Path, outside: Path) -> None:
    path = outside / "hooks.sock"
    await asyncio.to_thread(outside.chmod, 0o755)
    async with taking(tmp_path, hooks_socket=path, hooks_mode="0666") as (api, there):
        await until(lambda: answers(path))
        token = api.token(Scope.HOOK, **BOUND)
        body = b'{"monitor": "7"}'
        with socket.socket(socket.AF_UNIX) as other:
            os.seteuid(65_534)
            try:
                other.connect(str(path))
            finally:
                os.seteuid(0)
            other.setblocking(False)
            loop = asyncio.get_running_loop()
            head = f"POST {TRIGGER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            await loop.sock_sendall(other, f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            assert (await loop.sock_recv(other, 4_096)).startswith(b"HTTP/1.1 204 ")
        assert there.got == ["7"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
async def test_the_example_for_zoneminder_calls_it_with_the_header_from_a_file(tmp_path: Path) -> None:
    script = Path(__file__).parents[3] / "examples" / "zoneminder" / "vms-bridge-hook"
    async with taking(tmp_path) as (api, there):
        told: list[int] = []

        async def receive(said: Announced) -> None:
            told.append(said.event)

        api.hub.receivers.open("zm", event_receiver(receive))
        header = tmp_path / "hook.header"
        header.write_text(f"Authorization: Bearer {api.token(Scope.HOOK, receiver=('zm', 'event'))}\n")
        there_are = {"VMS_BRIDGE_HOOK_HEADER": str(header), "VMS_BRIDGE_HOOK_URL": f"{api.url}/api/v1/hooks/zm/event"}
        for arguments, expected in ((("1234", "3"), 0), (("1; id",), 2), ((), 2)):
            process = await asyncio.create_subprocess_exec(
                script, *arguments, env=os.environ | there_are, stderr=asyncio.subprocess.PIPE
            )
            await process.communicate()
            assert process.returncode == expected
        assert told == [1234]
        assert there.got == []


async def test_a_script_has_receivers_like_a_system(tmp_path: Path) -> None:
    clock = FakeClock()
    world = World(clock)
    got: list[Any] = []
    async with serving(tmp_path, hub=world, clock=clock) as api:
        token, path = api.token(Scope.HOOK, receiver=("script", "gate")), "/api/v1/hooks/script/gate"
        assert (await api.post(path, {"open": True}, token=token)).status == 404, "no script has it yet"
        close = Webhooks(world.receivers, clock).open("gate", lambda occurrence: got.append(json.loads(occurrence.data)))
        assert (await api.post(path, {"open": True}, token=token)).status == 204
        assert (await api.post("/api/v1/hooks/script/door", {}, token=token)).status == 403
        assert (await api.post(path, {}, token=api.token(Scope.CONTROL, systems=frozenset({"zm"})))).status == 404
        [listed] = (await api.get("/api/v1/hooks", token=api.token())).said["receivers"]
        assert (listed["system"], listed["name"], listed["most_bytes"]) == ("script", "gate", 65_536)
        close()
        assert (await api.post(path, {"open": True}, token=token)).status == 404
    assert got == [{"open": True}]
