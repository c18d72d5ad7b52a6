"""The configuration: one YAML file, checked to its last key before anything starts."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, create_model, field_validator
from pydantic_core import PydanticCustomError

from vms_bridge import __version__
from vms_bridge.backends import kind_names, load_kind
from vms_bridge.concealment import Secrets
from vms_bridge.config.check import Checker, nearest, plain_secrets, values_below
from vms_bridge.config.file import Document, KeyPath, Remark, exposed, read_document
from vms_bridge.config.keeping import ClipsConfig, IndexConfig, RetentionConfig
from vms_bridge.doors import TlsOptions
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
from vms_bridge.sinks import ApiAddress, BridgeIdentity, load_sink_kind, sections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vms_bridge.backends.base import BackendKind
    from vms_bridge.links import MessageLinks
    from vms_bridge.sinks import SinkKind

_T = TypeVar("_T")
_KEY_HINT = "a lower-case letter, then letters, digits and _, at most 32 characters"
_MONITOR_KEY_HINT = f"letters, digits, _ and -, at most 48, and not {', '.join(sorted(RESERVED_MONITORS))}"

InstanceName = Annotated[str, Field(pattern=f"^{INSTANCE_PATTERN.pattern}$")]


def _on_one_line(name: str) -> str:
    if not name.isprintable():
        raise ValueError("has a line break or a character that can't be seen")
    return name


DisplayName = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_on_one_line)]


class LogConfig(BaseModel):
    """What is logged, and how it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="choose the least severe lines to write: debug, info, warning or error"
    )
    format: Literal["text", "json"] = Field(
        default="text", description="choose text for people, or json for programs: one object a line"
    )


class MonitorOptions(BaseModel):
    """What may be said of one monitor, below `monitors:` and its id in the VMS."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str | None = Field(default=None, description=f"write its name in topics and ids: {_MONITOR_KEY_HINT}")
    name: DisplayName | None = Field(default=None, description="write its name for people, 1 to 128 characters, such as Driveway")
    area: DisplayName | None = Field(
        default=None, description="write the area that Home Assistant is to suggest for it, such as Garden"
    )
    enabled: bool = Field(default=True, description="write false to hide the monitor, true to show it")

    @field_validator("key")
    @classmethod
    def _check_key(cls, key: str | None) -> str | None:
        if key is not None and not is_monitor_key(key):
            raise ValueError("a monitor can't have this key")
        return key


class SystemOptions(BaseModel):
    """What may be said of any system; the other keys are those of its type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(description="name the kind of system, as in `type: zoneminder`")
    name: DisplayName | None = Field(
        default=None, description="write its name for people, 1 to 128 characters, such as ZoneMinder"
    )
    monitors: dict[str, object] = Field(
        default_factory=dict,
        description='write which monitors to show, and how, as in `monitors: {exclude: ["*test*"], 3: {name: Driveway}}`',
    )


class FileOptions(BaseModel):
    """The top level of the file, but for the sections of sinks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instance: InstanceName = Field(default="home", description=f"write a name for all topics and ids, such as home: {_KEY_HINT}")
    name: DisplayName = Field(default="VMS Bridge", description="write the bridge's name for people, 1 to 128 characters")
    previous_instance: InstanceName | None = Field(
        default=None, description="write an earlier `instance`, whose topics are to be cleared, or leave it out"
    )
    data_dir: Path | None = Field(
        default=None, description="name the directory for the bridge's state, such as /var/lib/vms-bridge"
    )
    log: LogConfig = Field(
        default=LogConfig(), description="write what is logged, and how, as in `log: {level: info, format: text}`"
    )
    retention: RetentionConfig = Field(
        default=RetentionConfig(), description="write how much is kept, as in `retention: {days: 8, undelivered: 500000}`"
    )
    index: IndexConfig = Field(
        default=IndexConfig(), description="write how many events can be searched, as in `index: {events: 1000000}`"
    )
    clips: ClipsConfig = Field(
        default=ClipsConfig(), description="write how large clips may be, as in `clips: {minutes: 10, megabytes: 500}`"
    )
    systems: dict[str, dict[str, object]] = Field(
        min_length=1,
        description="write the systems to connect to, each by a key of your choice, as in"
        ' `systems: {zm: {type: zoneminder, url: "http://127.0.0.1/zm"}}`',
    )

    @field_validator("previous_instance")
    @classmethod
    def _check_previous(cls, previous: str | None, info: ValidationInfo) -> str | None:
        if previous is not None and previous == info.data.get("instance"):
            raise PydanticCustomError("previous", "is the same as instance", {"remedy": "leave it out"})
        return previous


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemConfig:
    """One system to connect to."""

    key: str
    kind: BackendKind
    name: str
    rules: MonitorRules
    settings: BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkConfig:
    """One sink to report to."""

    kind: SinkKind
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
    index: IndexConfig = field(default_factory=IndexConfig)
    clips: ClipsConfig = field(default_factory=ClipsConfig)
    sinks: Mapping[str, SinkConfig] = field(default_factory=dict)
    """By their sections."""
    remarks: tuple[Remark, ...] = ()
    exposures: tuple[Remark, ...] = ()
    """What others on this machine can do to it."""

    @property
    def identity(self) -> BridgeIdentity:
        """Who the bridge is by it."""
        return BridgeIdentity(
            instance=self.instance,
            name=self.name,
            version=__version__,
            previous_instance=self.previous_instance,
            data_dir=self.data_dir,
            api=self._api,
        )

    @property
    def _api(self) -> ApiAddress | None:
        """Where clients reach the bridge, if one of the sinks is its API."""
        return _said_by(self.sinks, lambda sink: sink.kind.address(sink.settings))

    @property
    def message_links(self) -> MessageLinks | None:
        """How event messages are given links, if one of the sinks serves these and they are to have any."""
        return _said_by(self.sinks, lambda sink: sink.kind.message_links(sink.settings))

    def secrets(self) -> Secrets:
        """Return all that is secret in it, to be struck out of whatever is reported."""
        sinks = (sink.settings for sink in self.sinks.values())
        return Secrets.of(*sinks, *(system.settings for system in self.systems.values()))


def _said_by(sinks: Mapping[str, SinkConfig], ask: Callable[[SinkConfig], _T | None]) -> _T | None:
    """Return what the first of the sinks says that says something."""
    for sink in sinks.values():
        with suppress(Exception):  # the border to packages of others
            if (said := ask(sink)) is not None:
                return said
    return None


def load(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read and check the configuration file. Raises InvalidConfig with every mistake found; reads no other state."""
    return _Loader(path, read_document(path, environ), environ).config()


class _Loader:
    """Makes the configuration from one document; used once."""

    def __init__(self, path: Path, document: Document, environ: Mapping[str, str]) -> None:
        self._path, self._document, self._environ = path, document, environ
        self._check = Checker(path, document)
        self._sections = [section for section in sections() if section not in FileOptions.model_fields]

    def config(self) -> Config:
        values = self._document.values
        kinds = self._sink_kinds()
        model = self._with_sections(kinds)
        top = self._check.model(model, values, ())
        written = values.get("systems")
        systems = self._systems(written) if isinstance(written, dict) else {}
        data_dir = (top and top.data_dir) or default_data_dir(self._environ)
        if data_dir is None and values.get("data_dir") is None:
            self._check.mistake(
                "is missing, and there is no home directory", ("data_dir",), "name a directory for the bridge's state"
            )
        if self._check.mistakes or top is None or data_dir is None:
            raise InvalidConfig(sorted(self._check.mistakes, key=lambda mistake: mistake.line or 0))
        sinks = {name: SinkConfig(kind=kind, settings=getattr(top, name)) for name, kind in kinds.items()}
        return Config(
            instance=top.instance,
            name=top.name,
            previous_instance=top.previous_instance,
            data_dir=data_dir,
            log=top.log,
            retention=top.retention,
            index=top.index,
            clips=top.clips,
            sinks=sinks,
            systems=systems,
            remarks=tuple(self._remarks(top, sinks, systems)),
            exposures=tuple(self._exposures(sinks, systems)),
        )

    def _sink_kinds(self) -> dict[str, SinkKind]:
        """Return the kinds of sink that the file has sections for, by section: nothing of the others is imported."""
        kinds: dict[str, SinkKind] = {}
        for section in self._sections:
            if section not in self._document.values:
                continue
            try:
                kind = load_sink_kind(section)
                if kind.name in {other.name for other in kinds.values()}:
                    self._check.key_mistake(f"there are two sinks named {kind.name!r}", (section,), "leave one of them out")
                kinds[section] = kind
            except Exception as error:  # noqa: BLE001  # the border to packages of others: importing them may fail in any way
                hint = "reinstall or upgrade the package that offers it"
                self._check.mistake(f"this sink can't be loaded: {type(error).__name__}", (section,), hint)
        return kinds

    def _with_sections(self, kinds: Mapping[str, SinkKind]) -> type[FileOptions]:
        """Return the model of the top level with these sinks' sections; those that the file does not have are named only."""
        fields: dict[str, Any] = dict.fromkeys(self._sections, (object, None))
        fields |= {section: (kind.config, Field(description=kind.remedy)) for section, kind in kinds.items()}
        return create_model("FileOptions", __base__=FileOptions, **fields)

    def _systems(self, sections: Mapping[str, object]) -> dict[str, SystemConfig]:
        systems = {}
        for key, section in sections.items():
            path = ("systems", key)
            if key in RESERVED_SYSTEMS:
                self._check.key_mistake(
                    "a system can't have this key", path, f"choose another; reserved are {', '.join(sorted(RESERVED_SYSTEMS))}"
                )
            elif not INSTANCE_PATTERN.fullmatch(key):
                self._check.key_mistake("a system can't have this key", path, f"choose another: {_KEY_HINT}")
            if isinstance(section, dict) and (system := self._system(key, section, path)):
                systems[key] = system
        return systems

    def _system(self, key: str, section: Mapping[str, object], path: KeyPath) -> SystemConfig | None:
        common = {name: value for name, value in section.items() if name in SystemOptions.model_fields}
        options = self._check.model(SystemOptions, common, path)
        monitors = section.get("monitors")
        rules = self._rules(monitors, (*path, "monitors")) if isinstance(monitors, dict) else MonitorRules()
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
            place = (*path, monitor_id)
            if not isinstance(said, dict) and (hint := nearest(monitor_id, list(_Patterns.model_fields))):
                self._check.key_mistake("there is no such option", place, hint)
            elif not isinstance(said, dict):
                hint = "write its options below the monitor's id, as in `3: {name: Driveway}`"
                self._check.mistake("expected a mapping of keys to values", place, hint)
            elif options := self._check.model(MonitorOptions, said, place):
                rules[monitor_id] = MonitorRule(**options.model_dump())
        self._check_monitor_keys(monitors, path)
        return MonitorRules(include=chosen.include, exclude=chosen.exclude, monitors=rules) if chosen else None

    def _check_monitor_keys(self, monitors: Mapping[str, object], path: KeyPath) -> None:
        """Compare the keys as they are written, so that no other mistake hides that two are the same."""
        owners: dict[str, str] = {}
        for monitor_id, said in monitors.items():
            if not isinstance(said, dict):
                continue
            key = said.get("key") or monitor_key(monitor_id)
            if not isinstance(key, str) or not is_monitor_key(key):
                continue
            if key in owners:
                place = (*path, monitor_id, "key")
                self._check.mistake(f"monitor {owners[key]} has the same key", place, "give one of them another")
            owners.setdefault(key, monitor_id)

    def _remarks(
        self, top: FileOptions, sinks: Mapping[str, SinkConfig], systems: Mapping[str, SystemConfig]
    ) -> Iterator[Remark]:
        yield from self._document.remarks
        if not sinks:
            listeners = " or ".join(f"`{section}:`" for section in self._sections)
            hint = 'name a broker, as in `mqtt: {url: "mqtt://127.0.0.1"}`'
            yield Remark(f"there is no section {listeners}: nobody receives what the bridge reports", hint)
        for section, sink in sinks.items():
            yield from self._model_remarks(sink.settings, (section,))
        for key, system in systems.items():
            yield from self._model_remarks(system.settings, ("systems", key))
            days = getattr(system.settings, "catch_up_days", 0)  # by this name in every kind that has it
            if isinstance(days, int | float) and days > top.retention.days:
                text = f"systems.{key}.catch_up_days ({days:g}) reaches further back than retention.days ({top.retention.days})"
                hint = "set catch_up_days lower or retention.days higher: a forgotten event could be reported twice"
                yield Remark(text, hint)

    def _exposures(self, sinks: Mapping[str, SinkConfig], systems: Mapping[str, SystemConfig]) -> Iterator[Remark]:
        """Say so where others can put their own words into the file, or read the secrets, keys and pictures that it leads to."""
        models: list[tuple[KeyPath, BaseModel]] = [(("systems", key), system.settings) for key, system in systems.items()]
        models += [((section,), sink.settings) for section, sink in sinks.items()]
        has_secrets = any(True for path, model in models for _ in plain_secrets(model, path, self._document))
        with suppress(OSError):
            mode = self._path.stat().st_mode
            yield from exposed(self._path, "the configuration in", mode if has_secrets else mode & ~stat.S_IROTH)
        for path, model in models:
            for place, value in values_below(model, path):
                if isinstance(value, Path) and place[-1].endswith("key"):
                    with suppress(OSError):
                        yield from exposed(value, f"the key of {'.'.join(place)},", value.stat().st_mode)
        readers = " and ".join(section for section, sink in sinks.items() if sink.kind.is_durable)
        if readers and (links := _said_by(sinks, lambda sink: sink.kind.message_links(sink.settings))) is not None:
            what = "pictures and clips" if links.clip else "pictures"
            text = f"whoever reads event messages by {readers} can open {what} of events"
            yield Remark(text, "message_links: none, or let nobody read them who may not see these; programs may keep them")

    def _model_remarks(self, model: BaseModel, path: KeyPath) -> Iterator[Remark]:
        for place, value in values_below(model, path):
            for name, hint in value.without_effect() if isinstance(value, TlsOptions) else ():
                yield Remark(f"{'.'.join((*place, name))} has no effect", hint)
        for key in plain_secrets(model, path, self._document):
            hint = "write `!file NAME` or `!env NAME`, which keeps it out of backups and of what you show to others"
            yield Remark(f"{key} is in the file in plain text", hint)


class _Patterns(BaseModel):
    """Which monitors to show, beside what is said of single ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    include: tuple[str, ...] = Field(
        default=(), description='write a list of the ids or names to show, as in `include: ["1", "Drive*"]`'
    )
    exclude: tuple[str, ...] = Field(
        default=(), description='write a list of the ids or names to hide, as in `exclude: ["*test*"]`'
    )


def default_data_dir(environ: Mapping[str, str]) -> Path | None:
    """Return where state is kept unless configured: systemd's $STATE_DIRECTORY, else the XDG state directory."""
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])  # systemd.exec(5): several are separated by a colon
    if (state := environ.get("XDG_STATE_HOME")) and Path(state).is_absolute():
        return Path(state) / "vms-bridge"
    return Path(home) / ".local/state/vms-bridge" if (home := environ.get("HOME")) else None
