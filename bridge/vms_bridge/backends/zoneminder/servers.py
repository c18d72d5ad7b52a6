"""Which server of a ZoneMinder runs a monitor: zmu, and so alarms, works on that one only."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vms_bridge.backends.zoneminder.parse import as_id, as_int, as_text, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS = {"http": 80, "https": 443}


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


def _is_name(host: str) -> bool:
    if not host or host == "localhost" or host.endswith(".localdomain"):
        return False
    return all(character.isalnum() or character in ".-" for character in host)
