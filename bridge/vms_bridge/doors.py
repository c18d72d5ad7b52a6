"""What a person may say of any door to another program: whom to trust, by which certificate and by which login to enter.

Each is a pydantic model to inherit from, so that no door lacks an option that another has.
"""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from vms_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vms_bridge.addresses import WrongAddress

_ENCRYPTED = {"http": "https", "mqtt": "mqtts", "ws": "wss", "stomp": "stomps"}
_BY_HTTP = frozenset({"http", "https", "ws", "wss"})


class TlsOptions(BaseModel):
    """Whose certificate is good enough, and which one to show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    ca_file: Path | None = Field(
        default=None, description="name the PEM file of the authority that signed the server's certificate, or leave it out"
    )
    fingerprint: str | None = Field(
        default=None,
        description="write the certificate's SHA-256, 64 hex digits, as `vms-bridge check` shows it, or leave it out",
    )
    verify_tls: bool = Field(
        default=True, description="write true; false accepts any certificate, also that of somebody who listens in between"
    )
    client_certificate: Path | None = Field(
        default=None, description="name the PEM file of the bridge's own certificate, or leave it and client_key out"
    )
    client_key: Path | None = Field(
        default=None,
        validate_default=True,
        description="name the PEM file of the client certificate's key, or leave both out where none is wanted",
    )

    def without_effect(self) -> Iterator[tuple[str, str]]:
        """Yield each option that can have no effect, with what to do about it."""
        scheme = self.url.partition(":")[0].lower()
        better = _ENCRYPTED.get(scheme)
        for name in ("ca_file", "client_certificate") if better else ():
            if getattr(self, name) is not None:
                yield name, f"nothing is encrypted by {scheme}://: write {better}:// in url:, or leave {name}: out"

    @field_validator("fingerprint")
    @classmethod
    def _check_fingerprint(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        digits = re.sub(r"^sha-?256(?: fingerprint)?[:=]|[: ]", "", value.strip().lower())
        if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
            raise ValueError("is not a SHA-256: that is 64 hex digits, colons allowed")
        if info.data.get("ca_file"):
            remedy = "keep fingerprint: for a certificate that nobody else signed, ca_file: otherwise"
            raise PydanticCustomError("trust", "ca_file: and fingerprint: exclude each other", {"remedy": remedy})
        if better := _ENCRYPTED.get(_scheme(info)):
            remedy = f"write {better}:// in url:, or leave fingerprint: out"
            raise PydanticCustomError("trust", f"needs a url: that starts with {better}:", {"remedy": remedy})
        return digits

    @field_validator("verify_tls")
    @classmethod
    def _check_trust(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 (the value as it stands)
        if not value and (info.data.get("fingerprint") or info.data.get("ca_file")):
            remedy = "leave verify_tls: out, and the certificate is checked by them"
            raise PydanticCustomError("trust", "false contradicts ca_file: and fingerprint:", {"remedy": remedy})
        return value

    @field_validator("client_key")
    @classmethod
    def _check_key(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        certificate = info.data.get("client_certificate", ...)  # not there: it is wrong itself
        if key is None and certificate not in {None, ...}:
            raise ValueError("is missing, and client_certificate: needs it")
        if key is not None and certificate is None:
            raise ValueError("needs client_certificate:")
        return key


class HttpOptions(TlsOptions):
    """How to get through HTTP to a server, by what may be in front of it: certificates, and HTTP basic authentication."""

    http_username: str | None = Field(
        default=None,
        min_length=1,
        description="name the user that the web server or proxy before it wants by HTTP basic authentication, or leave it out",
    )
    http_password: SecretStr | None = Field(
        default=None, validate_default=True, description="write `!file NAME` or `!env NAME`, which hold that user's password"
    )

    @property
    def authorization(self) -> str | None:
        """What an HTTP request carries as `Authorization`, None without such a login."""
        if self.http_username is None or self.http_password is None:
            return None
        login = f"{self.http_username}:{self.http_password.get_secret_value()}"
        return f"Basic {b64encode(login.encode()).decode()}"

    @field_validator("http_username")
    @classmethod
    def _check_http_user(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and ":" in value:
            remedy = "write the name alone; the password belongs to http_password:"
            raise PydanticCustomError("login", "a user of HTTP basic authentication has no : in its name", {"remedy": remedy})
        if value is not None and _scheme(info) not in _BY_HTTP:
            remedy = "write ws:// or wss:// in url:, or leave http_username: and http_password: out"
            raise PydanticCustomError("login", "needs a url: by which HTTP is spoken", {"remedy": remedy})
        return value

    @field_validator("http_password")
    @classmethod
    def _check_http_login(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        check_login(value, info, "http_username")
        return value


def options_of(url: str, said: Mapping[str, Any]) -> HttpOptions:
    """Return what a program says of a door, None for what it leaves out; `verify` is `verify_tls`. Raises ConfigError."""
    given = {name: value for name, value in said.items() if value is not None}
    given["verify_tls"] = given.pop("verify", True)
    if "http_password" in given:
        given["http_password"] = SecretStr(given["http_password"])
    try:
        return HttpOptions(url=url, **given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        names = {"verify_tls": "verify"}
        where = ".".join(names.get(str(part), str(part)) for part in first["loc"])
        hint = str(first.get("ctx", {}).get("remedy", ""))
        raise ConfigError(first["msg"].removeprefix("Value error, "), key=where, hint=hint) from None


def check_login(password: SecretStr | None, info: ValidationInfo, name: str) -> None:
    """Raise where there is a password without a user, or the other way round; `name` is the option that names the user."""
    username = info.data.get(name, ...)  # not there: it is wrong itself
    if password is None and username not in {None, ...}:
        raise ValueError(f"is missing, and {name}: needs it")
    if password is not None and username is None:
        raise PydanticCustomError("login", f"needs {name}:", {"remedy": f"name the user whose password this is by {name}:"})


def address_mistake(wrong: WrongAddress) -> PydanticCustomError | ValueError:
    """Return what a validator of `url` raises: with the remedy, if there is a better one than the field's own."""
    if not wrong.remedy:
        return ValueError(str(wrong))
    return PydanticCustomError("address", "{what}", {"what": str(wrong), "remedy": wrong.remedy})


def _scheme(info: ValidationInfo) -> str:
    """Return how the address begins; where it is wrong itself nothing else is to be said of it."""
    return str(info.data.get("url", "https:")).partition(":")[0].lower()
