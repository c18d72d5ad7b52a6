"""`vms-bridge check` of the API: whether its doors can be opened. Nothing of it lasts."""

from __future__ import annotations

import asyncio
import os
from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING

from vms_bridge.api.announcing import LIBRARIES, MISSING, REMEDY
from vms_bridge.api.certificates import Certificates
from vms_bridge.api.connections import room
from vms_bridge.api.hooks_socket import hooks_flaw, place_of
from vms_bridge.api.listening import listening_sockets
from vms_bridge.api.unix_socket import SocketPlace, flaw_of
from vms_bridge.errors import DoorClosed
from vms_bridge.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vms_bridge.api.config import HttpConfig
    from vms_bridge.sinks import Trial


async def check(config: HttpConfig, trial: Trial) -> Sequence[Finding]:
    """Return what is found; beside a running bridge, whose doors these are, they are not tried."""
    found = [await _certificate(config, trial), *_advice(config)]
    if await asyncio.to_thread(trial.is_at_work):
        return [*(one for one in found if one), Finding(text="a bridge is at work, and has these doors: they were not tried")]
    found.append(await _port(config))
    if trial.bridge.data_dir is not None:
        found.append(await asyncio.to_thread(_socket, trial.bridge.data_dir))
    found.append(await asyncio.to_thread(_hooks_socket, config, trial.bridge.data_dir))
    return [one for one in found if one is not None]


async def _certificate(config: HttpConfig, trial: Trial) -> Finding | None:
    if config.tls is None:
        return None
    certificates = Certificates(config.tls, trial.clock)
    try:
        await certificates.load()
    except DoorClosed as error:
        return _problem(error)
    return Finding(text=f"its certificate has the SHA-256 {certificates.fingerprint}")


def _advice(config: HttpConfig) -> list[Finding]:
    found = []
    if config.tls is None and not _is_local(config.host):
        hint = "set tls:, or host: 127.0.0.1 and a proxy before it that speaks TLS"
        text = "nothing is encrypted: whoever can listen on the network can read tokens, and may use them"
        found.append(Finding(text=text, hint=hint))
    if config.zeroconf and any(find_spec(name) is None for name in LIBRARIES):
        found.append(Finding(text=MISSING, problem=True, hint=REMEDY))
    if config.limits.sockets > (most := room()):
        text = f"so many files may the process have open that there is room for {most} connections, not {config.limits.sockets}"
        found.append(Finding(text=text, hint="raise LimitNOFILE= of the service, or lower limits.sockets"))
    return found


async def _port(config: HttpConfig) -> Finding:
    try:
        sockets = await listening_sockets(config)
    except DoorClosed as error:
        return _problem(error)
    for sock in sockets:
        sock.close()
    return Finding(text=f"it can listen on {config.place}")


def _socket(data_dir: Path) -> Finding:
    place = SocketPlace.in_data_dir(data_dir)
    path = place.path
    if (flaw := flaw_of(place)) is not None:
        return _problem(flaw)
    if data_dir.is_dir() and not os.access(data_dir, os.W_OK | os.X_OK):
        hint = "give it to the user that runs the bridge (chown), or set data_dir: to another place"
        return Finding(text=f"the socket {path} can't be made: {data_dir} can't be written", problem=True, hint=hint)
    return Finding(text=f"the command line will reach it by {path}")


def _hooks_socket(config: HttpConfig, data_dir: Path | None) -> Finding | None:
    place = place_of(config)
    if place is None:
        return None
    if (flaw := hooks_flaw(place, data_dir)) is not None:
        return _problem(flaw)
    if not os.access(place.path.parent, os.W_OK | os.X_OK):
        hint = "give the folder to the user that runs the bridge (chown), or set http.hooks_socket: to another place"
        return Finding(
            text=f"the socket for hooks {place.path} can't be made: its folder can't be written", problem=True, hint=hint
        )
    is_for_all = place.mode is not None and place.mode & 0o002
    whose = "everybody on this machine" if is_for_all else f"the group {place.group or 'of the bridge'}"
    return Finding(text=f"hooks of {whose} will come by {place.path}")


def _problem(error: DoorClosed) -> Finding:
    return Finding(text=str(error), problem=True, hint=error.hint)


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
