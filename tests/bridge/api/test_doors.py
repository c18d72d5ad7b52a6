"""The API's doors: opened again and again until it can be, closed in time, and nobody comes in by them who may not."""

from __future__ import annotations

import asyncio
import io
import os
import re
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.lab import closed, serving, until
from tests.fakes.clock import FakeClock, settle
from tests.fakes.hub import FakeHub
from tests.fakes.identity import HOME

from vms_bridge.api.config import HttpConfig
from vms_bridge.api.sink import ApiSink
from vms_bridge.api.unix_socket import SocketPlace, UnixSocket, flaw_of, peer_uid
from vms_bridge.errors import DoorClosed
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from pathlib import Path


async def test_it_listens_on_a_port_and_on_a_socket_and_leaves_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        assert (await api.get("/nowhere")).status in {401, 404}
        assert (await api.get("/nowhere", by_socket=True)).status == 404
        port, path = api.port, api_socket(tmp_path)
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert not path.exists()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


def test_sockets_are_their_owners_and_making_them_does_nothing_to_other_threads_files(tmp_path: Path) -> None:
    """A umask, which is the whole process's, made folders of other threads 0600, and two at once left it so for good."""
    places = [SocketPlace.in_data_dir(tmp_path / str(n)) for n in range(4)]
    folders = [tmp_path / f"other{n}" for n in range(100)]
    for place in places:
        place.path.parent.mkdir(parents=True)

    def make(place: SocketPlace) -> set[int]:
        modes = set()
        for _ in range(60):
            made = UnixSocket.open(place)
            modes.add(stat.S_IMODE(place.path.lstat().st_mode))
            made.close()
        return modes

    with ThreadPoolExecutor(len(places)) as pool:
        makers = [pool.submit(make, place) for place in places]
        for folder in folders:
            folder.mkdir(0o700)
    assert [maker.result() for maker in makers] == [{0o600}] * len(places)
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


async def test_a_port_that_is_taken_is_told_once_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "vms_bridge")
    clock = FakeClock()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        sink = ApiSink(HttpConfig(port=port), replace(HOME, data_dir=tmp_path), clock)
        running = asyncio.create_task(sink.run(FakeHub()))
        await until(lambda: "the port is taken" in caplog.text)
        await clock.advance(12)
        assert caplog.text.count("the API can't listen on") == 1
        assert "Set http.port to another one" in caplog.text
        await until(api_socket(tmp_path).exists)
    while not sink.opened.is_set():
        await clock.advance(5)
        await asyncio.sleep(0.01)
    assert "the API is not open: works again" in caplog.text
    assert f"the API listens on http://127.0.0.1:{port}" in caplog.text
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": "192.0.2.1"}, "this machine has no such address"),
        ({"host": "no-such-host.invalid"}, "there is no such host"),
    ],
)
async def test_an_address_that_is_not_this_machines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, options: dict[str, str], said: str
) -> None:
    sink = ApiSink(HttpConfig.model_validate(options), replace(HOME, data_dir=tmp_path), FakeClock())
    running = asyncio.create_task(sink.run(FakeHub()))
    await until(lambda: said in caplog.text)
    running.cancel()
    await asyncio.wait([running])


async def test_a_socket_that_was_left_behind_is_replaced_and_what_is_none_is_not(tmp_path: Path) -> None:
    path = api_socket(tmp_path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with serving(tmp_path) as api:
        assert (await api.get("/nowhere", by_socket=True)).status == 404
    path.write_text("mine")
    with pytest.raises(DoorClosed, match="no socket of the bridge's"):
        await asyncio.to_thread(UnixSocket.open, SocketPlace.in_data_dir(tmp_path))
    assert path.read_text() == "mine"
    path.unlink()
    (tmp_path / "elsewhere").touch()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DoorClosed):
        await asyncio.to_thread(UnixSocket.open, SocketPlace.in_data_dir(tmp_path))


def test_the_path_of_a_socket_has_an_end(tmp_path: Path) -> None:
    fits = tmp_path / ("x" * (107 - len(os.fsencode(api_socket(tmp_path / "_"))) + 1))
    assert flaw_of(SocketPlace.in_data_dir(fits)) is None
    flaw = flaw_of(SocketPlace.in_data_dir(fits.with_name(f"{fits.name}x")))
    assert flaw is not None
    assert "107 bytes" in flaw.hint


def test_a_folder_that_can_not_be_written_has_no_socket(tmp_path: Path) -> None:
    with pytest.raises(DoorClosed, match="can't be made: No such file or directory"):
        UnixSocket.open(SocketPlace.in_data_dir(tmp_path / "missing"))


def test_another_socket_that_was_put_there_stays(tmp_path: Path) -> None:
    ours = UnixSocket.open(SocketPlace.in_data_dir(tmp_path))
    api_socket(tmp_path).unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(api_socket(tmp_path)))
        ours.close()
        assert api_socket(tmp_path).exists()


async def test_it_ends_in_time_though_somebody_is_in_the_middle_of_a_request(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        _, writer = await api.connect()
        writer.write(b"GET /api/v1/info HTTP/1.1\r\nHost: ")
        await writer.drain()
        await settle()
    await closed(writer)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_pairing_is_offered_once_on_a_terminal_while_there_is_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    terminal, hub = Terminal(), FakeHub()
    monkeypatch.setattr("sys.stdout", terminal)
    async with serving(tmp_path, hub=hub) as api:
        await until(lambda: "this code lets one client in" in terminal.getvalue())
        code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", terminal.getvalue())
        assert code is not None
        assert api.sink._pairing.seconds_left > 0
    assert code[0] not in caplog.text
    assert code[0].replace("-", "") not in caplog.text
    async with serving(tmp_path, hub=hub) as api:
        assert (await api.get("/nowhere", by_socket=True)).status == 404
        assert api.sink._pairing.seconds_left == 0
    assert len(terminal.getvalue().splitlines()) == 1


@pytest.mark.parametrize("why", ["no terminal", "a token", "told not to"])
async def test_pairing_is_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    stdout, hub = (io.StringIO() if why == "no terminal" else Terminal()), FakeHub()
    monkeypatch.setattr("sys.stdout", stdout)
    if why == "a token":
        hub.tokens.add()
    async with serving(tmp_path, hub=hub, offer_pairing=why != "told not to") as api:
        assert (await api.get("/nowhere", by_socket=True)).status == 404
        assert (await api.get("/healthz")).status == 200
        assert api.sink._pairing.seconds_left == 0
    assert stdout.getvalue() == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_is_known_by_the_kernels_word() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0vms-bridge-test-{os.getpid()}")
        listener.listen()
        for uid, expected in ((65_534, None), (0, 0)):
            with socket.socket(socket.AF_UNIX) as somebody:
                os.seteuid(uid)
                try:
                    somebody.connect(listener.getsockname())
                finally:
                    os.seteuid(0)
                accepted, _ = listener.accept()
                with accepted:
                    assert peer_uid(accepted) == expected
