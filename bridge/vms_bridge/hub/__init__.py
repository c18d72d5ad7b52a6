"""The hub: the only owner of current state, and all that it does with updates, events and commands."""

from vms_bridge.hub.feed import SystemFeed
from vms_bridge.hub.hub import Hub, Retention

__all__ = ["Hub", "Retention", "SystemFeed"]
