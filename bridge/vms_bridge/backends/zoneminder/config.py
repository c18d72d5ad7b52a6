"""What a person configures about a ZoneMinder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from vms_bridge.addresses import WrongAddress
from vms_bridge.doors import HttpOptions, address_mistake, check_login
from vms_bridge.zoneminder.portal import LoginInAddress, portal_of


class ZoneMinderConfig(HttpOptions):
    """The settings of one `type: zoneminder` system; durations are seconds unless their name says otherwise."""

    url: str = Field(description="write what you open in the browser to see ZoneMinder, such as http://127.0.0.1/zm")
    username: str | None = Field(
        default=None, description="name a user of ZoneMinder with API access, or leave username: and password: out without logins"
    )
    password: SecretStr | None = Field(
        default=None, validate_default=True, description="write `!file NAME` or `!env NAME`, which hold the user's password"
    )
    poll_interval: float = Field(
        default=2.0, ge=0.5, le=60, description="write the seconds between two requests for events, 0.5 to 60, such as 2"
    )
    monitors_interval: float = Field(
        default=15.0,
        ge=2,
        le=600,
        description="write the seconds between two requests for the list of monitors, 2 to 600, such as 15",
    )
    shared_memory: Literal[False] | Path = Field(
        default=Path("/dev/shm"),  # noqa: S108 (ZoneMinder's own default, only read)
        description="name the directory of ZoneMinder's zm.mmap.* files (its ZM_PATH_MAP, mostly /dev/shm),"
        " or write false where the bridge runs on another machine",
    )
    catch_up_days: float = Field(
        default=7.0,
        ge=0,
        le=3650,
        description="write how many days back missed events are reported, such as 7, below retention.days",
    )
    camera_streams: bool = Field(
        default=False,
        description="write true to have live video fetched from the cameras themselves, which costs each a second session,"
        " else false",
    )
    timeout: float = Field(
        default=10.0, ge=1, le=120, description="write the seconds to wait for an answer, 1 to 120, such as 10"
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        try:
            return portal_of(value)
        except LoginInAddress as wrong:
            remedy = "take them out of the address, and write username: and password: beside url:"
            raise PydanticCustomError("credentials", str(wrong), {"remedy": remedy}) from None
        except WrongAddress as wrong:
            raise address_mistake(wrong) from None

    @field_validator("password")
    @classmethod
    def _check_password(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        check_login(value, info, "username")
        return value
