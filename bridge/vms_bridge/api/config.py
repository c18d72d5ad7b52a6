"""The `http:` section of the configuration."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from vms_bridge.addresses import Address, WrongAddress, parse_address
from vms_bridge.doors import address_mistake
from vms_bridge.links import LinkKind

_SCHEMES = {"http": 80, "https": 443}
_SPAN = re.compile(r"([0-9]{1,7})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LEAST_LIFE, _MOST_LIFE = timedelta(minutes=1), timedelta(days=3650)
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


def _host(text: str) -> str:
    """Return a host's name in the form in which `Host` is compared."""
    host = text.strip().lower().rstrip(".")
    try:
        return str(ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    if not _HOST.fullmatch(host):
        raise PydanticCustomError("host", "is no host's name", {"remedy": "write the name alone, as in cameras.example"})
    return host


def _network(text: str) -> str:
    """Return the address, or network, as it stands; hold it against what there can be."""
    try:
        ip_network(text.strip())
    except ValueError:
        remedy = "write an address such as 192.168.1.2, or a network such as 172.16.0.0/12 (its last bits are 0)"
        raise PydanticCustomError("network", "is neither an address nor a network", {"remedy": remedy}) from None
    return text.strip()


def _span(text: str) -> str:
    """Return the time, which is written as `7d`, `12h` or `30m`, as it stands."""
    found = _SPAN.fullmatch(text.strip())
    if found is None or not _LEAST_LIFE <= _time(found) <= _MOST_LIFE:
        remedy = "write a whole number with m, h or d behind it (minutes, hours or days), 1m to 3650d"
        raise PydanticCustomError("span", "is no such time", {"remedy": remedy})
    return text.strip()


def _time(found: re.Match[str]) -> timedelta:
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


HostName = Annotated[str, AfterValidator(_host)]
Network = Annotated[str, AfterValidator(_network)]


class TlsFiles(BaseModel):
    """The certificate that the API shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: Path = Field(description="name the PEM file of the API's certificate, with those in between behind it")
    key: Path = Field(description="name the PEM file of the certificate's key, without a passphrase")


class Limits(BaseModel):
    """How much the API bears."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sockets: int = Field(
        default=512, ge=16, le=16_384, description="write how many connections there may be at a time, 16 to 16384"
    )
    requests: float = Field(
        default=50.0, ge=1, le=10_000, description="write how many requests a second one token may make, 1 to 10000"
    )
    body_kb: int = Field(default=64, ge=1, le=16_384, description="write how many kilobytes a request may bring, 1 to 16384")


class HttpConfig(BaseModel):
    """Where the API listens, and whom it believes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        max_length=253,
        description='write the address to listen on: 127.0.0.1 for this machine only, "0.0.0.0" or "::" for all of its networks',
    )
    port: int = Field(default=8098, ge=0, le=65_535, description="write the port, 1 to 65535; 0 takes one that is free")
    public_url: str | None = Field(
        default=None,
        description='write how others reach the API, as in "https://cameras.example", or leave it out',
    )
    tls: TlsFiles | None = Field(
        default=None,
        description="write the certificate to show, as in `tls: {certificate: api.pem, key: api.key}`",
    )
    allowed_hosts: tuple[HostName, ...] = Field(
        default=(), description="write a list of the other names by which the API is reached, as in `allowed_hosts: [nas.lan]`"
    )
    trusted_proxies: tuple[Network, ...] = Field(
        default=(), description="write a list of the proxies before the API, as in `trusted_proxies: [192.168.1.2]`"
    )
    offer_pairing: bool = Field(
        default=True,
        description="write false to show no code on the terminal, not even once while there is no token, else true",
    )
    link_life: Annotated[str, AfterValidator(_span)] = Field(
        default="7d",
        description="write how long after an event links to its picture and clip are good, as in `link_life: 7d`",
    )
    message_links: Literal["none", "snapshot", "all"] = Field(
        default="none",
        validate_default=True,
        description="choose what event messages have links to, which whoever reads them can open: none, snapshot or all",
    )
    zeroconf: bool | None = Field(
        default=None,
        description="write false not to announce the API by zeroconf, true to do so on a loopback address too, or leave it out",
    )
    hooks_socket: Path | None = Field(
        default=None,
        description="write the path of a unix socket for hooks, outside of data_dir, as in /run/vms-bridge/hooks.sock",
    )
    hooks_group: str | None = Field(
        default=None, min_length=1, max_length=64, description="write the group that may connect to hooks_socket, as in www-data"
    )
    hooks_mode: str = Field(
        default="0660",
        pattern="^0?[67][0-7]{2}$",
        description="write the mode of hooks_socket in octal digits: 0660 for its group, 0666 for everybody on this machine",
    )
    limits: Limits = Field(default=Limits(), description="write how much the API bears, as in `limits: {sockets: 512}`")

    @field_validator("host")
    @classmethod
    def _check_host(cls, host: str) -> str:
        return _host(host)

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            address = parse_address(url, _SCHEMES)
        except WrongAddress as wrong:
            raise address_mistake(wrong) from None
        if address.username is not None or address.query or address.fragment or address.path.strip("/"):
            remedy = "write http:// or https:// and the host, with a port if it needs one, and nothing behind"
            raise PydanticCustomError("address", "has a user, path or query, for which there is no use", {"remedy": remedy})
        return url.strip().rstrip("/")

    @field_validator("message_links")
    @classmethod
    def _check_message_links(cls, links: str, info: ValidationInfo) -> str:
        if links != "none" and "public_url" in info.data and info.data["public_url"] is None:
            remedy = 'set public_url: to the address by which others reach the API, as in "https://cameras.example"'
            raise PydanticCustomError("links", "needs an address that the links can begin with", {"remedy": remedy})
        return links

    @cached_property
    def life(self) -> timedelta:
        """How long after an event links to it are good."""
        found = _SPAN.fullmatch(self.link_life)
        assert found is not None  # noqa: S101  # it was validated
        return _time(found)

    @cached_property
    def linked(self) -> frozenset[LinkKind]:
        """What event messages may have links to."""
        kinds = {"none": (), "snapshot": (LinkKind.PICTURE,), "all": (LinkKind.PICTURE, LinkKind.CLIP)}
        return frozenset(kinds[self.message_links])

    @field_validator("hooks_group", "hooks_mode")
    @classmethod
    def _check_hooks(cls, said: str | None, info: ValidationInfo) -> str | None:
        if said is not None and info.data.get("hooks_socket") is None:
            raise PydanticCustomError(
                "hooks", "has no effect without hooks_socket", {"remedy": "write hooks_socket:, or leave it out"}
            )
        return said

    @cached_property
    def public(self) -> Address | None:
        """The parsed `public_url`."""
        return None if self.public_url is None else parse_address(self.public_url, _SCHEMES)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of hosts, beside localhost, by which the API is reached."""
        public = () if self.public is None else (self.public.host.rstrip("."),)
        return frozenset((*self.allowed_hosts, *public))

    @cached_property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Whose word on where a request comes from is believed."""
        return tuple(ip_network(text) for text in self.trusted_proxies)

    @property
    def place(self) -> str:
        """Where it listens, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str | None:
        """How clients reach it, None where that can't be said: it listens on all networks, and nobody has named one."""
        if self.public_url is not None:
            return self.public_url
        if self.port == 0 or self.host in {"0.0.0.0", "::"}:  # noqa: S104 - nothing is opened here
            return None
        return f"{'http' if self.tls is None else 'https'}://{self.place}"
