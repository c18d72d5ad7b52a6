"""The configuration: one YAML file, checked to its last key before anything starts."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vms_bridge.backends import kind_names, load_kind
from vms_bridge.config_check import Checker, nearest, plain_secrets
from vms_bridge.config_file import Document, KeyPath, read_document
from vms_bridge.errors import InvalidConfig
from vms_bridge.keys import (
    INSTANCE_PATTERN,
    RESERVED_MONITORS,
    RESERVED_SYSTEMS,
    MonitorRule,
    MonitorRules,
    is_monitor_key,
    monitor_key,
)
from vms_bridge.mqtt.config import MqttConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vms_bridge.backends.base import BackendKind

_KEY_HINT = "a lower-case letter, then letters, digits and _, at most 32 characters"
_NOT_YET = {"http": "this version has no HTTP API; leave the section out"}

InstanceName = Annotated[str, Field(pattern=f"^{INSTANCE_PATTERN.pattern}$")]
DisplayName = Annotated[str, Field(min_length=1, max_length=128)]


class LogConfig(BaseModel):
    """What is logged, and how it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="the least severe lines to write")
    format: Literal["text", "json"] = Field(default="text", description="text for people, or one JSON object a line")


class RetentionConfig(BaseModel):
    """How much the bridge keeps of what it has told, and of what nobody has taken yet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = Field(default=8, ge=1, le=365, description="days that events, and messages for an absent broker, are kept")
    undelivered: int = Field(default=500_000, ge=1000, le=10_000_000, description="messages kept for an absent broker, at most")


class MonitorOptions(BaseModel):
    """What may be said of one monitor, below `monitors:` and its id in the VMS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str | None = Field(default=None, description="its name in topics and ids, instead of the VMS's id")
    name: DisplayName | None = Field(default=None, description="its name for people, instead of the VMS's")
    area: DisplayName | None = Field(default=None, description="the area that Home Assistant is to suggest for it")
    enabled: bool = Field(default=True, description="false hides the monitor")


class SystemOptions(BaseModel):
    """What may be said of any system; the other keys are those of its type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(description="the kind of system")
    name: DisplayName | None = Field(default=None, description="its name for people")
    monitors: dict[str, object] = Field(default_factory=dict, description="which monitors to show, and how")


class FileOptions(BaseModel):
    """The top level of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instance: InstanceName = Field(
        default="home", description=f"identity in every topic and id, never to be changed later: {_KEY_HINT}"
    )
    name: DisplayName = Field(default="VMS Bridge", description="the bridge's name for people")
    previous_instance: InstanceName | None = Field(
        default=None, description="an earlier `instance`, whose topics are to be cleared"
    )
    data_dir: Path | None = Field(default=None, description="where the bridge keeps its state")
    log: LogConfig = Field(default=LogConfig(), description="logging")
    retention: RetentionConfig = Field(default=RetentionConfig(), description="how much is kept, and for how long")
    mqtt: MqttConfig | None = Field(default=None, description="the broker")
    systems: dict[str, dict[str, object]] = Field(
        min_length=1, description="the systems to connect to, each by a key of your choice"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemConfig:
    """One system to connect to."""

    key: str
    kind: BackendKind
    name: str
    rules: MonitorRules
    settings: BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that is configured; `remarks` are what the person who wrote it should know, though it works."""

    instance: str
    name: str
    data_dir: Path
    systems: Mapping[str, SystemConfig]
    previous_instance: str | None = None
    log: LogConfig = field(default_factory=LogConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    mqtt: MqttConfig | None = None
    remarks: tuple[str, ...] = ()


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read and check the configuration file. Raises InvalidConfig with every mistake found; reads no other state."""
    return _Loader(path, read_document(path, environ), environ).config()


class _Loader:
    """Makes the configuration from one document; used once."""

    def __init__(self, path: Path, document: Document, environ: Mapping[str, str]) -> None:
        self._document, self._environ = document, environ
        self._check = Checker(path, document)

    def config(self) -> Config:
        values = self._document.values
        top = self._check.model(FileOptions, {key: value for key, value in values.items() if key not in _NOT_YET}, ())
        for key in values.keys() & _NOT_YET.keys():
            self._check.mistake("there is no such option yet", (key,), _NOT_YET[key])
        sections = values.get("systems")
        systems = self._systems(sections) if isinstance(sections, dict) else {}
        data_dir = (top and top.data_dir) or _default_data_dir(self._environ)
        if data_dir is None:
            self._check.mistake(
                "is missing, and there is no home directory", ("data_dir",), "name a directory for the bridge's state"
            )
        if top and top.previous_instance == top.instance:
            self._check.mistake("is the same as instance", ("previous_instance",), "leave it out")
        if self._check.mistakes or top is None or data_dir is None:
            raise InvalidConfig(sorted(self._check.mistakes, key=lambda mistake: mistake.line or 0))
        return Config(
            instance=top.instance,
            name=top.name,
            previous_instance=top.previous_instance,
            data_dir=data_dir,
            log=top.log,
            retention=top.retention,
            mqtt=top.mqtt,
            systems=systems,
            remarks=tuple(self._remarks(top.mqtt, systems)),
        )

    def _systems(self, sections: Mapping[str, object]) -> dict[str, SystemConfig]:
        systems = {}
        for key, section in sections.items():
            path = ("systems", key)
            if key in RESERVED_SYSTEMS:
                self._check.mistake("a system can't have this key", path, f"reserved are {', '.join(sorted(RESERVED_SYSTEMS))}")
            elif not INSTANCE_PATTERN.fullmatch(key):
                self._check.mistake("a system can't have this key", path, _KEY_HINT)
            if isinstance(section, dict) and (system := self._system(key, section, path)):
                systems[key] = system
        return systems

    def _system(self, key: str, section: Mapping[str, object], path: KeyPath) -> SystemConfig | None:
        common = {name: value for name, value in section.items() if name in SystemOptions.model_fields}
        options = self._check.model(SystemOptions, common, path)
        rules = self._rules(options.monitors, (*path, "monitors")) if options else None
        kind = self._kind(section.get("type"), (*path, "type"))
        if kind is None:
            return None
        own = {name: value for name, value in section.items() if name not in SystemOptions.model_fields}
        settings = self._check.model(kind.config, own, path, also=list(SystemOptions.model_fields))
        if options is None or rules is None or settings is None:
            return None
        return SystemConfig(key=key, kind=kind, name=options.name or kind.title, rules=rules, settings=settings)

    def _kind(self, name: object, path: KeyPath) -> BackendKind | None:
        """Return the kind of system; that none is named has been said already."""
        if not isinstance(name, str):
            return None
        if name not in (names := kind_names()):
            self._check.mistake("there is no such kind of system", path, nearest(name, names) or f"there are: {', '.join(names)}")
            return None
        try:
            return load_kind(name)
        except Exception as error:  # noqa: BLE001  # the border to packages of others: importing them may fail in any way
            hint = "reinstall or upgrade the package that offers it"
            self._check.mistake(f"this kind of system can't be loaded: {type(error).__name__}", path, hint)
            return None

    def _rules(self, monitors: Mapping[str, object], path: KeyPath) -> MonitorRules | None:
        patterns = {name: monitors[name] for name in ("include", "exclude") if name in monitors}
        chosen = self._check.model(_Patterns, patterns, path)
        rules = {}
        for monitor_id, said in monitors.items():
            if monitor_id in patterns:
                continue
            if not isinstance(said, dict):
                hint = (
                    nearest(monitor_id, ("include", "exclude"))
                    or "write its options below the monitor's id, as in `3: {name: Driveway}`"
                )
                self._check.mistake("expected a mapping of keys to values", (*path, monitor_id), hint)
            elif options := self._check.model(MonitorOptions, said, (*path, monitor_id)):
                rules[monitor_id] = MonitorRule(**options.model_dump())
        self._check_monitor_keys(rules, path)
        return MonitorRules(include=chosen.include, exclude=chosen.exclude, monitors=rules) if chosen else None

    def _check_monitor_keys(self, rules: Mapping[str, MonitorRule], path: KeyPath) -> None:
        owners: dict[str, str] = {}
        for monitor_id, rule in rules.items():
            place = (*path, monitor_id, "key")
            if rule.key is not None and not is_monitor_key(rule.key):
                hint = f"letters, digits, _ and -, at most 48, and not {', '.join(sorted(RESERVED_MONITORS))}"
                self._check.mistake("a monitor can't have this key", place, hint)
            key = rule.key or monitor_key(monitor_id)
            if key in owners:
                self._check.mistake(f"monitor {owners[key]} has the same key", place, "give one of them another")
            owners.setdefault(key, monitor_id)

    def _remarks(self, mqtt: MqttConfig | None, systems: Mapping[str, SystemConfig]) -> Iterator[str]:
        yield from self._document.remarks
        if mqtt is None:
            yield "there is no `mqtt:` section: nobody hears what the bridge sees"
        else:
            yield from (_plain(key) for key in plain_secrets(mqtt, ("mqtt",), self._document))
        for key, system in systems.items():
            yield from (_plain(option) for option in plain_secrets(system.settings, ("systems", key), self._document))


class _Patterns(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    include: tuple[str, ...] = Field(default=(), description="show only monitors whose id or name is like one of these")
    exclude: tuple[str, ...] = Field(default=(), description="do not show monitors whose id or name is like one of these")


def _plain(key: str) -> str:
    return (
        f"{key} stands in the file as it is; `!file PATH` or `!env NAME` keeps it out of backups and of what you show to others"
    )


def _default_data_dir(environ: Mapping[str, str]) -> Path | None:
    """Return where state is kept unless configured: systemd's $STATE_DIRECTORY, else the XDG state directory."""
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])  # systemd.exec(5): several are separated by a colon
    if (state := environ.get("XDG_STATE_HOME")) and Path(state).is_absolute():
        return Path(state) / "vms-bridge"
    return Path(home) / ".local/state/vms-bridge" if (home := environ.get("HOME")) else None
