"""The `mqtt:` section of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

_SCHEMES = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


class MqttConfig(BaseModel):
    """How to reach the broker, and what to do there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        description='write mqtt://, mqtts://, ws:// or wss://, then [user@]host[:port][/path], as in "mqtt://bridge@127.0.0.1"'
    )
    password: SecretStr | None = Field(default=None, description="write `!file NAME` or `!env NAME`, which hold the password")
    client_id: str | None = Field(
        default=None, min_length=1, max_length=64, description="write 1 to 64 characters, or leave it out: the bridge makes one"
    )
    ca_file: Path | None = Field(
        default=None, description="name the PEM file of the authority that signed the broker's certificate, or leave it out"
    )
    client_certificate: Path | None = Field(
        default=None, description="name the PEM file of the bridge's own certificate, or leave it and client_key out"
    )
    client_key: Path | None = Field(
        default=None,
        validate_default=True,
        description="name the PEM file of the client certificate's key, or leave both out where the broker wants none",
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
    snapshots: bool = Field(
        default=True, description="write true to publish a picture of each monitor's newest event, else false"
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
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:  # its text quotes the address, and a password may stand there
            raise ValueError("is not an address, or its port is not between 0 and 65535") from None
        if parts.scheme not in _SCHEMES:
            raise ValueError("does not start with mqtt://, mqtts://, ws:// or wss://")
        if not parts.hostname:
            raise ValueError("has no host")
        if parts.password is not None:
            remedy = "take it out of the address, and write `password: !file NAME` or `password: !env NAME` beside url:"
            raise PydanticCustomError("credentials", "the password does not belong in the address", {"remedy": remedy})
        return url

    @field_validator("client_key")
    @classmethod
    def _check_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        certificate = info.data.get("client_certificate", ...)  # not there: it is wrong itself
        if key is None and certificate not in {None, ...}:
            raise ValueError("is missing, and client_certificate: needs it")
        if key is not None and certificate is None:
            raise ValueError("needs client_certificate:")
        return key

    @property
    def parts(self) -> SplitResult:
        """The parsed address."""
        return urlsplit(self.url)

    @property
    def host(self) -> str:
        """The broker's host."""
        return self.parts.hostname or ""

    @property
    def port(self) -> int:
        """The broker's port, the scheme's usual one where none is given."""
        return self.parts.port or _SCHEMES[self.parts.scheme]

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.parts.scheme in {"mqtts", "wss"}

    @property
    def websockets(self) -> bool:
        """Whether MQTT runs inside a WebSocket."""
        return self.parts.scheme in {"ws", "wss"}
