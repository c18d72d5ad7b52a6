"""A bridge's MQTT side that is killed and started again, at a broker that keeps its session."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from tests.fakes.hub import FakeHub

from vms_bridge.demo.properties import Property
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.sink import MqttSink
from vms_bridge.sinks import BridgeIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.fakes.broker import FakeBroker
    from tests.fakes.clock import FakeClock

ROOT = "vms_bridge/home"


async def until(condition: Callable[[], bool], clock: FakeClock | None = None, *, timeout_s: float = 30.0) -> None:
    """Wait for something to be seen; with a clock, let its time pass meanwhile, a little at a time."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            if clock:
                await clock.advance(0.05)
            await asyncio.sleep(0.003)


class House:
    """`hub` is that of the run at work; what it has kept is what the next one finds."""

    def __init__(self, broker: FakeBroker, clock: FakeClock, **options: Any) -> None:  # noqa: ANN401 - fields by keyword
        self.broker, self.clock = broker, clock
        self.hub = FakeHub(monitors=3)
        self._options = options
        self._heard = broker.listen(f"{ROOT}/ack")
        self._acks: list[dict[str, Any]] = []
        self._task: asyncio.Task[None] | None = None
        self.sink: MqttSink

    @property
    def client_id(self) -> str:
        client_id: str = self._options.get("client_id") or f"vms_bridge_home_{self.hub.bridge_id[:8]}"
        return client_id

    @property
    def acks(self) -> list[dict[str, Any]]:
        """All answers so far, oldest first."""
        self._acks += [json.loads(each.payload) for each in self._heard.drain()]
        return self._acks

    @property
    def results(self) -> dict[str, list[str]]:
        """The final results by request id."""
        found: dict[str, list[str]] = {}
        for ack in self.acks:
            if ack["result"] != "running":
                found.setdefault(ack["request_id"], []).append(ack["result"])
        return found

    @property
    def ran(self) -> list[str | None]:
        """The request ids of what the hub was asked to do, in order."""
        return [command.request_id for command in self.hub.commands]

    async def start(self, **options: Any) -> None:  # noqa: ANN401 - fields by keyword
        """Start, and wait until it takes commands."""
        self.begin(**options)
        await self.at_work()

    def begin(self, **options: Any) -> None:  # noqa: ANN401 - fields by keyword
        """Start."""
        config = MqttConfig(url=self.broker.url, **{"snapshots": False, **self._options, **options.pop("config", {})})
        previous = options.pop("previous_instance", None)
        bridge = BridgeIdentity(instance="home", name="Home", version="1", previous_instance=previous)
        self.sink = MqttSink(config=config, bridge=bridge, clock=self.clock, **{"jitter": lambda low, _high: low, **options})
        self._task = asyncio.create_task(self.sink.run(self.hub))

    async def at_work(self) -> None:
        """Wait until it serves."""
        await until(lambda: self.hub.subscribers >= 1 and self.broker.retained.get(f"{ROOT}/status") == b"online", self.clock)

    async def lives(self, seconds: float) -> None:
        """Let time pass that the link notices as such."""
        for _ in range(round(seconds)):
            await self.clock.advance(1.0)
            await asyncio.sleep(0.01)

    async def kill(self, **kept: Mapping[Any, Any]) -> None:
        """End it as SIGKILL does: nothing is said, and what is stored is what was stored by then."""
        memory, notes = dict(kept.get("memory", self.hub.memory)), dict(kept.get("notes", self.hub.notes))
        await self.lose()
        self.hub.stores.set()
        assert self._task
        self._task.cancel()
        await asyncio.wait({self._task})
        self.hub = FakeHub(monitors=3)
        self.hub.memory, self.hub.notes = memory, notes

    async def lose(self) -> None:
        """Cut its connection, and wait until it has noticed."""
        if self.client_id in self.broker.clients:
            self.broker.core.drop(self.client_id)
        await until(lambda: self.client_id in self.broker.core.absent and self.sink._session is None)

    async def stop(self) -> None:
        """End it in order."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=30)
            assert self._task.done()

    def ask(
        self, request_id: str, value: str = "ON", *, topic: str = "zm/1/set/armed", qos: int = 1, expiry_s: int | None = None
    ) -> None:
        """Send a command as some other client does."""
        payload = json.dumps({"value": value, "request_id": request_id})
        properties = {} if expiry_s is None else {Property.MESSAGE_EXPIRY: expiry_s}
        self.broker.publish(f"{ROOT}/{topic}", payload, qos=qos, properties=properties)  # type: ignore[arg-type]  # narrower

    async def answered(self, *request_ids: str) -> None:
        """Wait until these have their final answers."""
        await until(lambda: set(request_ids) <= self.results.keys(), self.clock)
