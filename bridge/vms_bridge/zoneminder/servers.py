"""Which server of a ZoneMinder runs a monitor: zmu, and so alarms, works on that one only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vms_bridge.zoneminder.parse import as_id, as_int, as_text, rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_LONGEST_NAME = 64
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Server:
    """Where a monitor runs; `api` is None for the configured portal, `problem` says why it can't be asked at all."""

    name: str = ""
    api: str | None = None
    problem: str = ""


PORTAL = Server()


def servers_in_use(raw: object, portal: str, used: Collection[str]) -> Mapping[str, Server]:
    """Return each server by its id; none where there is only one: then the portal is it, whatever its row says.

    A placeholder row counts only where a monitor names it (`used`): then the portal's own row was never filled in.
    """
    addresses = parse_servers(raw, portal)
    found: dict[str, Server] = {}
    for row in rows(raw, "servers", "Server"):
        server_id, host = as_id(row.get("Id")), as_text(row.get("Hostname")).strip()
        if server_id is None or (_is_placeholder(host) and server_id not in used):
            continue
        name = (as_text(row.get("Name")) or host or f"server {server_id}")[:_LONGEST_NAME]
        if server_id in addresses:
            found[server_id] = Server(name, addresses[server_id])
        elif _is_placeholder(host) or host == urlsplit(portal).hostname:
            found[server_id] = Server(name)
        elif urlsplit(portal).scheme == "https" and as_text(row.get("Protocol")).strip().lower() == "http":
            found[server_id] = Server(name, problem=f"server {name} is to be had without encryption only, unlike url:")
        else:
            found[server_id] = Server(name, problem=f"server {name} has no proper address under Options > Servers")
    return found if len(found) > 1 else {}


def server_of(server_id: str | None, servers: Mapping[str, Server]) -> Server:
    """Return the server that a monitor with this ServerId runs on."""
    if not servers or server_id is None:
        return PORTAL
    return servers.get(server_id) or Server(problem=f"there is no server {server_id} under Options > Servers")


def parse_servers(raw: object, portal: str) -> Mapping[str, str]:
    """Return the API's address on each server other than the one at `portal`; pure and total.

    Placeholder rows are left out (zmNinjaNg#120), and so are servers to which the token would go in clear
    although the portal is encrypted.
    """
    own = urlsplit(portal)
    found: dict[str, str] = {}
    for row in rows(raw, "servers", "Server"):
        server_id, host = as_id(row.get("Id")), as_text(row.get("Hostname")).strip()
        scheme = as_text(row.get("Protocol")).strip().lower() or own.scheme
        if server_id is None or not _is_name(host) or scheme not in _PORTS or (own.scheme == "https" and scheme == "http"):
            continue
        port = as_int(row.get("Port")) or _PORTS[scheme]
        if not 0 < port < 65536 or (host == own.hostname and port == (own.port or _PORTS[own.scheme])):
            continue
        path = as_text(row.get("PathToApi")).strip().rstrip("/") or f"{own.path}/api"
        if path.startswith("/") and not set(path) & set("?#@ \\"):
            found[server_id] = f"{scheme}://{host}:{port}{path}"
    return found


def _is_placeholder(host: str) -> bool:
    return not host or host == "localhost" or host.endswith(".localdomain")


def _is_name(host: str) -> bool:
    return not _is_placeholder(host) and all(character.isalnum() or character in ".-" for character in host)
