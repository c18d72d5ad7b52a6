"""The hub: the only owner of current state, and all that it does with updates, events and commands."""

from vms_bridge.hub.command_runner import CommandRules
from vms_bridge.hub.feed import SystemFeed
from vms_bridge.hub.housekeeping import Retention
from vms_bridge.hub.hub import Hub

__all__ = ["CommandRules", "Hub", "Retention", "SystemFeed"]
