"""What a person configures about a VXG Cloud VMS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from vms_bridge.doors import TlsOptions, check_login
from vms_bridge.errors import ConfigError
from vms_bridge.vxg.alerts import Broker
from vms_bridge.vxg.hosts import DEFAULT_URL, Hosts
from vms_bridge.vxg.tokens import parse_token

if TYPE_CHECKING:
    from vms_bridge.vxg import Options

_Host = Annotated[str, Field(min_length=1, max_length=260)]
_Name = Annotated[str, Field(min_length=1, max_length=64)]


class PushConfig(TlsOptions):
    """Where the installation pushes alerts to, if it does."""

    url: str = Field(description="write the address of the broker of alerts, such as stomps://alerts.example.com:61614")
    topic: str = Field(
        min_length=1, max_length=256, description="write the topic that the vendor names, such as /topic/alarm-queue-x"
    )
    username: str | None = Field(default=None, min_length=1, description="name the user, or leave it and password: out")
    password: SecretStr | None = Field(
        default=None, validate_default=True, description="write `!file NAME` or `!env NAME`, which hold that user's password"
    )

    virtual_host: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="name the broker's virtual host, such as /, where it has several and none of its own address's name",
    )

    @property
    def broker(self) -> Broker:
        """Whom to listen to."""
        secret = None if self.password is None else self.password.get_secret_value()
        return Broker(trust=self, topic=self.topic, username=self.username, password=secret, virtual_host=self.virtual_host)

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        try:
            _ = Broker(trust=TlsOptions(url=value), topic="").address
        except ConfigError as error:
            raise _mistake(error) from None
        return value

    @field_validator("password")
    @classmethod
    def _check_password(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        check_login(value, info, "username")
        return value


class VxgConfig(TlsOptions):
    """The settings of one `type: vxg` system; durations are seconds unless their name says otherwise."""

    url: str = Field(
        default=DEFAULT_URL,
        validate_default=True,
        description="write the address of the VXG Cloud VMS's API, such as https://web.skyvr.videoexpertsgroup.com",
    )
    token: SecretStr = Field(
        description="write `!file NAME` or `!env NAME`, which hold the access token of a group of channels, or of one channel"
    )
    allowed_hosts: tuple[_Host, ...] = Field(
        default=(),
        max_length=32,
        description="name the hosts beside that of url: which the token may name as its API, or media may come from"
        " though they are in a private network",
    )
    poll_interval: float = Field(
        default=2.0, ge=0.5, le=60, description="write the seconds between two requests for events, 0.5 to 60, such as 2"
    )
    channels_interval: float = Field(
        default=60.0, ge=5, le=3_600, description="write the seconds between two requests for the channels, 5 to 3600, such as 60"
    )
    hold: float = Field(
        default=10.0,
        ge=1,
        le=600,
        description="write for how many seconds after its beginning an event goes on, 1 to 600: this VMS tells no end of any",
    )
    quiet_events: tuple[_Name, ...] = Field(
        default=("net", "wifi", "memorycard", "record", "snapshot"),
        max_length=100,
        description="write the names of events that are no alarm, such as [net, record]",
    )
    catch_up_days: float = Field(
        default=7.0, ge=0, le=3_650, description="write how many days back missed events are reported, such as 7"
    )
    clips_kept_hours: float = Field(
        default=24.0, ge=1, le=8_760, description="write for how many hours the VMS keeps clips that were made for somebody here"
    )
    read_metadata: bool = Field(
        default=True, description="write false to pass over the documents in which others say what they have seen"
    )
    write_metadata: bool = Field(
        default=False, description="write true to have what is detected here noted in the VMS, as documents and tags of events"
    )
    push: PushConfig | None = Field(
        default=None, description="write where the installation pushes alerts, as in `push: {url: stomps://..., topic: ...}`"
    )
    timeout: float = Field(
        default=30.0, ge=1, le=120, description="write the seconds to wait for an answer, 1 to 120, such as 30"
    )

    @property
    def options(self) -> Options:
        """How the library is to get there."""
        options: Options = {"timeout_s": self.timeout, "verify": self.verify_tls}
        if self.ca_file is not None:
            options["ca_file"] = self.ca_file
        if self.fingerprint is not None:
            options["fingerprint"] = self.fingerprint
        if self.client_certificate is not None and self.client_key is not None:
            options["client_certificate"], options["client_key"] = self.client_certificate, self.client_key
        return options

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        try:
            return Hosts(value).url
        except ConfigError as error:
            raise _mistake(error) from None

    @field_validator("token")
    @classmethod
    def _check_token(cls, value: SecretStr) -> SecretStr:
        try:
            parse_token(value.get_secret_value())
        except ConfigError as error:
            raise _mistake(error) from None
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            Hosts(DEFAULT_URL, value)
        except ConfigError as error:
            raise _mistake(error) from None
        return value


def _mistake(error: ConfigError) -> PydanticCustomError:
    return PydanticCustomError("vxg", "{what}", {"what": error.args[0], "remedy": error.hint})
