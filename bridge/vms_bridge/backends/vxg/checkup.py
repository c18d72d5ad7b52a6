"""What `vms-bridge check` finds of a VXG Cloud VMS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.base import Finding
from vms_bridge.backends.vxg.connection import client
from vms_bridge.backends.vxg.parse import ALL
from vms_bridge.errors import VmsError
from vms_bridge.explaining import explained
from vms_bridge.vxg.alerts import listening

if TYPE_CHECKING:
    from vms_bridge.backends.vxg.config import VxgConfig
    from vms_bridge.clock import Clock
    from vms_bridge.vxg.alerts import Broker

_MOST_SKEW_S = 30.0


async def examine(config: VxgConfig, clock: Clock) -> list[Finding]:
    """Try the connection, and say in words what there is. Never raises."""
    try:
        return await _examine(config, clock)
    except Exception as error:  # noqa: BLE001 - the person who checks is told, whatever it is
        known = explained(error)
        return [Finding(text=str(known), problem=True, hint=known.hint or "is the VMS up, and the token still good?")]


async def _examine_push(broker: Broker, clock: Clock) -> Finding:
    try:
        async with listening(broker, clock):
            return Finding(text=f"alerts are pushed by {broker.address.place}, from {broker.topic}")
    except VmsError as error:
        return Finding(text=f"alerts are not pushed: {error}", problem=True, hint=error.hint)


async def _examine(config: VxgConfig, clock: Clock) -> list[Finding]:
    async with client(config, clock) as vxg:
        rows = await vxg.channels.list()
        skew_s = await vxg.clock_skew_s()
        away = [row for row in rows if not row.online]
        findings = [Finding(text=f"VXG Cloud VMS at {vxg.url}: {len(rows)} channels, {len(away)} of them away")]
        if not rows:
            hint = "add channels to the group, by `vms-bridge vxg groups add` or the VMS's own pages"
            findings.append(Finding(text="the group has no channels", problem=True, hint=hint))
        if any(row.access != ALL for row in rows):
            hint = "a token with access `all` is needed for pictures, clips, events and commands"
            findings.append(Finding(text="of some channels only video may be had", problem=True, hint=hint))
        if abs(skew_s) > _MOST_SKEW_S:
            hint = "have this machine's clock be set by NTP; the VMS's own is gone by for events"
            findings.append(Finding(text=f"this machine's clock is {abs(skew_s):.0f} s off the VMS's", problem=True, hint=hint))
    if config.push is not None:
        findings.append(await _examine_push(config.push.broker, clock))
    return findings
