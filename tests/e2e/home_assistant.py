"""A real Home Assistant on loopback: headless, already onboarded, connected to the broker, followed over its WebSocket API."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from tests.e2e.house import furnish
from tests.e2e.processes import Program, free_ports
from tests.e2e.waiting import WITHIN_S, Changes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

LAB = Path(__file__).parent / "lab" / "homeassistant"
COMPONENT = Path(__file__).parents[2] / "custom_components" / "vms_bridge"
USER, PASSWORD = "lab", "lab-password"
START_WITHIN_S = 90.0  # the first start on a slow machine
# Left out of default_config: what multicasts, or wants the internet or hardware.
CONFIGURATION = """\
homeassistant: {name: Home, latitude: 52.37, longitude: 4.89, elevation: 0, unit_system: metric, time_zone: UTC, currency: EUR,
  country: NL, language: en}
config:
frontend:
history:
logbook:
recorder: {commit_interval: 1}
logger: {default: info}
"""
UNKNOWN = {"unknown", "unavailable"}


def venv() -> Path:
    """Return where Home Assistant is installed, whether it is or not."""
    return Path(subprocess.run([LAB, "venv"], capture_output=True, text=True, check=True).stdout.strip())


def what_is_missing() -> str | None:
    """Say why it can't be started here; None if it can."""
    found = subprocess.run([LAB, "installed"], capture_output=True, text=True, check=False)
    return None if found.returncode == 0 else found.stderr.strip()


def version() -> str:
    """Return the version of the Home Assistant that is installed."""
    return venv().name.partition("-")[2]


@dataclass(frozen=True, slots=True)
class Seen:
    """A state as it was told; `at` is monotonic."""

    entity_id: str
    state: str
    attributes: dict[str, Any]
    at: float


class HomeAssistant:
    """One installation in a folder of its own; `states` mirrors what it tells, `history` keeps every change."""

    def __init__(self, folder: Path, broker_port: int | None, *, platform: str = "mqtt", go2rtc: str | None = None) -> None:
        """Mirror the entities of `platform`; without a broker, or the address of a go2rtc, it is not asked to know one."""
        self.config = folder / "config"
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.program = Program("Home Assistant", folder / "home-assistant.log")
        self.token = ""
        self.states: dict[str, Seen] = {}
        self.history: list[Seen] = []
        self._broker_port, self._platform, self._go2rtc = broker_port, platform, go2rtc
        self._changes = Changes()
        self._registry: dict[str, str] = {}
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._subscribed: dict[int, asyncio.Queue[Any]] = {}
        self._number = 0
        self._socket: aiohttp.ClientWebSocketResponse

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(30))
        self._write_configuration()
        try:
            await self.start()
            if self._broker_port is not None:
                await self._add_broker()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()
        await self._http.close()

    async def start(self) -> None:
        """Start it, and return once it says that it runs."""
        await self.program.start(venv() / "bin" / "hass", "--skip-pip", "--config", self.config)
        await self._until_it_answers()
        if not self.token:
            await self._onboard()
        await self._connect()
        async with asyncio.timeout(START_WITHIN_S):
            while (await self.command("get_config"))["state"] != "RUNNING":  # noqa: ASYNC110 - the API has no event for it
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """End it."""
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader = None
        await self.program.stop()
        self.states.clear()
        self._registry.clear()

    async def command(self, command: str, **fields: object) -> Any:
        """Send one WebSocket command and return its result."""
        number = self._number = self._number + 1
        return await self._send(number, command, fields)

    @asynccontextmanager
    async def subscription(self, command: str, **fields: object) -> AsyncIterator[asyncio.Queue[Any]]:
        """Subscribe by a WebSocket command, and give what is told for as long as the block lasts."""
        number = self._number = self._number + 1
        told = self._subscribed[number] = asyncio.Queue()
        await self._send(number, command, fields)
        yield told
        await self.command("unsubscribe_events", subscription=number)

    async def call(self, entity_id: str, service: str, **data: object) -> None:
        """Call a service of the entity's own domain, as a button on a page does."""
        domain = entity_id.partition(".")[0]
        await self.command("call_service", domain=domain, service=service, service_data=data, target={"entity_id": entity_id})

    async def entity(self, unique_id: str, *, within: float = WITHIN_S) -> str:
        """Return the id of the entity with this unique id, once there is one."""
        await self._changes.until(lambda: unique_id in self._registry, lambda: self._no_entity(unique_id), within)
        return self._registry[unique_id]

    async def no_entity(self, unique_id: str, *, within: float = WITHIN_S) -> None:
        """Wait until no entity has this unique id."""
        await self._changes.until(lambda: unique_id not in self._registry, lambda: f"{unique_id} is gone", within)

    async def shows(self, unique_id: str, state: str | Callable[[Seen], bool], *, within: float = WITHIN_S) -> Seen:
        """Wait until the entity with this unique id is in that state, or in one that is accepted."""
        accept = state if callable(state) else (lambda seen: seen.state == state)
        end = time.monotonic() + within
        entity_id = await self.entity(unique_id, within=within)

        def look() -> Seen | None:
            seen = self.states.get(entity_id)
            return seen if seen and accept(seen) else None

        wanted = "an accepted state" if callable(state) else state
        return await self._changes.until(
            look, lambda: f"{entity_id} is {wanted}; it is {self.states.get(entity_id)}", max(end - time.monotonic(), 0)
        )

    async def has_shown(self, unique_id: str, state: str, *, since: int, within: float = WITHIN_S) -> Seen:
        """Wait until the entity is in that state, or was since `since`, an earlier `len(history)`, however shortly."""
        end = time.monotonic() + within
        entity_id = await self.entity(unique_id, within=within)

        def look() -> Seen | None:
            told = [*self.history[since:], self.states.get(entity_id)]
            return next((seen for seen in told if seen and (seen.entity_id, seen.state) == (entity_id, state)), None)

        return await self._changes.until(look, lambda: f"{entity_id} has been {state}", max(end - time.monotonic(), 0))

    async def has(self, entity_id: str, state: str, *, since: int | None = None, within: float = WITHIN_S) -> Seen:
        """Wait until the entity with this id is in that state, or, from `since` on (an earlier `len(history)`), has been."""

        def look() -> Seen | None:
            told = [self.states.get(entity_id)] if since is None else self.history[since:]
            return next((seen for seen in told if seen and (seen.entity_id, seen.state) == (entity_id, state)), None)

        return await self._changes.until(look, lambda: f"{entity_id} is {state}; it is {self.states.get(entity_id)}", within)

    async def all_known(self, unique_ids: Iterable[str], *, within: float = WITHIN_S) -> None:
        """Wait until all of these entities are there and have a state."""
        wanted = set(unique_ids)

        def lacking() -> dict[str, str]:
            states = {each: self.states.get(self._registry.get(each, "")) for each in wanted}
            return {each: seen.state if seen else "absent" for each, seen in states.items() if not seen or seen.state in UNKNOWN}

        await self._changes.until(lambda: not lacking(), lambda: f"all are known; {lacking()}", within)

    @property
    def unique_ids(self) -> set[str]:
        """The unique ids of all entities that are mirrored."""
        return set(self._registry)

    def by_unique_id(self) -> dict[str, str]:
        """Return the state of every entity, by its unique id."""
        return {unique: seen.state for unique, entity in self._registry.items() if (seen := self.states.get(entity))}

    async def devices(self) -> dict[str, dict[str, Any]]:
        """Return the devices of those entities' platform, by their identifier."""
        return {
            identifier: device
            for device in await self.command("config/device_registry/list")
            for domain, identifier in device["identifiers"]
            if domain == self._platform
        }

    async def picture(self, path: str) -> bytes:
        """Fetch something over HTTP that must be there."""
        async with self._http.get(path, headers={"Authorization": f"Bearer {self.token}"}) as response:
            assert response.status == 200, f"{response.status} {path}"
            return await response.read()

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], bytes]:
        """Ask for something over HTTP, and return the status, the headers and the body."""
        async with self._http.get(path, headers={"Authorization": f"Bearer {self.token}", **(headers or {})}) as response:
            return response.status, response.headers, await response.read()

    async def flow(self, handler: str, *answers: Mapping[str, object]) -> dict[str, Any]:
        """Begin a config flow, give these answers to its steps, and return what comes last."""
        step: dict[str, Any] = await self._post("/api/config/config_entries/flow", json_={"handler": handler})
        for answer in answers:
            assert step["type"] in {"form", "menu"}, step
            step = await self._post(f"/api/config/config_entries/flow/{step['flow_id']}", json_=answer)
        return step

    async def entries(self, domain: str) -> list[dict[str, Any]]:
        """Return the config entries of an integration."""
        found: list[dict[str, Any]] = await self.command("config_entries/get", domain=domain)
        return found

    async def reload(self, entry_id: str) -> None:
        """Set a config entry up anew."""
        await self._post(f"/api/config/config_entries/entry/{entry_id}/reload")

    async def remove(self, entry_id: str) -> None:
        """Remove a config entry, as a person does it."""
        await self.delete(f"/api/config/config_entries/entry/{entry_id}")

    async def post(self, path: str, body: object) -> Any:
        """Have something made over HTTP, and return the answer."""
        return await self._post(path, json_=body)

    async def delete(self, path: str) -> None:
        """Delete something over HTTP that must be there."""
        async with self._http.delete(path, headers={"Authorization": f"Bearer {self.token}"}) as response:
            assert response.status == 200, f"{response.status} {path}: {await response.text()}"

    def logged(self, word: str) -> list[str]:
        """Return what it has logged as a warning or worse with this word in it, over all its starts."""
        grave = re.compile(r" (WARNING|ERROR|CRITICAL) \(")
        lines = self.program.log.read_text(errors="replace").splitlines()
        return [line for line in lines if grave.search(line) and word in line]

    async def complaints(self) -> list[str]:
        """Return what it has logged as warning or error about MQTT, templates or the bridge since its start."""
        log = await self.command("system_log/list")
        told = [
            f"{entry['level']} {entry['name']}: {entry['message']}" for entry in log if entry["level"] in {"WARNING", "ERROR"}
        ]
        return [line for line in told if any(word in line.lower() for word in ("mqtt", "template", "vms"))]

    def _no_entity(self, unique_id: str) -> str:
        return f"an entity {unique_id}; there are {sorted(self._registry)}"

    def _write_configuration(self) -> None:
        store = self.config / ".storage"
        store.mkdir(parents=True)
        configuration = CONFIGURATION
        if self._go2rtc is not None:
            configuration += f"go2rtc: {{url: '{self._go2rtc}'}}\n"
        if self._platform == COMPONENT.name:
            configuration += "stream:\n"  # as everybody has it by default_config
        (self.config / "configuration.yaml").write_text(configuration)
        furnish(self.config)
        if self._platform == COMPONENT.name:
            (self.config / "custom_components").mkdir()
            (self.config / "custom_components" / COMPONENT.name).symlink_to(COMPONENT)
        # Only the user is left to make; the other steps would add integrations that want the internet.
        done = {"done": ["core_config", "analytics", "integration"]}
        (store / "onboarding").write_text(json.dumps({"version": 4, "minor_version": 1, "key": "onboarding", "data": done}))
        http = {"server_host": ["127.0.0.1"], "server_port": self.port}
        (store / "http").write_text(json.dumps({"version": 1, "minor_version": 1, "key": "http", "data": http}))

    async def _until_it_answers(self) -> None:
        end = time.monotonic() + START_WITHIN_S
        while True:
            try:
                async with self._http.get("/manifest.json") as response:
                    if response.status == 200:
                        return
            except OSError:
                pass
            assert self.program.is_running, f"Home Assistant has ended:\n{self.program.tail()}"
            assert time.monotonic() < end, f"Home Assistant does not answer:\n{self.program.tail()}"
            await asyncio.sleep(0.1)  # a port has no event to wait for

    async def _post(self, path: str, *, json_: object = None, form: dict[str, str] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self._http.post(path, json=json_, data=form, headers=headers) as response:
            assert response.status < 400, f"{response.status} {path}: {await response.text()}"
            return await response.json()

    async def _onboard(self) -> None:
        client = self.url + "/"
        person = {"name": "Lab", "username": USER, "password": PASSWORD, "client_id": client, "language": "en"}
        code = (await self._post("/api/onboarding/users", json_=person))["auth_code"]
        form = {"client_id": client, "grant_type": "authorization_code", "code": code}
        self.token = (await self._post("/auth/token", form=form))["access_token"]
        await self._connect()
        self.token = await self.command("auth/long_lived_access_token", client_name="tests", lifespan=365)

    async def _add_broker(self) -> None:
        other = {"set_client_cert": False, "set_ca_cert": "off", "transport": "tcp"}
        broker = {"broker": "127.0.0.1", "port": self._broker_port, "protocol": "5", "other_settings": other}
        step = await self.flow("mqtt", broker)
        assert step["type"] == "create_entry", step

    async def _connect(self) -> None:
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        self._number = 0
        self._subscribed.clear()
        self._socket = await self._http.ws_connect("/api/websocket", max_msg_size=0)
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": self.token})
        answer = await self._socket.receive_json()
        assert answer["type"] == "auth_ok", answer
        self._reader = asyncio.create_task(self._read(), name="home-assistant-events")
        for event in ("state_changed", "entity_registry_updated"):
            await self.command("subscribe_events", event_type=event)
        for state in await self.command("get_states"):
            self._take(state["entity_id"], state)
        await self._read_registry()

    async def _read(self) -> None:
        registry_changed = asyncio.Event()
        follower = asyncio.create_task(self._follow_registry(registry_changed), name="home-assistant-registry")
        try:
            async for message in self._socket:
                told = json.loads(message.data)
                if told["type"] == "result":
                    self._answer(told)
                elif told["id"] in self._subscribed:
                    self._subscribed[told["id"]].put_nowait(told["event"])
                elif told["event"]["event_type"] == "entity_registry_updated":
                    registry_changed.set()
                else:
                    self._take(told["event"]["data"]["entity_id"], told["event"]["data"]["new_state"])
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
            await self._socket.close()
            for each in self._answers.values():
                each.cancel()

    async def _follow_registry(self, changed: asyncio.Event) -> None:
        while True:
            await changed.wait()
            changed.clear()
            await self._read_registry()

    async def _read_registry(self) -> None:
        entries = await self.command("config/entity_registry/list")
        self._registry = {entry["unique_id"]: entry["entity_id"] for entry in entries if entry["platform"] == self._platform}
        self._changes.tell()

    async def _send(self, number: int, command: str, fields: Mapping[str, object]) -> Any:
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "type": command, **fields})
        async with asyncio.timeout(30):
            return await answer

    def _answer(self, told: dict[str, Any]) -> None:
        waiting = self._answers.pop(told["id"])
        if waiting.done():
            return
        if told["success"]:
            waiting.set_result(told["result"])
        else:
            waiting.set_exception(AssertionError(told["error"]))

    def _take(self, entity_id: str, state: dict[str, Any] | None) -> None:
        if state is None:
            self.states.pop(entity_id, None)
        else:
            self.states[entity_id] = Seen(entity_id, state["state"], state["attributes"], time.monotonic())
            self.history.append(self.states[entity_id])
        self._changes.tell()
