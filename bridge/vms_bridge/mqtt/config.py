"""The `mqtt:` section of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

_SCHEMES = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


class MqttConfig(BaseModel):
    """How to reach the broker, and what to do there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="mqtt://, mqtts://, ws:// or wss:// [user@]host[:port][/path]")
    password: SecretStr | None = None
    client_id: str | None = Field(default=None, min_length=1, max_length=64)
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    discovery: bool = True
    discovery_prefix: str = Field(default="homeassistant", pattern=r"^[A-Za-z0-9_/-]{1,64}$")
    commands: Literal["none", "control", "admin"] = "control"
    snapshots: bool = True
    measurement_interval: float = Field(default=10.0, ge=1, le=3600, description="seconds between publishes of fps and the like")
    event_expiry: int = Field(default=86_400, ge=60, le=30 * 86_400, description="seconds that a broker keeps an event message")

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:  # its text quotes the address, and a password may stand there
            raise ValueError("the broker's address is not one, or its port is not between 0 and 65535") from None
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"the broker's address starts with one of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}")
        if not parts.hostname:
            raise ValueError("the broker's address has no host, as in mqtt://127.0.0.1:1883")
        if parts.password is not None:
            raise ValueError("the password does not belong in the address: use `password: !env NAME` or `!file PATH`")
        return url

    @model_validator(mode="after")
    def _check_certificate(self) -> MqttConfig:
        if (self.client_certificate is None) != (self.client_key is None):
            raise ValueError("client_certificate and client_key go together")
        return self

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
