"""`vms-bridge check` for a ZoneMinder: what works, what does not, and what to do about it, in words."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vms_bridge.backends.base import Finding
from vms_bridge.backends.zoneminder.api import Api, PermissionMissing
from vms_bridge.backends.zoneminder.parse import parse_monitors, parse_time_zone, parse_version
from vms_bridge.backends.zoneminder.shm import MonitorMemory, Unusable
from vms_bridge.errors import VmsAuthFailed, VmsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.backends.zoneminder.parse import MonitorRow
    from vms_bridge.backends.zoneminder.shm import Version
    from vms_bridge.clock import Clock

_RESOURCES = (
    ("zones", "zones", "Monitors: View"),
    ("events/index/Id >:0", "events", "Events: View"),
    ("states", "run states", "System: View"),
    ("storage", "storage", "System: View"),
    ("host/getLoad", "load", "System: View"),
)
_LISTED = 5


async def examine(config: ZoneMinderConfig, clock: Clock) -> Sequence[Finding]:
    """Try everything that a connection does, and tell how it went. Never raises for what a VMS can do."""
    findings: list[Finding] = []
    try:
        async with Api(config, clock) as api:
            await _examine_api(config, clock, api, findings)
    except VmsError as error:
        findings.append(Finding(text=str(error), problem=True, hint=error.hint))
        shown = await _certificate(config)
        if shown is not None:
            findings.append(
                Finding(text=f"the server's certificate has the SHA-256 {shown}", hint="if it is yours, pin it by fingerprint:")
            )
    return findings


async def _examine_api(config: ZoneMinderConfig, clock: Clock, api: Api, findings: list[Finding]) -> None:
    try:
        answer = await api.get_without_token("host/getVersion")
        api.auth.is_off = True
        findings.append(Finding(text=f"{config.url} answers, and wants no login"))
    except VmsAuthFailed:
        findings.append(Finding(text=f"{config.url} answers"))
        answer = await api.get("host/getVersion")
        findings.append(Finding(text=f"the login of {config.username!r} is good"))
    version = parse_version(answer)
    if version is None:
        findings.append(Finding(text="it does not tell its version", problem=True, hint="does url: lead to a ZoneMinder?"))
        return
    findings.append(_about_version(version))
    zone = await asyncio.to_thread(parse_time_zone, await _try(api, "host/getTimeZone"))
    if zone is None:
        findings.append(Finding(text="it does not tell its time zone", problem=True, hint="its times are taken as UTC"))
    else:
        findings.append(Finding(text=f"its time zone is {zone.key}"))
    monitors = parse_monitors(await api.get("monitors"))
    findings.append(Finding(text=f"it has {len(monitors)} monitors"))
    for path, name, permission in _RESOURCES:
        findings.append(await _about_resource(api, path, name, permission))
    findings += await asyncio.to_thread(_about_memory, config.shared_memory, monitors, version, clock)


def _about_version(version: Version) -> Finding:
    text = f"it is ZoneMinder {'.'.join(map(str, version))}"
    if (1, 34) <= version[:2] <= (1, 39):
        return Finding(text=text)
    return Finding(text=text, problem=True, hint="1.34 to 1.39 are supported; another may work or not")


async def _try(api: Api, path: str) -> object:
    try:
        return await api.get(path)
    except (PermissionMissing, VmsError):
        return None


async def _about_resource(api: Api, path: str, name: str, permission: str) -> Finding:
    query = {"sort": "Id", "direction": "desc", "limit": "1", "page": "1"} if path.startswith("events") else None
    try:
        await api.get(path.replace(" >", "%20%3E"), query)
    except VmsAuthFailed as error:
        return Finding(text=f"this user may not read {name}: {error}", problem=True, hint=f"give it the permission {permission}")
    except VmsError as error:
        return Finding(text=f"{name} can't be read: {error}", problem=True, hint=error.hint)
    return Finding(text=f"{name} can be read")


def _about_memory(
    directory: Path | bool,  # noqa: FBT001 (the setting as it stands)
    monitors: dict[str, MonitorRow],
    version: Version,
    clock: Clock,
) -> list[Finding]:
    if isinstance(directory, bool):
        return [Finding(text="shared memory is switched off; alarms come by slower ways")]
    good: list[str] = []
    problems: dict[tuple[str, str], list[str]] = {}
    for row in monitors.values():
        if row.is_idle:
            continue
        memory = MonitorMemory(directory, row.id, version)
        try:
            memory.sample(clock.monotonic(), clock.now().timestamp())
            good.append(row.id)
        except Unusable as problem:
            reason = str(problem).replace(str(memory.path), "the file")
            problems.setdefault((reason, problem.hint), []).append(row.id)
        finally:
            memory.close()
    findings = [Finding(text=f"shared memory in {directory} serves {len(good)} monitors")] if good else []
    if not good and not any(directory.glob("zm.mmap.*")):
        text = f"there is no shared memory in {directory}; alarms come by slower ways"
        return [Finding(text=text, hint="that is as it should be on another host than ZoneMinder's")]
    for (reason, hint), ids in problems.items():
        listed = ", ".join(ids[:_LISTED]) + (", ..." if len(ids) > _LISTED else "")
        findings.append(
            Finding(
                text=f"no shared memory for monitor {listed}: {reason}",
                problem=True,
                hint=hint or "alarms come by slower ways meanwhile; is the monitor running?",
            )
        )
    return findings


async def _certificate(config: ZoneMinderConfig) -> str | None:
    """Return the SHA-256 of the certificate that the server shows, whoever signed it; None without TLS or answer."""
    parts = urlsplit(config.url)
    if parts.scheme != "https":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(config.timeout):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=context)
            try:
                shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            finally:
                writer.close()
    except (OSError, ValueError):
        return None
    return hashlib.sha256(shown).hexdigest() if shown else None
