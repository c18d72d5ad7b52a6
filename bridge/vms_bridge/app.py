"""The composition root: builds the parts from the configuration, starts and stops them in order, reloads what changed."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge import __version__
from vms_bridge.backends.broken import BrokenBackend
from vms_bridge.backends.guard import make_backend
from vms_bridge.backends.supervisor import Supervisor
from vms_bridge.clock import SystemClock
from vms_bridge.config import load
from vms_bridge.errors import BridgeError, InvalidConfig, RivalBridge, causes
from vms_bridge.hub import Hub, Retention
from vms_bridge.logs import configure
from vms_bridge.mqtt.sink import MqttSink
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vms_bridge.backends.base import Backend
    from vms_bridge.clock import Clock
    from vms_bridge.config import Config, SystemConfig
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.views import Sink

_LOGGER = logging.getLogger(__name__)
_STOPPED, _FAILED, _REFUSED = 0, 1, 69
"""Exit codes, as `cli` and docs/running.md name them."""
_SINK_RESTART_S = 5.0
_STOP_S = 5.0
"""How long an orderly stop may take; a system that hangs must not keep the service manager waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A running part, and the configuration that it was made from."""

    config: object
    task: asyncio.Task[None]


class Bridge:
    """One running bridge: hub, store, a supervised backend for each system, and the sinks."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._systems: dict[str, _Running] = {}
        self._sinks: dict[str, _Running] = {}
        self._stopping = asyncio.Event()
        self._reloads: asyncio.Queue[Config] = asyncio.Queue(maxsize=1)
        self.ready = asyncio.Event()
        """Set once every part has been started; `hub` is there from then on."""
        self.hub: Hub

    def stop(self) -> None:
        """Ask for an orderly stop; `run` then returns."""
        self._stopping.set()

    def reload(self, config: Config) -> None:
        """Take over another configuration: only the parts that it changes are restarted."""
        if self._reloads.full():
            self._reloads.get_nowait()
        self._reloads.put_nowait(config)

    async def run(self) -> None:
        """Run until `stop`. Raises BridgeError where the bridge can't go on: the store fails, a rival is at work."""
        store = await asyncio.to_thread(Store.open, self._config.data_dir, self._clock)
        failures: list[BridgeError] = []  # before 3.11.4 what is raised within `except*` comes out in a group
        try:
            kept = self._config.retention
            self.hub = Hub(
                store,
                self._clock,
                durable_sinks=("mqtt",) if self._config.mqtt else (),
                retention=Retention(keep=timedelta(days=kept.days), most_undelivered=kept.undelivered),
            )
            try:
                async with asyncio.TaskGroup() as group:
                    await self._run_parts(group)
            finally:
                await self.hub.close()
        except* BridgeError as errors:
            failures.extend(causes(errors))
        finally:
            await store.close()
        if failures:
            raise failures[0]

    async def _run_parts(self, group: asyncio.TaskGroup) -> None:
        await self._start_changed(group, self._config)
        housekeeping = group.create_task(self.hub.run(), name="hub")
        reloading = group.create_task(self._follow_reloads(group), name="reload")
        self.ready.set()
        await self._stopping.wait()
        reloading.cancel()
        try:
            async with self._clock.timeout(_STOP_S):
                await self.hub.end_forced_alarms()
        except TimeoutError:
            _LOGGER.warning("alarms that were forced for a time could not be ended before the stop")
        for running in [*self._systems.values(), *self._sinks.values()]:
            await _end(running.task)
        housekeeping.cancel()

    async def _follow_reloads(self, group: asyncio.TaskGroup) -> None:
        while True:
            config = await self._reloads.get()
            if _foundation(config) != _foundation(self._config):
                _LOGGER.error(
                    "instance, data_dir, retention and whether there is a broker can't change while the bridge runs:"
                    " restart it; nothing was reloaded"
                )
                continue
            if config.log != self._config.log:
                configure(config.log.level, config.log.format)
            await self._start_changed(group, config)
            self._config = config
            _LOGGER.info("the configuration was reloaded")

    async def _start_changed(self, group: asyncio.TaskGroup, config: Config) -> None:
        """Stop what is no longer configured as it runs, and start what is not running."""
        for key in [key for key in self._systems if key not in config.systems]:
            await _end(self._systems.pop(key).task)
            self.hub.remove_system(key)
        for key, system in config.systems.items():
            if key in self._systems and self._systems[key].config == system:
                continue
            if key in self._systems:
                await _end(self._systems.pop(key).task)
            await self._start_system(group, system)
        if "mqtt" in self._sinks and self._sinks["mqtt"].config != _mqtt_identity(config):
            await _end(self._sinks.pop("mqtt").task)
        if config.mqtt is not None and "mqtt" not in self._sinks:
            make = partial(self._mqtt_sink, config, config.mqtt)
            self._sinks["mqtt"] = _Running(
                config=_mqtt_identity(config), task=group.create_task(self._keep_sink(make), name="mqtt")
            )

    async def _start_system(self, group: asyncio.TaskGroup, system: SystemConfig) -> None:
        backend = await self._backend(system)
        feed = await self.hub.add_system(
            key=system.key, kind=system.kind.name, name=system.name, rules=system.rules, backend=backend
        )
        supervisor = Supervisor(system.key, backend, feed, self._clock)
        task = group.create_task(supervisor.run(), name=f"system {system.key}")
        self._systems[system.key] = _Running(config=system, task=task)

    async def _backend(self, system: SystemConfig) -> Backend:
        """Make the system's backend, or what stands in for it: the kind may be broken, and the other systems go on."""
        try:
            return await make_backend(system.kind, system.key, system.settings, self._clock)
        except BridgeError as error:
            return BrokenBackend(system.kind.name, error)

    def _mqtt_sink(self, config: Config, mqtt: MqttConfig) -> Sink:
        return MqttSink(
            config=mqtt,
            instance=config.instance,
            name=config.name,
            previous_instance=config.previous_instance,
            version=__version__,
            clock=self._clock,
        )

    async def _keep_sink(self, make: Callable[[], Sink]) -> None:
        """Run a sink; a defect in it is logged and the sink made anew, so that it does not stop the others."""
        while True:
            sink = make()
            try:
                await sink.run(self.hub)
            except BridgeError:
                raise
            except Exception:
                _LOGGER.exception("sink %s failed in an unforeseen way; it is started anew", sink.name)
            await self._clock.sleep(_SINK_RESTART_S)


def run(path: Path) -> int:
    """Run the bridge by the configuration in `path` until SIGTERM or SIGINT; return the exit code."""
    config = load(path)
    configure(config.log.level, config.log.format)
    for remark in config.remarks:
        _LOGGER.warning("%s", remark)
    _LOGGER.info("VMS Bridge %s starts, instance %s, configuration %s", __version__, config.instance, path)
    try:
        asyncio.run(_serve(path, config))
    except BridgeError as error:
        _LOGGER.critical("%s", f"{error}: {error.hint}" if error.hint else error)
        return _REFUSED if isinstance(error, RivalBridge) else _FAILED
    _LOGGER.info("VMS Bridge has stopped")
    return _STOPPED


async def _serve(path: Path, config: Config) -> None:
    bridge = Bridge(config, SystemClock())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, bridge.stop)
    loop.add_signal_handler(signal.SIGHUP, partial(_reload, bridge, path))
    loop.add_signal_handler(signal.SIGUSR1, _log_tasks)
    await bridge.run()


def _log_tasks() -> None:
    """Log what runs: for the report of something that hangs, or grows."""
    names = Counter(re.sub(r"\d+", "N", task.get_name()) for task in asyncio.all_tasks())
    _LOGGER.info("tasks: %d (%s)", names.total(), ", ".join(f"{count} {name}" for name, count in sorted(names.items())))


def _reload(bridge: Bridge, path: Path) -> None:
    try:
        config = load(path)
    except InvalidConfig as error:
        for mistake in error.mistakes:
            _LOGGER.error("%s (%s)", mistake, mistake.hint)  # noqa: TRY400 - a mistake of the file, not of the program
        _LOGGER.error("the configuration was not reloaded, the old one stays in force")  # noqa: TRY400 - the same
        return
    bridge.reload(config)


def _foundation(config: Config) -> object:
    """Return what the hub and the store are made from."""
    return config.instance, config.data_dir, config.retention, config.mqtt is None


def _mqtt_identity(config: Config) -> object:
    """Return all that the MQTT sink is made from."""
    return config.mqtt, config.name, config.previous_instance


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a part and wait until it has cleaned up; its own failure is told by its group."""
    task.cancel()
    await asyncio.wait([task])
