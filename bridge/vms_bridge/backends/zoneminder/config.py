"""What a person configures about a ZoneMinder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

_PAGES = ("/index.php", "/api")


class ZoneMinderConfig(BaseModel):
    """The settings of one `type: zoneminder` system; durations are seconds unless their name says otherwise.

    `url` is the address of ZoneMinder's web page, such as `https://host/zm`. `shared_memory` is the directory of
    ZoneMinder's `zm.mmap.*` files (its ZM_PATH_MAP), or false to leave them alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    fingerprint: str | None = None
    verify_tls: bool = True
    poll_interval: Annotated[float, Field(ge=0.5, le=60)] = 2.0
    monitors_interval: Annotated[float, Field(ge=2, le=600)] = 15.0
    shared_memory: Literal[False] | Path = Path("/dev/shm")  # noqa: S108 (ZoneMinder's own default, only read)
    catch_up_days: Annotated[float, Field(ge=0, le=3650)] = 7.0
    timeout: Annotated[float, Field(ge=1, le=120)] = 10.0

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value.strip())
            host = parts.hostname
            _ = parts.port
        except ValueError as error:
            raise ValueError(f"is not a web address: {error}") from None
        if parts.scheme not in {"http", "https"} or not host:
            raise ValueError("wants an address such as http://host/zm")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not hold credentials; use username: and password:")
        path = parts.path.rstrip("/")
        for page in _PAGES:
            path = path.removesuffix(page)
        return urlunsplit((parts.scheme, parts.netloc, path.rstrip("/"), "", ""))

    @field_validator("fingerprint")
    @classmethod
    def _sha256(cls, value: str | None) -> str | None:
        if value is None:
            return None
        digits = value.lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
        if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
            raise ValueError("wants the certificate's SHA-256: 64 hex digits, colons allowed")
        return digits

    @model_validator(mode="after")
    def _agreement(self) -> ZoneMinderConfig:
        if self.username is not None and self.password is None:
            raise ValueError("username: needs password:")
        if self.password is not None and self.username is None:
            raise ValueError("password: needs username:")
        if self.fingerprint and self.ca_file:
            raise ValueError("ca_file: and fingerprint: exclude each other")
        if not self.verify_tls and (self.fingerprint or self.ca_file):
            raise ValueError("verify_tls: false contradicts ca_file: and fingerprint:")
        if self.fingerprint and not self.url.startswith("https:"):
            raise ValueError("fingerprint: needs a url: that starts with https:")
        return self
