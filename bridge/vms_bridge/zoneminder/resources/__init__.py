"""What a ZoneMinder has, each kind behind one object of `ZoneMinder`: read, looked up, changed."""

from __future__ import annotations

from vms_bridge.zoneminder.resources.configs import Config, Configs
from vms_bridge.zoneminder.resources.daemons import DaemonStatus
from vms_bridge.zoneminder.resources.groups import Group, Groups
from vms_bridge.zoneminder.resources.logs import Logs
from vms_bridge.zoneminder.resources.monitors import MonitorRef, Monitors
from vms_bridge.zoneminder.resources.servers import ServerRow, Servers
from vms_bridge.zoneminder.resources.states import States
from vms_bridge.zoneminder.resources.storage import StorageAreas
from vms_bridge.zoneminder.resources.users import User, Users
from vms_bridge.zoneminder.resources.zones import ZoneRef, Zones

__all__ = [
    "Config",
    "Configs",
    "DaemonStatus",
    "Group",
    "Groups",
    "Logs",
    "MonitorRef",
    "Monitors",
    "ServerRow",
    "Servers",
    "States",
    "StorageAreas",
    "User",
    "Users",
    "ZoneRef",
    "Zones",
]
