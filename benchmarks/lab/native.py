"""A real Home Assistant that has the component, and who hears of each change of its states, and when."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.e2e.bridge import Bridge
from tests.e2e.home_assistant import START_WITHIN_S, HomeAssistant, venv, what_is_missing
from tests.e2e.processes import free_ports, listening

from benchmarks.lab.arrivals import Arrivals
from benchmarks.lab.running import CannotMeasureError
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

_ANSWER_S = 60.0
_READY_S = 60.0
_CONFIGURATION = "instance: native\ndata_dir: {folder}/data\nhttp: {{port: {port}}}\nsystems:\n{systems}"


@asynccontextmanager
async def native_bridge(folder: Path, systems: str) -> AsyncIterator[tuple[Bridge, int]]:
    """Run `vms-bridge run` with these systems and an API, without MQTT; give it with the port."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    (port,) = free_ports(1)
    bridge = Bridge(folder, _CONFIGURATION.format(folder=folder, port=port, systems=systems))
    await bridge.start()
    try:
        await listening(port, within=_READY_S)
        yield bridge, port
    finally:
        await bridge.stop()


@asynccontextmanager
async def home_with_component(folder: Path, bridge: Bridge, port: int, broker_port: int | None) -> AsyncIterator[HomeAssistant]:
    """Run a fresh Home Assistant that has got the bridge by a pairing code, and the broker if there is one."""
    missing = what_is_missing()
    if missing:
        raise CannotMeasureError(missing)
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    connector = aiohttp.UnixConnector(path=str(api_socket(bridge.config.parent / "data")))
    async with (
        aiohttp.ClientSession("http://localhost", connector=connector) as api,
        HomeAssistant(folder, broker_port, platform="vms_bridge") as home,
    ):
        async with api.post("/api/v1/pair/opening", json={}) as answer:
            code = (await answer.json())["code"]
        made = await home.flow("vms_bridge", {"url": f"http://127.0.0.1:{port}", "method": "pair"}, {"code": code})
        if made["type"] != "create_entry":
            raise CannotMeasureError(f"the component could not be added: {made}")
        yield home


async def start_unfollowed(home: HomeAssistant) -> None:
    """Start it anew without the tests' own follower, which reads each change and the whole registry."""
    await home.stop()
    await home.program.start(venv() / "bin" / "hass", "--skip-pip", "--config", home.config)
    async with asyncio.timeout(START_WITHIN_S):
        while not await _runs(home):  # noqa: ASYNC110 - another program's state
            await asyncio.sleep(0.2)


class Line:
    """A WebSocket to Home Assistant: `arrivals` has each state by its entity's id, and other events by their type."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.arrivals = Arrivals()
        self._socket, self._numbers = socket, itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def command(self, kind: str, **fields: object) -> Any:  # noqa: ANN401 - JSON
        """Send a command and return its result."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "type": kind, **fields})
        async with asyncio.timeout(_ANSWER_S):
            return await answer

    async def entities(self) -> Mapping[tuple[str, str], str]:
        """Return the ids of all entities that are enabled, by platform and unique id."""
        known = await self.command("config/entity_registry/list")
        return {(each["platform"], each["unique_id"]): each["entity_id"] for each in known if not each["disabled_by"]}

    async def states(self) -> Mapping[str, str]:
        """Return the states of all entities as they are now."""
        return {state["entity_id"]: state["state"] for state in await self.command("get_states")}

    async def read(self) -> None:
        """Take in what comes, until cancelled."""
        async for message in self._socket:
            at = time.monotonic_ns()
            told = json.loads(message.data)
            if told["type"] == "event":
                self._take(told["event"], at)
            elif told["type"] == "result":
                answer = self._answers.pop(told["id"])
                if not answer.done():
                    answer.set_result(told["result"])

    def _take(self, event: Mapping[str, Any], at: int) -> None:
        state = event["data"].get("new_state") if event["event_type"] == "state_changed" else None
        if state is not None:
            self.arrivals.take(state["entity_id"], state["state"].encode(), at)
        else:
            self.arrivals.take(event["event_type"], json.dumps(event["data"]).encode(), at)


@asynccontextmanager
async def line_to(home: HomeAssistant, *events: str) -> AsyncIterator[Line]:
    """Open a line that hears changes of states, and events of these types."""
    async with aiohttp.ClientSession(home.url) as http, http.ws_connect("/api/websocket", max_msg_size=0) as socket:
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": home.token})
        answer = await socket.receive_json()
        if answer["type"] != "auth_ok":
            raise CannotMeasureError(f"Home Assistant lets nobody in: {answer}")
        line = Line(socket)
        reader = asyncio.create_task(line.read())
        try:
            for event in ("state_changed", *events):
                await line.command("subscribe_events", event_type=event)
            yield line
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)


async def _runs(home: HomeAssistant) -> bool:
    headers = {"Authorization": f"Bearer {home.token}"}
    try:
        async with aiohttp.ClientSession(home.url, headers=headers) as http, http.get("/api/config") as answer:
            return answer.status == 200 and (await answer.json())["state"] == "RUNNING"
    except (OSError, aiohttp.ClientError):
        return False
