"""The `scripts:` section of the configuration."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from vms_bridge.scripts.approvals import ApprovalOf
from vms_bridge.scripts.urls import WrongUrl, parse_pattern

UIDS = 1_000
"""How many users scripts have, from `uid_base` on."""


class SandboxKind(StrEnum):
    """What stands between a script and the machine."""

    REQUIRED = "required"
    PROCESS = "process"


def _pattern(text: str) -> str:
    try:
        parse_pattern(text)
    except WrongUrl as error:
        hint = "write URLs as in `for: [https://api.example.com/*]`"
        raise PydanticCustomError("url_pattern", "{why}", {"why": str(error), "remedy": hint}) from None
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        hint = "write a name as in `time_zone: Europe/Berlin`"
        raise PydanticCustomError("time_zone", "there is no such time zone", {"remedy": hint}) from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]


class SecretSettings(BaseModel):
    """A secret that scripts can have put into requests, and never see."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: SecretStr = Field(min_length=1, description="write `!file NAME` or `!env NAME`, which holds the secret")
    urls: tuple[Annotated[str, AfterValidator(_pattern)], ...] = Field(
        alias="for",
        min_length=1,
        max_length=20,
        description="write to which URLs it may be sent, as in `[https://api.example.com/*]`",
    )


class Location(BaseModel):
    """Where on earth the sun rises and sets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latitude: float = Field(ge=-90, le=90, description="write degrees north, as in `latitude: 52.52`")
    longitude: float = Field(ge=-180, le=180, description="write degrees east, as in `longitude: 13.40`")


class ScriptsConfig(BaseModel):
    """Where scripts are, and what they may use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path | None = Field(
        default=None, description="write the folder with the scripts, or leave it out for `scripts` in `data_dir`"
    )
    sandbox: SandboxKind = Field(
        default=SandboxKind.REQUIRED, description="write required, or process to run scripts without a boundary (dangerous)"
    )
    approval: ApprovalOf = Field(
        default=ApprovalOf.SOURCE,
        description="write source to approve each version of a script, or permissions to approve what it may do only",
    )
    memory_mb: int = Field(default=256, ge=64, le=4096, description="write how many megabytes a script may have, 64 to 4096")
    memory_total_mb: int = Field(
        default=1024, ge=64, le=65_536, description="write how many megabytes all scripts may use together, 64 to 65536"
    )
    processor: float = Field(
        default=0.5,
        gt=0,
        le=64,
        description="write how much of a processor each script may use on average, as in `processor: 0.5`",
    )
    uid_base: int = Field(
        default=61_000,
        ge=1_000,
        le=2_000_000_000,
        description="write the first of 1,000 user ids that nobody else has, for a bridge that is run by root",
    )
    time_zone: Zone = Field(
        default="UTC", description="write the time zone that times of scripts mean, as in `time_zone: Europe/Berlin`"
    )
    location: Location | None = Field(
        default=None, description="write where the sun rises and sets, as in `location: {latitude: 52.52, longitude: 13.40}`"
    )
    export_folder: Path | None = Field(
        default=None, description="write the folder that scripts may export pictures and clips to, or leave it out for none"
    )
    secrets: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")], SecretSettings] = Field(
        default_factory=dict,
        max_length=100,
        description="write secrets by name, as in `gate_token: {value: !file gate.token, for: [https://gate.example.com/*]}`",
    )
    local_hosts: tuple[Annotated[str, Field(min_length=1, max_length=253)], ...] = Field(
        default=(),
        max_length=100,
        description="write names of hosts that may be in a private network, as in `local_hosts: [gate.lan]`",
    )
    modules: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,99}$")], ...] = Field(
        default=(), max_length=100, description="write further modules of Python's standard library that scripts may import"
    )
