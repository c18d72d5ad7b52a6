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

from vms_bridge import __version__, metrics
from vms_bridge.backends.broken import BrokenBackend
from vms_bridge.backends.guard import make_backend, secrets_of
from vms_bridge.backends.supervisor import Supervisor
from vms_bridge.backoff import HEALTHY_S
from vms_bridge.boundary import Boundary
from vms_bridge.clips import ClipRules
from vms_bridge.clock import SystemClock
from vms_bridge.concealment import Secrets
from vms_bridge.config import load
from vms_bridge.errors import BackendDefect, BridgeError, InvalidConfig, RivalBridge, in_words
from vms_bridge.explaining import causes, explained
from vms_bridge.hub import Hub, Retention
from vms_bridge.logs import Trouble, configure
from vms_bridge.store import Store
from vms_bridge.store.privacy import root_flaw
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from vms_bridge.backends.base import Backend
    from vms_bridge.clock import Clock
    from vms_bridge.config import Config, SystemConfig
    from vms_bridge.hub import SystemFeed
    from vms_bridge.measures import Reading
    from vms_bridge.views import Sink

_LOGGER = logging.getLogger(__name__)
_SCRIPTS = "scripts"
"""The section by which scripts are run."""
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
    """One running bridge: hub, store, a supervised backend for each system, and the sinks.

    `secrets` collects what must not be shown to anybody: what is configured, and what the backends get by it.
    """

    def __init__(self, config: Config, clock: Clock, *, secrets: Secrets | None = None) -> None:
        self._config = config
        self._secrets = Secrets() if secrets is None else secrets
        self._secrets.include("configuration", config.secrets())
        self._clock = clock
        self._systems: dict[str, _Running] = {}
        self._sinks: dict[str, _Running] = {}
        self._sink_restarts: Counter[str] = Counter()
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
        open_store = partial(Store.open, self._config.data_dir, self._clock, indexed=self._config.index.events)
        store = await in_thread("store", open_store, close=Store.discard)
        failures: list[BridgeError] = []  # before 3.11.4 what is raised within `except*` comes out in a group
        try:
            kept = self._config.retention
            self.hub = Hub(
                store,
                self._clock,
                durable_sinks=_durable_sinks(self._config),
                retention=Retention(keep=timedelta(days=kept.days), most_undelivered=kept.undelivered),
                secrets=self._secrets,
                clips=_clip_rules(self._config),
            )
            self.hub.measures.add(self._readings)
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
            raise next((failure for failure in failures if failure.is_fatal), failures[0])

    async def _run_parts(self, group: asyncio.TaskGroup) -> None:
        await self.hub.start()
        await self._start_changed(group, self._config)
        housekeeping = group.create_task(self.hub.run(), name="hub")
        reloading = group.create_task(self._follow_reloads(group), name="reload")
        self.ready.set()
        await self._stopping.wait()
        reloading.cancel()
        await asyncio.wait([reloading])
        for section, sink in self._config.sinks.items():
            if sink.kind.ends_first and section in self._sinks:
                await _end(self._sinks[section].task)
        await self._end_forced_alarms()
        for running in [*self._systems.values(), *self._sinks.values()]:
            await _end(running.task)
        housekeeping.cancel()

    async def _follow_reloads(self, group: asyncio.TaskGroup) -> None:
        while True:
            config = await self._reloads.get()
            if _foundation(config) != _foundation(self._config):
                _LOGGER.error(
                    "instance, data_dir, retention, index, clips and which durable sinks there are, such as mqtt, can't change"
                    " while the bridge runs: restart it; nothing was reloaded"
                )
                continue
            try:
                await self._start_changed(group, config)
            except BridgeError as error:
                _LOGGER.error("the configuration was not reloaded, the old one stays in force: %s", in_words(error))  # noqa: TRY400
                continue
            if config.log != self._config.log:
                configure(config.log.level, config.log.format, secrets=self._secrets)
            self._config = config
            self._secrets.include("configuration", config.secrets())
            _LOGGER.info("the configuration was reloaded")

    async def _start_changed(self, group: asyncio.TaskGroup, config: Config) -> None:
        """Stop what is no longer configured as it runs, and start what is not running.

        Raises StoreError where what is new can't be begun with; nothing has changed then.
        """
        self._secrets.include("new configuration", config.secrets())
        changed = [system for key, system in config.systems.items() if not self._runs(key, system)]
        backends = await asyncio.gather(*(self._backend(system) for system in changed))
        feeds = await self._add([each for each in zip(changed, backends, strict=True) if each[0].key not in self._systems])
        await self.hub.links.give(config.message_links)
        for key in [key for key in self._systems if key not in config.systems]:
            await self._end_forced_alarms(key)
            await _end(self._systems.pop(key).task)
            self.hub.remove_system(key)
        for system, backend in zip(changed, backends, strict=True):
            if system.key in self._systems:
                await _end(self._systems.pop(system.key).task)
                feeds[system.key] = await self._add_one(system, backend)
            supervisor = Supervisor(system.key, backend, feeds[system.key], self._clock, secrets=self._secrets)
            task = group.create_task(supervisor.run(), name=f"system {system.key}")
            self._systems[system.key] = _Running(config=system, task=task)
        await self._start_changed_sinks(group, config)

    async def _start_changed_sinks(self, group: asyncio.TaskGroup, config: Config) -> None:
        made_from = {section: (sink, config.identity) for section, sink in config.sinks.items()}
        for section in [section for section, running in self._sinks.items() if running.config != made_from.get(section)]:
            await _end(self._sinks.pop(section).task)
        for section, (sink, identity) in made_from.items():
            if section not in self._sinks:
                name = sink.kind.name
                make = partial(sink.kind.create, sink.settings, identity, self._clock)
                task = group.create_task(self._keep_sink(name, make), name=name)
                self._sinks[section] = _Running(config=(sink, identity), task=task)
        if _SCRIPTS not in made_from:
            self.hub.own_entities.settle(())  # else who runs scripts says which there are

    def _runs(self, key: str, system: SystemConfig) -> bool:
        return key in self._systems and self._systems[key].config == system

    async def _add(self, systems: Sequence[tuple[SystemConfig, Backend]]) -> dict[str, SystemFeed]:
        """Take new systems into the hub: all of them, or none. Raises StoreError."""
        feeds: dict[str, SystemFeed] = {}
        try:
            for system, backend in systems:
                feeds[system.key] = await self._add_one(system, backend)
        except BaseException:
            for key in feeds:
                self.hub.remove_system(key)
            raise
        return feeds

    async def _add_one(self, system: SystemConfig, backend: Backend) -> SystemFeed:
        return await self.hub.add_system(
            key=system.key, kind=system.kind.name, name=system.name, rules=system.rules, backend=backend
        )

    async def _end_forced_alarms(self, system: str | None = None) -> None:
        """End alarms that were forced for a time before it: nobody would later."""
        try:
            async with self._clock.timeout(_STOP_S):
                await self.hub.end_forced_alarms(system)
        except TimeoutError:
            _LOGGER.warning("alarms that were forced for a time could not be ended before the stop")

    async def _backend(self, system: SystemConfig) -> Backend:
        """Make the system's backend, or what stands in for it: the kind may be broken, and the other systems go on."""
        try:
            backend = await make_backend(system.kind, system.key, system.settings, self._clock)
        except BridgeError as error:
            return BrokenBackend(system.kind.name, error)
        self._secrets.include(f"system {system.key}", secrets_of(backend))
        return backend

    def _readings(self) -> Iterator[Reading]:
        for running in self._sinks.values():
            name = running.task.get_name()
            yield metrics.SINK_RESTARTS.of(self._sink_restarts[name], name)

    async def _keep_sink(self, name: str, make: Callable[[], Sink]) -> None:
        """Run a sink, and make it anew whenever it fails, so that it stops no other part. Raises what is fatal."""
        boundary = Boundary(f"the sink {name}", self._clock)
        trouble = Trouble(_LOGGER, f"the sink {name} is started anew", self._clock.monotonic)
        while True:
            began = self._clock.monotonic()
            outcome = await boundary.attempt("run", lambda: make().run(self.hub), grace_s=_STOP_S)
            if self._clock.monotonic() - began >= HEALTHY_S:
                trouble.over()
            error = explained(outcome.error) if outcome.error is not None else BridgeError("it has ended by itself")
            if error.is_fatal:
                raise error
            self._sink_restarts[name] += 1
            trouble.report(error, hint="" if isinstance(error, BackendDefect) else error.hint, code=error.code)
            await self._clock.sleep(_SINK_RESTART_S)


def run(path: Path, secrets: Secrets | None = None) -> int:
    """Run the bridge by the configuration in `path` until SIGTERM or SIGINT; return the exit code.

    `secrets` collects what must not appear in the log, nor in what the caller says of an error.
    """
    config = load(path)
    secrets = Secrets() if secrets is None else secrets
    secrets.include("configuration", config.secrets())
    configure(config.log.level, config.log.format, secrets=secrets)
    for remark in (*config.remarks, *config.exposures):
        _LOGGER.warning("%s", remark)
    if (root := root_flaw()) is not None:
        _LOGGER.warning("%s", root)
    _LOGGER.info("VMS Bridge %s starts, instance %s, configuration %s", __version__, config.instance, path)
    try:
        asyncio.run(_serve(path, config, secrets))
    except BridgeError as error:
        _LOGGER.critical("%s", in_words(error))
        return _REFUSED if isinstance(error, RivalBridge) else _FAILED
    _LOGGER.info("VMS Bridge has stopped")
    return _STOPPED


async def _serve(path: Path, config: Config, secrets: Secrets) -> None:
    bridge = Bridge(config, SystemClock(), secrets=secrets)
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
    return config.instance, config.data_dir, config.retention, config.index, config.clips, _durable_sinks(config)


def _clip_rules(config: Config) -> ClipRules:
    clips = config.clips
    return ClipRules(
        folder=config.data_dir,
        most_s=clips.minutes * 60,
        most_bytes=clips.megabytes * 1_000_000,
        spool_bytes=clips.spool_megabytes * 1_000_000,
        kept_s=clips.kept_minutes * 60,
    )


def _durable_sinks(config: Config) -> tuple[str, ...]:
    """Return the names of the sinks that have an outbox."""
    return tuple(sorted(sink.kind.name for sink in config.sinks.values() if sink.kind.is_durable))


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a part and wait until it has cleaned up; its own failure is reported by its group."""
    task.cancel()
    await asyncio.wait([task])
