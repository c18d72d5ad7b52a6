"""What a person configures about a ZoneMinder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

_PAGES = ("/index.php", "/api")


class ZoneMinderConfig(BaseModel):
    """The settings of one `type: zoneminder` system; durations are seconds unless their name says otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="write what you open in the browser to see ZoneMinder, such as http://127.0.0.1/zm")
    username: str | None = Field(
        default=None, description="name a user of ZoneMinder with API access, or leave username: and password: out without logins"
    )
    password: SecretStr | None = Field(
        default=None, validate_default=True, description="write `!file NAME` or `!env NAME`, which hold the user's password"
    )
    ca_file: Path | None = Field(
        default=None, description="name the PEM file of the authority that signed ZoneMinder's certificate, or leave it out"
    )
    fingerprint: str | None = Field(
        default=None,
        description="write the certificate's SHA-256, 64 hex digits, as `vms-bridge check` shows it, or leave it out",
    )
    verify_tls: bool = Field(
        default=True, description="write true; false accepts any certificate, also that of somebody who listens in between"
    )
    poll_interval: float = Field(
        default=2.0, ge=0.5, le=60, description="write the seconds between two looks for events, 0.5 to 60, such as 2"
    )
    monitors_interval: float = Field(
        default=15.0,
        ge=2,
        le=600,
        description="write the seconds between two looks at the list of monitors, 2 to 600, such as 15",
    )
    shared_memory: Literal[False] | Path = Field(
        default=Path("/dev/shm"),  # noqa: S108 (ZoneMinder's own default, only read)
        description="name the directory of ZoneMinder's zm.mmap.* files (its ZM_PATH_MAP, mostly /dev/shm),"
        " or write false where the bridge runs on another machine",
    )
    catch_up_days: float = Field(
        default=7.0, ge=0, le=3650, description="write how many days back missed events are told, such as 7, below retention.days"
    )
    timeout: float = Field(
        default=10.0, ge=1, le=120, description="write the seconds to wait for an answer, 1 to 120, such as 10"
    )

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value.strip())
            host = parts.hostname
            _ = parts.port
        except ValueError as error:
            raise ValueError(f"is not a web address: {error}") from None
        if parts.scheme not in {"http", "https"}:
            raise ValueError("does not start with http:// or https://")
        if not host:
            raise ValueError("has no host")
        if parts.username is not None or parts.password is not None:
            remedy = "take them out of the address, and write username: and password: beside url:"
            raise PydanticCustomError("credentials", "credentials do not belong in the address", {"remedy": remedy})
        path = parts.path.rstrip("/")
        for page in _PAGES:
            path = path.removesuffix(page)
        return urlunsplit((parts.scheme, parts.netloc, path.rstrip("/"), "", ""))

    @field_validator("password")
    @classmethod
    def _login(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        username = info.data.get("username", ...)  # not there: it is wrong itself
        if value is None and username not in {None, ...}:
            raise ValueError("is missing, and username: needs it")
        if value is not None and username is None:
            raise PydanticCustomError("login", "needs username:", {"remedy": "name the user whose password this is by username:"})
        return value

    @field_validator("fingerprint")
    @classmethod
    def _sha256(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        digits = value.lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
        if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
            raise ValueError("is not a SHA-256: that is 64 hex digits, colons allowed")
        if info.data.get("ca_file"):
            remedy = "keep fingerprint: for a certificate that nobody else signed, ca_file: otherwise"
            raise PydanticCustomError("trust", "ca_file: and fingerprint: exclude each other", {"remedy": remedy})
        if not info.data.get("url", "https:").startswith("https:"):
            remedy = "write https:// in url:, or leave fingerprint: out"
            raise PydanticCustomError("trust", "needs a url: that starts with https:", {"remedy": remedy})
        return digits

    @field_validator("verify_tls")
    @classmethod
    def _trust(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 (the value as it stands)
        if not value and (info.data.get("fingerprint") or info.data.get("ca_file")):
            remedy = "leave verify_tls: out, and the certificate is held against them"
            raise PydanticCustomError("trust", "false contradicts ca_file: and fingerprint:", {"remedy": remedy})
        return value
