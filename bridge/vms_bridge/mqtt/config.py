"""The `mqtt:` section of the configuration."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from vms_bridge.addresses import Address, WrongAddress, parse_address
from vms_bridge.commands import Level
from vms_bridge.doors import HttpOptions, address_mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCHEMES = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
_WEBSOCKETS = frozenset({"ws", "wss"})


class MqttConfig(HttpOptions):
    """How to reach the broker, and what to do there."""

    url: str = Field(
        description='write mqtt://, mqtts://, ws:// or wss://, then [user@]host[:port][/path], as in "mqtt://bridge@127.0.0.1"'
    )
    username: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="name the broker's user as it is, whatever characters it has, or leave it out and name it in url:",
    )
    password: SecretStr | None = Field(default=None, description="write `!file NAME` or `!env NAME`, which hold the password")
    client_id: str | None = Field(
        default=None, min_length=1, max_length=64, description="write 1 to 64 characters, or leave it out: the bridge makes one"
    )
    discovery: bool = Field(default=True, description="write true to announce entities to Home Assistant, false not to")
    discovery_prefix: str = Field(
        default="homeassistant",
        pattern=r"^[A-Za-z0-9_/-]{1,64}$",
        description="write where Home Assistant listens, `homeassistant` unless you changed it: letters, digits, _, - and /",
    )
    commands: Literal["none", "control", "admin"] = Field(
        default="control", description="choose none, control (what a resident does) or admin (also restarting and the like)"
    )
    command_age: float = Field(
        default=10.0,
        ge=0,
        le=300,
        description="write the seconds that a command may have waited for the bridge and still be carried out, 0 to 300",
    )
    snapshots: bool = Field(
        default=True, description="write true to publish a picture of each monitor's newest event, else false"
    )
    script_logs: bool = Field(
        default=False, description="write true to publish the lines of scripts' logs, which may say anything, else false"
    )
    measurement_interval: float = Field(
        default=10.0, ge=1, le=3600, description="write the seconds between publishes of frame rates and the like, 1 to 3600"
    )
    event_expiry: int = Field(
        default=86_400,
        ge=60,
        le=30 * 86_400,
        description="write the seconds that a broker keeps an event message, 60 to 2592000, such as 86400 for a day",
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        try:
            address = parse_address(url, _SCHEMES)
        except WrongAddress as wrong:
            raise address_mistake(wrong) from None
        if address.password is not None:
            remedy = (
                "take it out of the address, and write `password: !file NAME` or `password: !env NAME` beside url:;"
                " a : that belongs to the user's name is written %3A there, or as it is by username:"
            )
            raise PydanticCustomError("credentials", "the password does not belong in the address", {"remedy": remedy})
        has_path = address.path.strip("/") and address.scheme not in _WEBSOCKETS
        if address.query or address.fragment or has_path:
            what = "query" if address.query else "fragment" if address.fragment else "path"
            form = f"{address.scheme}://[user@]host[:port]{'[/path]' if address.scheme in _WEBSOCKETS else ''}"
            remedy = f"write {form}; in a user's name / is %2F, ? is %3F and # is %23, or name the user by username:"
            raise PydanticCustomError("address", f"has a {what}, for which there is no use", {"remedy": remedy})
        return url.strip()

    @field_validator("username")
    @classmethod
    def _check_username(cls, username: str | None, info: ValidationInfo) -> str | None:
        if username is not None and "\0" in username:
            raise ValueError("has a NUL character in it, which MQTT does not allow")
        url = info.data.get("url")
        if username is not None and url is not None and parse_address(url, _SCHEMES).username is not None:
            raise PydanticCustomError("login", "url: names a user too", {"remedy": "keep one of them"})
        return username

    def without_effect(self) -> Iterator[tuple[str, str]]:
        """Yield each option that can have no effect, with what to do about it."""
        yield from super().without_effect()
        if self.password is not None and self.user is None:
            yield "password", "name the user whose password this is by username:, or before the @ in url:"

    @property
    def level(self) -> Level:
        """How far whoever may publish to the broker may go."""
        return Level.READ if self.commands == "none" else Level(self.commands)

    @cached_property
    def address(self) -> Address:
        """The parsed address."""
        return parse_address(self.url, _SCHEMES)

    @property
    def user(self) -> str | None:
        """Who logs in, as the broker knows it."""
        return self.username if self.username is not None else self.address.username

    @property
    def host(self) -> str:
        """The broker's host."""
        return self.address.host

    @property
    def port(self) -> int:
        """The broker's port, the scheme's usual one where none is given."""
        return self.address.port

    @property
    def place(self) -> str:
        """Host and port for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.address.scheme in {"mqtts", "wss"}

    @property
    def websockets(self) -> bool:
        """Whether MQTT runs inside a WebSocket."""
        return self.address.scheme in _WEBSOCKETS
