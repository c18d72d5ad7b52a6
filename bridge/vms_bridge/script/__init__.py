"""What a script of VMS Bridge is written with: `from vms_bridge.script import on, monitors, log`.

Everything here is explained in docs/scripting-api.md, with examples. It works within a script that the bridge runs; elsewhere,
as in an editor or a program of your own, it can be imported, and what asks the bridge for anything raises OutsideBridge.
"""

from vms_bridge.script.asked import Asked
from vms_bridge.script.cameras import Done, Monitor, MonitorInfo, Monitors, MonitorState, monitors
from vms_bridge.script.errors import (
    Failed,
    Invalid,
    NotFound,
    NotPermitted,
    OutsideBridge,
    Refused,
    ScriptError,
    TimedOut,
    TooLarge,
    TooMany,
    Unavailable,
)
from vms_bridge.script.frames import Frame, Frames
from vms_bridge.script.happenings import (
    Alarm,
    Change,
    Detection,
    Due,
    EntityCommand,
    Event,
    Happening,
    Hook,
    Message,
    Notice,
    SettingsChange,
)
from vms_bridge.script.kept import State, state
from vms_bridge.script.lines import Log, log
from vms_bridge.script.looking import Seen, detect
from vms_bridge.script.media import Media
from vms_bridge.script.outside import Mqtt, Told, mqtt, notify
from vms_bridge.script.own import Entities, Entity, entity
from vms_bridge.script.permitted import permissions
from vms_bridge.script.set_by_people import Choice, Duration, Number, Secret, Setting, Settings, Switch, Text, settings
from vms_bridge.script.timing import Later, Lock, after, lock, now, sleep, throttle, wait_for
from vms_bridge.script.triggers import On, When, at, cron, every, on
from vms_bridge.script.vms import Archive, Bridge, Found, System, Systems, archive, bridge, systems
from vms_bridge.script.web import HiddenText, Http, Response, http, secret

__all__ = [
    "Alarm",
    "Archive",
    "Asked",
    "Bridge",
    "Change",
    "Choice",
    "Detection",
    "Done",
    "Due",
    "Duration",
    "Entities",
    "Entity",
    "EntityCommand",
    "Event",
    "Failed",
    "Found",
    "Frame",
    "Frames",
    "Happening",
    "HiddenText",
    "Hook",
    "Http",
    "Invalid",
    "Later",
    "Lock",
    "Log",
    "Media",
    "Message",
    "Monitor",
    "MonitorInfo",
    "MonitorState",
    "Monitors",
    "Mqtt",
    "NotFound",
    "NotPermitted",
    "Notice",
    "Number",
    "On",
    "OutsideBridge",
    "Refused",
    "Response",
    "ScriptError",
    "Secret",
    "Seen",
    "Setting",
    "Settings",
    "SettingsChange",
    "State",
    "Switch",
    "System",
    "Systems",
    "Text",
    "TimedOut",
    "Told",
    "TooLarge",
    "TooMany",
    "Unavailable",
    "When",
    "after",
    "archive",
    "at",
    "bridge",
    "cron",
    "detect",
    "entity",
    "every",
    "http",
    "lock",
    "log",
    "monitors",
    "mqtt",
    "notify",
    "now",
    "on",
    "permissions",
    "secret",
    "settings",
    "sleep",
    "state",
    "systems",
    "throttle",
    "wait_for",
]
