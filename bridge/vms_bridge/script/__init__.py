"""What a script of VMS Bridge is written with: `from vms_bridge.script import on, monitors, log`.

docs/scripting-api.md has all of it, with examples.
"""

from vms_bridge.script.asked import Asked
from vms_bridge.script.cameras import Monitor, monitors
from vms_bridge.script.happenings import Happening
from vms_bridge.script.kept import state
from vms_bridge.script.media import Media
from vms_bridge.script.set_by_people import Choice, Duration, Number, Secret, Switch, Text, settings
from vms_bridge.script.triggers import at, cron, every, on

__all__ = [
    "Asked",
    "Choice",
    "Duration",
    "Happening",
    "Media",
    "Monitor",
    "Number",
    "Secret",
    "Switch",
    "Text",
    "at",
    "cron",
    "every",
    "monitors",
    "on",
    "settings",
    "state",
]
