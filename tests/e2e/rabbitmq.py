"""RabbitMQ with its STOMP plugin on loopback, and who pushes alerts by it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import signal
import subprocess
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.e2e.processes import Program, free_ports
from tests.fakes.authority import HomeMadeAuthority

from vms_bridge.doors import TlsOptions
from vms_bridge.vxg.alerts import Broker
from vms_bridge.vxg.stomp import Frame, Inflow, pack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LAB = Path(__file__).parent / "lab" / "rabbitmq"
HOST = "localhost"
PASSWORD = "secret"
TOPIC = "/topic/alarms"
READY = "Server startup complete"
STARTS_WITHIN_S = 60.0
CONFIG = """\
listeners.tcp = none
stomp.listeners.tcp.1 = 127.0.0.1:{plain}
stomp.listeners.ssl.1 = 127.0.0.1:{tls}
ssl_options.certfile = {pair.certificate}
ssl_options.keyfile = {pair.key}
load_definitions = {folder}/definitions.json
log.console = true
log.file = false
"""


def what_is_missing() -> str | None:
    """Return why it can't be had here, None if it can."""
    said = subprocess.run([LAB, "installed"], capture_output=True, text=True, check=False)
    return said.stderr.strip() if said.returncode else None


def version() -> str:
    """Return the version that is unpacked."""
    return subprocess.run([LAB, "version"], capture_output=True, text=True, check=True).stdout.strip()


class RabbitMq:
    """A node of its own: by TLS on one port, and on another without.

    `engine` may do everything, in two virtual hosts; `nobody` may log in, and hear nothing. It keeps what it is told over a kill.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.authority = folder, HomeMadeAuthority(folder)
        self.tls_port, self.plain_port, node, epmd = free_ports(4)
        self.program, self._epmd = Program("rabbitmq", folder / "rabbitmq.log"), Program("epmd", folder / "epmd.log")
        self._environment = {
            "ERL_EPMD_PORT": str(epmd),
            "RABBITMQ_NODENAME": "vms-bridge@localhost",
            "RABBITMQ_DIST_PORT": str(node),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
        }
        pair = self.authority.issue(HOST)
        (folder / "rabbitmq.conf").write_text(CONFIG.format(plain=self.plain_port, tls=self.tls_port, pair=pair, folder=folder))
        (folder / "plugins").write_text("[rabbitmq_stomp].\n")
        (folder / "definitions.json").write_text(json.dumps(_definitions()))

    async def __aenter__(self) -> Self:
        await self._epmd.start(LAB, "epmd", environment=self._environment)
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            await self._epmd.stop()
        async with asyncio.timeout(STARTS_WITHIN_S):  # what Erlang has started ends when it sees that Erlang has
            while self._left():  # noqa: ASYNC110 - nobody tells of the end of a process that is no child
                await asyncio.sleep(0.05)

    async def start(self) -> None:
        """Start the node, and wait until it accepts clients: its ports do so sooner than its virtual hosts."""
        said = self.program.log.read_text().count(READY) if self.program.log.exists() else 0
        await self.program.start(LAB, "server", self._folder, environment=self._environment)
        with suppress(TimeoutError):
            async with asyncio.timeout(STARTS_WITHIN_S):
                while self.program.is_running:
                    if self.program.log.read_text().count(READY) > said:
                        return
                    await asyncio.sleep(0.05)  # a file has no event to wait for
        raise AssertionError(f"RabbitMQ does not start:\n{self.program.tail()}")

    async def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End the node."""
        await self.program.stop(with_signal)

    def _left(self) -> list[str]:
        """Return the processes that have this node's environment."""
        mark, found = f"RABBITMQ_MNESIA_BASE={self._environment['RABBITMQ_MNESIA_BASE']}".encode(), []
        for each in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # it has ended, or is somebody else's
                if mark in each.read_bytes().split(b"\0"):
                    found.append(each.parent.name)
        return found

    def broker(self, *, tls: bool = True, **other: Any) -> Broker:
        """Return how it is reached, by `engine` unless told otherwise; `url` and `ca_file` are the door's."""
        url = other.pop("url", f"stomps://{HOST}:{self.tls_port}" if tls else f"stomp://{HOST}:{self.plain_port}")
        trust = TlsOptions(url=url, ca_file=other.pop("ca_file", self.authority.ca_file if tls else None))
        return Broker(trust=trust, **{"topic": TOPIC, "username": "engine", "password": PASSWORD} | other)

    @asynccontextmanager
    async def client(self, **headers: str) -> AsyncIterator[Client]:
        """A client of the tests' own that has logged in, without TLS."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.plain_port)
        client = Client(reader, writer)
        try:
            login = {"accept-version": "1.2", "host": HOST, "login": "engine", "passcode": PASSWORD}
            await client.say(Frame("CONNECT", login | headers))
            assert (await client.next()).command == "CONNECTED"
            yield client
        finally:
            writer.close()

    async def push(self, alert: dict[str, Any], *, topic: str = TOPIC, host: str = HOST) -> None:
        """Push an alert as an installation would, and wait until the node has it."""
        body = json.dumps(alert).encode()
        async with self.client(host=host) as client:
            head = {"destination": topic, "content-type": "application/json", "content-length": str(len(body)), "receipt": "1"}
            await client.say(Frame("SEND", head, body))
            assert (await client.next()).command == "RECEIPT"


class Client:
    """One connection, which does as it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._in = reader, writer, Inflow()

    async def say(self, frame: Frame) -> None:
        """Send it."""
        self._writer.write(pack(frame))
        await self._writer.drain()

    async def next(self) -> Frame:
        """Return what comes next."""
        async with asyncio.timeout(15):
            while (frame := self._in.take()) is None:
                data = await self._reader.read(65_536)
                assert data, "RabbitMQ has closed the connection"
                self._in.add(data)
        return frame

    async def closed(self) -> None:
        """Wait until the node closes it."""
        async with asyncio.timeout(60):
            while await self._reader.read(65_536):
                pass


def _definitions() -> dict[str, Any]:
    salt = b"salt"
    digest = base64.b64encode(salt + hashlib.sha256(salt + PASSWORD.encode()).digest()).decode()
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [
            {"name": name, "password_hash": digest, "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}
            for name in ("engine", "nobody")
        ],
        "vhosts": [{"name": "/"}, {"name": HOST}],
        "permissions": [
            {"user": "engine", "vhost": "/", **everything},
            {"user": "engine", "vhost": HOST, **everything},
            {"user": "nobody", "vhost": HOST, **dict.fromkeys(everything, "^$")},
        ],
    }
