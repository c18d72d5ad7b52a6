"""`vms-bridge check` for a ZoneMinder: what works, what does not, and what to do about it, in words."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vms_bridge.backends.base import Finding
from vms_bridge.backends.zoneminder.api import Api
from vms_bridge.backends.zoneminder.settings_checkup import about_settings, remedy
from vms_bridge.backends.zoneminder.time_checkup import about_times
from vms_bridge.errors import GateClosed, VmsAuthFailed, VmsError, VmsProtocolError
from vms_bridge.tls import shown_certificate
from vms_bridge.zoneminder import PermissionMissing
from vms_bridge.zoneminder.memory import MonitorMemory, Unusable
from vms_bridge.zoneminder.parse import (
    as_text,
    mapping,
    parse_monitors,
    parse_time_zone,
    parse_version,
    parse_zones,
)
from vms_bridge.zoneminder.servers import server_of, servers_in_use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.clock import Clock
    from vms_bridge.concealment import Secrets
    from vms_bridge.zoneminder import MonitorRow, Zone
    from vms_bridge.zoneminder.answers import Remark
    from vms_bridge.zoneminder.memory import Version

_RESOURCES = (
    ("zones", "zones", "Monitors: View"),
    ("events/index/Id >:0", "events", "Events: View"),
    ("states", "run states", "System: View"),
    ("storage", "storage", "System: View"),
    ("host/getLoad", "load", "System: View"),
)
_NEWEST = {"sort": "Id", "direction": "desc", "limit": "1", "page": "1"}
_PATHS = ("/zm", "", "/zoneminder")
"""Where ZoneMinder usually is, on Debian, in containers and elsewhere."""
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_NAME = 64
_LISTED = 5
_SERVER_S = 5.0
_SERVER_HINT = "check Hostname, Protocol, Port and PathToApi under Options > Servers; else its monitors' alarms may be unknown"


async def examine(config: ZoneMinderConfig, clock: Clock, secrets: Secrets | None = None) -> Sequence[Finding]:
    """Try everything that a connection does, and report how it went. Never raises for what a VMS can do."""
    findings: list[Finding] = []
    if config.url.startswith("https:") and not config.verify_tls:
        findings.append(Finding(text="any certificate is accepted", hint="pin the server's own by fingerprint:, or set ca_file:"))
    try:
        async with Api(config, clock, secrets=secrets) as api:
            try:
                await _examine_api(config, clock, api, findings)
            finally:
                findings += [_about_remark(path, remark) for path, remark in api.remarks]
    except VmsError as error:
        findings.append(Finding(text=str(error), problem=True, hint=remedy(error)))
        findings += await _elsewhere(config, clock, error)
        shown = await _certificate(config, clock)
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
    except GateClosed:
        raise
    except VmsAuthFailed:
        findings.append(Finding(text=f"{config.url} answers"))
        answer = await api.get("host/getVersion")
        findings.append(Finding(text=f"the login of {config.username!r} is good"))
    version = parse_version(answer)
    if version is None:
        findings.append(Finding(text="it does not say what version it is", problem=True, hint="does url: lead to a ZoneMinder?"))
        return
    findings.append(_about_version(version))
    findings += await about_settings(api, version)
    answer = await _try(api, "host/getTimeZone")
    zone = await asyncio.to_thread(parse_time_zone, answer)
    findings.append(_about_time_zone(api.quoted(as_text(mapping(answer).get("tz"))), zone))
    try:
        monitors = parse_monitors(await api.get("monitors"))
    except PermissionMissing as error:
        findings.append(_not_permitted("monitors", "Monitors: View", error))
        return
    findings.append(_about_monitors(len(monitors)))
    for path, name, permission in _RESOURCES:
        findings.append(await _about_resource(api, path, name, permission))
    findings += await _about_servers(api, config.url, monitors)
    findings += await about_times(api, zone, clock)
    zones = parse_zones(await _try(api, "zones"), monitors)
    findings += await asyncio.to_thread(_about_memory, config, monitors, zones, version, clock)


async def _elsewhere(config: ZoneMinderConfig, clock: Clock, error: VmsError) -> list[Finding]:
    """Say where on this server ZoneMinder is, if url: has the wrong path."""
    if not isinstance(error, VmsProtocolError):
        return []
    for path in _PATHS:
        url = urlsplit(config.url)._replace(path=path).geturl()
        if url == config.url:
            continue
        try:
            async with Api(config.model_copy(update={"url": url}), clock) as api:
                is_there = parse_version(await api.get_without_token("host/getVersion")) is not None
        except GateClosed:
            is_there = False
        except VmsAuthFailed as refusal:
            is_there = "api/" in str(refusal)  # in ZoneMinder's own words; a web server's login says nothing
        except VmsError:
            is_there = False
        if is_there:
            return [Finding(text=f"a ZoneMinder answers at {url}", hint=f"set url: to {url}")]
    return []


def _about_version(version: Version) -> Finding:
    text = f"it is ZoneMinder {'.'.join(map(str, version))}"
    if (1, 34) <= version[:2] <= (1, 39):
        return Finding(text=text)
    return Finding(text=text, problem=True, hint="1.34 to 1.39 are supported; another may work or not")


def _about_time_zone(answer: str, zone: ZoneInfo | None) -> Finding:
    if zone is not None:
        return Finding(text=f"its time zone is {zone.key}")
    meanwhile = "until then start and end of its events are unknown"
    if name := answer[:_LONGEST_NAME]:
        hint = f"set TIMEZONE under Options > System to one such as Europe/Berlin, or install tzdata here; {meanwhile}"
        return Finding(text=f"its time zone {name!r} is not known here", problem=True, hint=hint)
    hint = f"set TIMEZONE under Options > System, or date.timezone in its php.ini; {meanwhile}"
    return Finding(text="it does not say what its time zone is", problem=True, hint=hint)


def _about_remark(path: str, remark: Remark) -> Finding:
    return Finding(text=f"its answer to api/{path} can be used, but {remark.text}", problem=True, hint=remark.hint)


def _about_monitors(count: int) -> Finding:
    if count:
        return Finding(text=f"it has {count} monitor{'s' * (count != 1)}")
    hint = "add one in ZoneMinder, or let this user see those that there are, under Options > Users"
    return Finding(text="it shows no monitors", hint=hint)


async def _about_servers(api: Api, portal: str, monitors: Mapping[str, MonitorRow]) -> list[Finding]:
    """Try each server of an installation with several, and say which monitors hang on it."""
    used = {row.server_id for row in monitors.values() if row.server_id is not None}
    try:
        servers = servers_in_use(await api.get("servers"), portal, used)
    except VmsError:
        return []
    findings: list[Finding] = []
    for server_id in sorted({*servers, *(used if servers else ())}, key=int):
        server = server_of(server_id, servers)
        ids = [row.id for row in monitors.values() if row.server_id == server_id]
        hang = f"; it runs monitor {_shortened(ids)}" if ids else ""
        problem, hint = server.problem, _SERVER_HINT
        if server.api is not None:
            try:
                await api.get("host/getVersion", at=server.api, timeout_s=_SERVER_S)
            except VmsError as error:
                problem = f"server {server.name} ({server.api}) can't be asked: {error}"
        if problem:
            findings.append(Finding(text=problem + hang, problem=bool(ids), hint=hint))
        else:
            findings.append(Finding(text=f"server {server.name} answers at {server.api or portal}{hang}"))
    return findings


def _shortened(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_LISTED]) + (", ..." if len(ids) > _LISTED else "")


def _not_permitted(what: str, permission: str, error: VmsError) -> Finding:
    hint = f"give it the permission {permission} under Options > Users"
    return Finding(text=f"this user may not read {what}: {error}", problem=True, hint=hint)


async def _try(api: Api, path: str) -> object:
    try:
        return await api.get(path)
    except (PermissionMissing, VmsError):
        return None


async def _about_resource(api: Api, path: str, name: str, permission: str) -> Finding:
    query = _NEWEST if path.startswith("events") else None
    try:
        await api.get(path.replace(" >", "%20%3E"), query)
    except VmsAuthFailed as error:
        return _not_permitted(name, permission, error)
    except VmsError as error:
        return Finding(text=f"{name} can't be read: {error}", problem=True, hint=error.hint)
    return Finding(text=f"{name} can be read")


def _about_memory(
    config: ZoneMinderConfig,
    monitors: Mapping[str, MonitorRow],
    zones: Mapping[str, Sequence[Zone]],
    version: Version,
    clock: Clock,
) -> list[Finding]:
    directory = config.shared_memory
    if isinstance(directory, bool):
        return [Finding(text="shared memory is switched off; alarms come by slower ways")]
    if not (directory.is_dir() and os.access(directory, os.R_OK | os.X_OK)):
        hint = "set shared_memory: to ZoneMinder's ZM_PATH_MAP, mostly /dev/shm, or to false on another machine"
        return [Finding(text=f"there is no directory {directory} that this user may read", problem=True, hint=hint)]
    good: list[str] = []
    problems: dict[tuple[str, str], list[str]] = {}
    edited: list[str] = []
    for row in monitors.values():
        if row.is_idle:
            continue
        memory = MonitorMemory(directory, row.id, version)
        try:
            memory.expect_zones(len(zones.get(row.id, ())))
            sample = memory.sample(clock.monotonic(), clock.now().timestamp())
            good.append(row.id)
            if row.id in zones and memory.has_zone_scores and sample.scored_zones is None:
                edited.append(row.id)
        except Unusable as problem:
            reason = str(problem).replace(str(memory.path), "the file")
            problems.setdefault((reason, problem.hint), []).append(row.id)
        finally:
            memory.close()
    if not good and not any(directory.glob("zm.mmap.*")):
        return [_without_memory(config.url, directory)]
    findings = [Finding(text=f"shared memory in {directory} serves {len(good)} monitor{'s' * (len(good) != 1)}")] if good else []
    for (reason, hint), ids in problems.items():
        findings.append(
            Finding(
                text=f"no shared memory for monitor {_listed(ids)}: {reason}",
                problem=True,
                hint=hint or "alarms come by slower ways meanwhile; is the monitor running?",
            )
        )
    if edited:
        text = f"the daemon of monitor {_listed(edited)} goes by another number of zones than there are"
        hint = "zones that were edited by the API are read by a restart of the monitor; until then their scores are not used"
        findings.append(Finding(text=text, problem=True, hint=hint))
    return findings


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(ids[:_LISTED]) + (", ..." if len(ids) > _LISTED else "")


def _without_memory(url: str, directory: Path) -> Finding:
    text = f"there is no shared memory in {directory}; alarms come by slower ways"
    if urlsplit(url).hostname in _HERE:
        hint = "ZoneMinder is on this machine: does it run, is shared_memory: its ZM_PATH_MAP, and does a container see it?"
    else:
        hint = "that is as it should be on another host than ZoneMinder's: shared_memory: false says so"
    return Finding(text=text, hint=hint)


async def _certificate(config: ZoneMinderConfig, clock: Clock) -> str | None:
    """Return the SHA-256 of the certificate that the server shows, whoever signed it; None without TLS or answer."""
    parts = urlsplit(config.url)
    if parts.scheme != "https":
        return None
    try:
        async with clock.timeout(config.timeout):
            return await shown_certificate(parts.hostname or "", parts.port or 443)
    except TimeoutError:
        return None
