"""Where a request comes from, and whether it may: by `Host`, `Origin` and, from trusted proxies only, `X-Forwarded-*`.

A page in somebody's browser can be made to talk to an address in his house (DNS rebinding). It can't choose what its browser
says as `Host` and `Origin`: a name that is not ours is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from vms_bridge.api.connections import Door, connection_of
from vms_bridge.errors import Misdirected, RequestForbidden, RequestInvalid
from vms_bridge.marks import SCRIPTS_VIA

if TYPE_CHECKING:
    from vms_bridge.api.config import HttpConfig

_PORTS = {"http": 80, "https": 443}
_LOCAL = "localhost"
_FORWARDED = (hdrs.X_FORWARDED_FOR, hdrs.X_FORWARDED_HOST, hdrs.X_FORWARDED_PROTO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where a request comes from: `address` of the client, `host` with the port as the client has named it, both lower case."""

    door: Door
    address: str
    host: str
    local: tuple[str, int] = ("", 0)
    """The bridge's own address and port on which it has come."""
    uid: int | None = None
    is_forwarded: bool = False
    """Whether it has come by a proxy that is believed: the certificate that the client sees is then the proxy's."""

    @property
    def named(self) -> str:
        """The host without its port."""
        return _split(self.host)[0]


_VISIT: web.RequestKey[Visit] = web.RequestKey("_VISIT", Visit)


def visit_of(request: web.Request) -> Visit:
    """Return where a request that was let in comes from."""
    return request[_VISIT]


def receive(request: web.Request, config: HttpConfig) -> Visit:
    """Note where a request comes from, and return that. Raises RequestInvalid, Misdirected or RequestForbidden."""
    _check_sender(request)
    connection = connection_of(request)
    if connection.door is not Door.API:
        visit = Visit(door=connection.door, address=connection.address, host=_LOCAL, uid=connection.uid)
    else:
        visit = _by_network(request, config, connection.address)
        _check_host(visit, config)
    _check_origin(request, visit, config)
    request[_VISIT] = visit
    return visit


def is_own(visit: Visit, config: HttpConfig) -> bool:
    """Say whether the client has named an address that leads nowhere but here, as far as the bridge can know."""
    if visit.door is Door.SOCKET or visit.named in config.names:
        return True
    host, port = visit.local
    if _place(visit.host, "http" if config.tls is None else "https")[1] != port:
        return False
    named, local = _parsed(visit.named), _parsed(host)
    return local is not None and (local.is_loopback if visit.named == _LOCAL else named == local)


def _by_network(request: web.Request, config: HttpConfig, peer: str) -> Visit:
    hosts = request.headers.getall(hdrs.HOST, [])
    if len(hosts) != 1 or not request.raw_path.startswith("/"):
        raise RequestInvalid("a request names its host once, by Host, and behind it a path")
    address, host = peer, hosts[0]
    is_forwarded = _is_trusted(peer, config) and any(name in request.headers for name in _FORWARDED)
    if is_forwarded:
        address = _client(request, config, peer)
        forwarded = request.headers.getall(hdrs.X_FORWARDED_HOST, [])
        host = forwarded[-1].rpartition(",")[2].strip() if forwarded else host
    local = request.transport.get_extra_info("sockname") if request.transport is not None else None
    here = (str(local[0]), int(local[1])) if local else ("", 0)
    return Visit(door=Door.API, address=address, host=host.lower(), local=here, is_forwarded=is_forwarded)


def _client(request: web.Request, config: HttpConfig, peer: str) -> str:
    """Return the last address in X-Forwarded-For that no trusted proxy has."""
    said = [one.strip() for header in request.headers.getall(hdrs.X_FORWARDED_FOR, []) for one in header.split(",")]
    address = peer
    while said and _is_trusted(address, config):
        parsed = _parsed(_split(said.pop())[0])
        if parsed is None:
            break
        address = str(parsed)
    return address


def _is_trusted(address: str, config: HttpConfig) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in config.proxies)


def _check_sender(request: web.Request) -> None:
    """Turn away what a script of a bridge has asked for: it may do nothing by this way that it may not do anyhow."""
    if any(SCRIPTS_VIA in via for via in request.headers.getall(hdrs.VIA, [])):
        raise RequestForbidden("scripts may not ask the API of a bridge", hint="use what `vms_bridge.script` offers")


def _check_host(visit: Visit, config: HttpConfig) -> None:
    named = visit.named
    if named != _LOCAL and named not in config.names and _parsed(named) is None:
        hint = "if this name leads to the bridge on purpose, add it to http.allowed_hosts, or set http.public_url"
        raise Misdirected("the API is not known by the name in Host", hint=hint)


def _check_origin(request: web.Request, visit: Visit, config: HttpConfig) -> None:
    origins = request.headers.getall(hdrs.ORIGIN, [])
    if not origins:
        return
    scheme, _, place = origins[0].strip().lower().partition("://")
    if len(origins) == 1 and scheme in _PORTS and place:
        public = config.public
        if public is not None and (scheme, *_place(place, scheme)) == (public.scheme, public.host.rstrip("."), public.port):
            return
        if visit.door is Door.API and _place(place, scheme) == _place(visit.host, scheme):
            return
    raise RequestForbidden(
        "pages of other servers may not use the API", hint="if this one may, set http.public_url to its address"
    )


def _place(text: str, scheme: str) -> tuple[str, int]:
    host, port = _split(text)
    return host, port or _PORTS[scheme]


def _split(text: str) -> tuple[str, int | None]:
    """Return host and port of what stands in `Host`; an empty host for what can't stand there."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not isinstance(_parsed(host), IPv6Address):
            return "", None
    elif text.count(":") > 1:
        return (text, None) if _parsed(text) else ("", None)
    else:
        host, colon, port = text.partition(":")
        rest = colon + port
    if rest in {"", ":"}:
        return host.rstrip("."), None
    number = rest[1:]
    if not (rest.startswith(":") and number.isascii() and number.isdecimal() and len(number) <= 5):
        return "", None
    return host.rstrip("."), int(number)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
