"""Every topic that the bridge uses, and the way back from a topic to what it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vms_bridge.commands import TargetKind
from vms_bridge.keys import INSTANCE_PATTERN, RESERVED_SYSTEMS, is_monitor_key

ROOT = "vms_bridge"
_BRIDGE_OBJECT = "_bridge"  # a system starts with a letter, so none can be called this
_SCRIPT_OBJECT = "_script"
_SCRIPT = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class CommandTarget:
    """What a command topic names: a system, or (with `monitor`) one of its monitors, and the command.

    The payload of a command on an event says which of the system's it is.
    """

    system: str
    monitor: str | None
    command: str
    is_on_event: bool = False

    @property
    def kind(self) -> TargetKind:
        """What the command is about."""
        if self.is_on_event:
            return TargetKind.EVENT
        return TargetKind.SYSTEM if self.monitor is None else TargetKind.MONITOR


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a retained topic of ours is about: the bridge (all None), a system, a monitor, or what belongs to a script."""

    system: str | None = None
    monitor: str | None = None
    script: str | None = None


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one instance, and those of its discovery payloads in Home Assistant."""

    instance: str
    discovery_prefix: str = "homeassistant"

    @property
    def root(self) -> str:
        """What all of the instance's topics begin with."""
        return f"{ROOT}/{self.instance}"

    @property
    def status(self) -> str:
        """`online` or `offline`; retained, and the will."""
        return f"{self.root}/status"

    @property
    def info(self) -> str:
        """The hello; retained, and the same for as long as the bridge is configured as it is."""
        return f"{self.root}/info"

    @property
    def health(self) -> str:
        """How the bridge fares; retained."""
        return f"{self.root}/health"

    @property
    def ack(self) -> str:
        """What became of commands."""
        return f"{self.root}/ack"

    @property
    def replay(self) -> str:
        """Whoever publishes here gets everything current once more."""
        return f"{self.root}/replay"

    @property
    def sync(self) -> str:
        """What the bridge sends to itself, to know when it has got all that is retained."""
        return f"{self.root}/sync"

    @property
    def marker(self) -> str:
        """What is retained for a moment, to see whether `marker_filter` shows it."""
        return f"{self.sync}/retained"

    @property
    def marker_filter(self) -> str:
        """A wildcard that covers nothing but the marker."""
        return f"{self.sync}/+"

    @property
    def notification(self) -> str:
        """Messages of scripts to people."""
        return f"{self.root}/notification"

    @property
    def event(self) -> str:
        """The event messages of all monitors."""
        return f"{self.root}/event"

    def system_state(self, system: str) -> str:
        """Return the topic of a system's current state, retained."""
        return f"{self.root}/{system}/state"

    def monitor_state(self, system: str, key: str) -> str:
        """Return the topic of a monitor's current state, retained."""
        return f"{self.root}/{system}/{key}/state"

    def monitor_event(self, system: str, key: str) -> str:
        """Return where the event messages of one monitor go; never retained."""
        return f"{self.root}/{system}/{key}/event"

    def last_event(self, system: str, key: str) -> str:
        """Return the topic of the newest event as it is now, retained."""
        return f"{self.root}/{system}/{key}/last_event"

    def snapshot(self, system: str, key: str) -> str:
        """Return the topic of the newest event's best picture, retained."""
        return f"{self.root}/{system}/{key}/snapshot"

    def object_picture(self, system: str, key: str, part: str) -> str:
        """Return where the best picture of something that is looked for goes; never retained, so that none is left behind."""
        return f"{self.root}/{system}/{key}/object/{part}"

    def detection(self, system: str, key: str) -> str:
        """Return where the objects seen in one frame go; never retained."""
        return f"{self.root}/{system}/{key}/detection"

    def monitor_retained(self, system: str, key: str) -> tuple[str, ...]:
        """Return all retained topics of a monitor in the order in which to clear them.

        The picture comes first, because a leftover is found again after an interruption by the others only.
        """
        return self.snapshot(system, key), self.last_event(system, key), self.monitor_state(system, key)

    @property
    def command_filters(self) -> tuple[str, ...]:
        """What to subscribe to, to receive every command to a system or a monitor, or on an event."""
        return f"{self.root}/+/set/+", f"{self.root}/+/+/set/+"

    @property
    def own_state_filters(self) -> tuple[str, ...]:
        """What to subscribe to, to find systems and monitors that an earlier run has left on the broker.

        Not by their pictures: those would all be sent, and each is beside a newest event.
        """
        return f"{self.root}/+/state", f"{self.root}/+/+/state", f"{self.root}/+/+/last_event"

    @property
    def never_retained(self) -> tuple[str, ...]:
        """What to subscribe to, to find what somebody else has had retained where nothing must be."""
        return self.event, self.ack, f"{self.root}/+/+/event", f"{self.root}/+/+/detection"

    @property
    def own_discovery_filter(self) -> str:
        """What to subscribe to, to see this instance's discovery payloads and no one else's."""
        return f"{self._discovery_root}/+/config"

    @property
    def bridge_discovery(self) -> str:
        """The discovery payload of the bridge's own device."""
        return f"{self._discovery_root}/{_BRIDGE_OBJECT}/config"

    def system_discovery(self, system: str) -> str:
        """Return the topic of the discovery payload of a system's device."""
        return f"{self._discovery_root}/{system}/config"

    def monitor_discovery(self, system: str, key: str) -> str:
        """Return that of a monitor's device. A system has no hyphen, so the first one ends it."""
        return f"{self._discovery_root}/{system}-{key}/config"

    def script_discovery(self, name: str) -> str:
        """Return that of the device of a script's own entities."""
        return f"{self._discovery_root}/{_SCRIPT_OBJECT}-{name}/config"

    def script_status(self, name: str) -> str:
        """Return the topic of how a script fares, retained."""
        return f"{self.scripts}{name}/status"

    def script_log(self, name: str) -> str:
        """Return where the lines of a script's log go; never retained."""
        return f"{self.scripts}{name}/log"

    def script_state(self, name: str, key: str) -> str:
        """Return the topic of how a script's own entity is, retained."""
        return f"{self.scripts}{name}/{key}/state"

    def script_event(self, name: str, key: str) -> str:
        """Return where a script's own event fires; never retained."""
        return f"{self.scripts}{name}/{key}/event"

    def script_commands(self, name: str) -> str:
        """Return what the topics of commands to a script's own entities begin with; `command_filters` find them."""
        return f"{self.scripts}{name}/set"

    @property
    def scripts(self) -> str:
        """What all topics of scripts begin with: no system can be called so."""
        return f"{self.root}/script/"

    @property
    def script_filters(self) -> tuple[str, ...]:
        """What to subscribe to, to find what an earlier run has left of scripts."""
        return f"{self.scripts}+/status", f"{self.scripts}+/+/state"

    @property
    def births(self) -> tuple[str, ...]:
        """Where Home Assistant says that it has come up (`online`).

        Its default does not follow the discovery prefix; who sets another prefix may well have set this topic too.
        """
        return tuple(dict.fromkeys(("homeassistant/status", f"{self.discovery_prefix}/status")))

    @property
    def _discovery_root(self) -> str:
        return f"{self.discovery_prefix}/device/{ROOT}_{self.instance}"

    def kind(self, topic: str) -> str:
        """Return a filter for all topics of ours that say the same, whatever system or monitor they are about."""
        if self.parse_discovery(topic) is not None:
            return self.own_discovery_filter
        if not (levels := self._levels(topic)):
            return topic
        return "/".join([self.root, *("+" for _ in levels[:-1]), levels[-1]])

    def parse_command(self, topic: str) -> CommandTarget | None:
        """Return what a command topic names, or None if this is none or its keys can't be ours."""
        match self._levels(topic):
            case [system, "set", command] if _is_system(system) and command:
                return CommandTarget(system, None, command)
            case [system, "event", "set", command] if _is_system(system) and command:  # no monitor can be called so
                return CommandTarget(system, None, command, is_on_event=True)
            case [system, monitor, "set", command] if _is_system(system) and is_monitor_key(monitor) and command:
                return CommandTarget(system, monitor, command)
        return None

    def stray_command(self, topic: str) -> CommandTarget | None:
        """Return what a topic of a command's shape seems to name, whether that can be ours or not; None for another shape."""
        match self._levels(topic):
            case [system, "set", command]:
                return CommandTarget(system, None, command)
            case [system, monitor, "set", command]:
                return CommandTarget(system, monitor, command)
        return None

    def parse_script_command(self, topic: str) -> tuple[str, str] | None:
        """Return whose entity a command's topic names, and which; None if it is not of a script's entity."""
        match self._levels(topic):
            case ["script", name, "set", key] if _SCRIPT.fullmatch(name) and _SCRIPT.fullmatch(key):
                return name, key
        return None

    def parse_script(self, topic: str) -> tuple[str, str | None] | None:
        """Return whose retained topic this is, and of which entity (None: of the script itself); None if it is none."""
        match self._levels(topic):
            case ["script", name, "status"] if _SCRIPT.fullmatch(name):
                return name, None
            case ["script", name, key, "state"] if _SCRIPT.fullmatch(name) and _SCRIPT.fullmatch(key):
                return name, key
        return None

    def parse_state(self, topic: str) -> Subject | None:
        """Return whom one of our retained topics (state, last event, snapshot) is about, or None if it is not ours."""
        match self._levels(topic):
            case [system, "state"] if _is_system(system):
                return Subject(system)
            case [system, monitor, "state" | "last_event" | "snapshot"] if _is_system(system) and is_monitor_key(monitor):
                return Subject(system, monitor)
        return None

    def parse_discovery(self, topic: str) -> Subject | None:
        """Return whom one of our discovery topics is about, or None if it is not ours."""
        start, end = f"{self._discovery_root}/", "/config"
        if not topic.startswith(start) or not topic.endswith(end):
            return None
        name = topic[len(start) : -len(end)]
        if name == _BRIDGE_OBJECT:
            return Subject()
        system, hyphen, monitor = name.partition("-")
        if system == _SCRIPT_OBJECT:
            return Subject(script=monitor) if _SCRIPT.fullmatch(monitor) else None
        if not _is_system(system) or (hyphen and not is_monitor_key(monitor)):
            return None
        return Subject(system, monitor if hyphen else None)

    def _levels(self, topic: str) -> list[str]:
        start = f"{self.root}/"
        return topic[len(start) :].split("/") if topic.startswith(start) else []


def _is_system(key: str) -> bool:
    return INSTANCE_PATTERN.fullmatch(key) is not None and key not in RESERVED_SYSTEMS
