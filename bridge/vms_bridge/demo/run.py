"""`vms-bridge demo`: the whole bridge at work, with a simulated system and a broker of its own, from a temporary directory."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TextIO

from vms_bridge.api.config import HttpConfig
from vms_bridge.api.kind import KIND as HTTP
from vms_bridge.api.routes.media import LIVE
from vms_bridge.app import Bridge
from vms_bridge.backends import load_kind
from vms_bridge.clock import SystemClock
from vms_bridge.config import Config, SinkConfig, SystemConfig
from vms_bridge.demo import cloud, detecting, scripting
from vms_bridge.demo.brokers import find_mosquitto, free_port, serving_broker
from vms_bridge.demo.table import counts, make_display
from vms_bridge.demo.witness import Witness
from vms_bridge.detect.kind import KIND as DETECTION
from vms_bridge.errors import BridgeError
from vms_bridge.explaining import causes
from vms_bridge.keys import MonitorRules
from vms_bridge.links import address_of, target_of
from vms_bridge.logs import configure
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.kind import KIND as MQTT
from vms_bridge.mqtt.topics import Topics
from vms_bridge.scripts.kind import KIND as SCRIPTS
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.demo.brokers import BrokerAddress
    from vms_bridge.demo.table import Display
    from vms_bridge.demo.witness import Tally

_INSTANCE, _SYSTEM = "demo", "sim"
_REFRESH_S = 0.25
_ANSWER_S = 3.0
_API_PORT = 8098
_LINK_LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """What a demo is made of; without `duration_s` it lasts until it is stopped. A port that is taken is replaced by another."""

    directory: Path
    port: int
    api_port: int = _API_PORT
    mosquitto: Path | None = None
    duration_s: float | None = None
    cameras: int = 3
    pace: float = 2.0
    detects: bool = False
    has_scripts: bool = False
    vxg: cloud.Cloud | None = None


def run_demo(
    *,
    duration_s: float | None = None,
    port: int = 1883,
    cameras: int = 3,
    pace: float = 2.0,
    detects: bool = False,
    has_scripts: bool = False,
    vxg: Path | None = None,
    stream: TextIO | None = None,
) -> int:
    """Run the demo until its time is over or Ctrl-C; return the exit code, 1 if not everything flowed.

    `port` is that of the broker; where it is taken another one is used, and shown. `vxg` is what a simulated VXG says of itself.
    Raises ConfigError where it does not.
    """
    out = stream or sys.stdout
    beside = None if vxg is None else cloud.read(vxg)
    display = make_display(out)
    with TemporaryDirectory(prefix="vms-bridge-demo-", ignore_cleanup_errors=True) as directory:
        show = Show(
            directory=Path(directory),
            port=free_port(port),
            mosquitto=find_mosquitto(),
            duration_s=duration_s,
            cameras=cameras,
            pace=pace,
            detects=detects,
            has_scripts=has_scripts,
            vxg=beside,
        )
        if has_scripts:
            scripting.write(show.directory)
        return conclude(lambda: asyncio.run(_until_signal(show, display)), out, is_timed=duration_s is not None)


def conclude(performance: Callable[[], Tally], out: TextIO, *, is_timed: bool) -> int:
    """Perform, say in words how it ended, and return the exit code."""
    try:
        tally = performance()
    except BridgeError as error:
        out.write(f"The demo had to stop: {error} {error.hint}\n")
        return 1
    # a demo that is stopped before its first event is no failure; one that was given time is
    flowed = tally.flows or not is_timed
    out.write(f"{'The demo is over.' if flowed else 'The demo is over, and not everything has come through!'} {counts(tally)}\n")
    return 0 if flowed else 1


async def perform(show: Show, display: Display, clock: Clock, stopped: asyncio.Event) -> Tally:
    """Run broker, bridge and witness until the show's time is over or `stopped`. Raises BridgeError."""
    async with serving_broker(show.mosquitto, show.directory, show.port, clock) as address:
        mqtt = MqttConfig(url=address.url, measurement_interval=2.0)
        api = HttpConfig(port=free_port(show.api_port), offer_pairing=False)
        bridge = Bridge(_configuration(show, mqtt, api), clock)
        commands_for_s = None if show.duration_s is None else show.duration_s - _ANSWER_S
        witness = Witness(
            config=mqtt,
            topics=Topics(_INSTANCE),
            system=_SYSTEM,
            clock=clock,
            on_happening=display.happened,
            commands_for_s=commands_for_s,
        )
        display.start(_heading(address))
        display.add(detecting.said(detects=show.detects))
        display.add(scripting.said(has_scripts=show.has_scripts))
        if show.vxg is not None:
            display.add(cloud.said(show.vxg, detects=show.detects))
        failures: list[BridgeError] = []  # before 3.11.4 what is raised within `except*` comes out in a group
        configure("warning")  # after the display's start, which may have taken over stderr
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(_run(bridge, stopped), name="bridge")
                helpers = [
                    group.create_task(witness.run(), name="witness"),
                    group.create_task(_refresh(bridge, witness, display, clock), name="display"),
                    group.create_task(_let_in(bridge, api, display, clock), name="token"),
                    group.create_task(_time_out(show.duration_s, clock, stopped), name="timer"),
                ]
                looking = None
                if show.has_scripts:
                    looking = group.create_task(scripting.look_after(bridge, display.happened, clock), name="scripts")
                await stopped.wait()
                if looking is not None:
                    looking.cancel()  # what a script says when it is ended has no place in a show
                bridge.stop()
                await asyncio.wait([running])  # the witness still receives its goodbye
                for helper in helpers:
                    helper.cancel()
        except* BridgeError as errors:
            failures.extend(causes(errors))
        finally:
            display.stop()
        if failures:
            raise failures[0]
        return witness.tally


async def _until_signal(show: Show, display: Display) -> Tally:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stopped.set)
    return await perform(show, display, SystemClock(), stopped)


async def _run(bridge: Bridge, stopped: asyncio.Event) -> None:
    """Run the bridge; when it ends by itself, so does the show."""
    try:
        await bridge.run()
    finally:
        stopped.set()


async def _refresh(bridge: Bridge, witness: Witness, display: Display, clock: Clock) -> None:
    await bridge.ready.wait()
    started = clock.monotonic()
    while True:
        display.show(bridge.hub.systems, witness.tally, clock.monotonic() - started)
        await clock.sleep(_REFRESH_S)


async def _let_in(bridge: Bridge, api: HttpConfig, display: Display, clock: Clock) -> None:
    """Make a token for whoever watches, and a link that is good as long as that; say how to use them. Both end with the demo."""
    await bridge.ready.wait()
    token, text = await bridge.hub.tokens.create("demo", Scope.CONTROL)
    display.add(f"The API:       curl -H 'Authorization: Bearer {text}' http://{api.place}/api/v1/events")
    target = target_of(LIVE, {"system": _SYSTEM, "monitor": "1"})
    _, signature = await bridge.hub.links.sign(target, token=token.id, until=clock.now() + _LINK_LIFE)
    display.add(f"A live picture, without a token: http://{api.place}{address_of(target, signature)}")


async def _time_out(duration_s: float | None, clock: Clock, stopped: asyncio.Event) -> None:
    if duration_s is not None:
        await clock.sleep(duration_s)
        stopped.set()


def _configuration(show: Show, mqtt: MqttConfig, api: HttpConfig) -> Config:
    kind = load_kind("simulator")
    pictures_only = 1 if show.cameras >= 3 else 0  # of the third camera clips are made of pictures, when somebody asks
    settings = kind.config.model_validate(
        {
            "cameras": show.cameras,
            "pace": show.pace,
            "pictures_only": pictures_only,
            "names_visitors": not show.detects,  # then what is known of them was found in the pictures
        }
    )
    system = SystemConfig(key=_SYSTEM, kind=kind, name="Simulated house", rules=MonitorRules(), settings=settings)
    return Config(
        instance=_INSTANCE,
        name="VMS Bridge demo",
        data_dir=show.directory,
        systems={_SYSTEM: system, **({} if show.vxg is None else {cloud.SYSTEM: cloud.section(show.vxg)})},
        sinks={
            MQTT.section: SinkConfig(kind=MQTT, settings=mqtt),
            HTTP.section: SinkConfig(kind=HTTP, settings=api),
            **({DETECTION.section: detecting.section(show.cameras, others=f"{cloud.SYSTEM}/*")} if show.detects else {}),
            **({SCRIPTS.section: scripting.section(show.directory)} if show.has_scripts else {}),
        },
    )


def _heading(address: BrokerAddress) -> str:
    return (
        f"VMS Bridge reports what simulated cameras see on {address.url} ({address.what}).\n"
        f"Listen along:  mosquitto_sub -p {address.port} -t 'vms_bridge/#' -F '%t %p' -R\n"
        f"Home Assistant: add the MQTT integration with 127.0.0.1, port {address.port}. Ctrl-C ends the demo."
    )
