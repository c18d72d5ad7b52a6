"""A backend as a third party would offer it: found by its entry point, with a model of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from vms_bridge.backends.base import BackendKind, Finding
from vms_bridge.errors import UnsupportedCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.backends.base import Feed
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action, VmsTarget
    from vms_bridge.model import PictureRef


class Account(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = "admin"
    pin: SecretStr | None = None
    ca_file: Path | None = None


class NetworkCamera(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["network"]
    port: int


class FileCamera(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["file"]
    folder: Path


class FakeConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="http://host/path")
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    poll_interval: float = Field(default=2.0, ge=0.5, le=60, description="seconds between two looks")
    verify_tls: bool = True
    shared_memory: Literal[False] | Path = Path("/dev/shm")  # noqa: S108 - only a value
    account: Account | None = None
    cameras: list[Annotated[NetworkCamera | FileCamera, Field(discriminator="kind")]] = Field(default_factory=list)
    behaviour: Literal["good", "bad", "advise", "raise", "hang"] = "good"

    @field_validator("url")
    @classmethod
    def _quotes_what_it_got(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"wants an address such as http://host/zm, not {url}")
        return url

    @model_validator(mode="after")
    def _agreement(self) -> FakeConfig:
        if self.username is not None and self.password is None:
            raise ValueError("username: needs password:")
        return self


class FakeBackend:
    def __init__(self, key: str, config: BaseModel, clock: Clock) -> None:
        assert isinstance(config, FakeConfig)
        self.key, self.config, self.clock = key, config, clock

    @property
    def url(self) -> str | None:
        return self.config.url

    async def run(self, feed: Feed) -> None:  # noqa: ARG002 - the protocol's
        await self.clock.sleep(3600)

    async def execute(self, target: VmsTarget, action: Action) -> None:  # noqa: ARG002 - the protocol's
        raise UnsupportedCommand("nothing can be done here")

    async def refresh(self, target: VmsTarget) -> None:
        pass

    async def picture(self, ref: PictureRef) -> bytes:  # noqa: ARG002 - the protocol's
        return b""

    async def check(self) -> Sequence[Finding]:
        if self.config.behaviour == "raise":
            raise KeyError("hunter2-in-an-exception")
        if self.config.behaviour == "hang":
            await self.clock.sleep(3600)
        if self.config.behaviour == "bad":
            return [Finding(text="wrong\x1b[31m password", problem=True, hint="check username and password")]
        if self.config.behaviour == "advise":
            return [Finding(text="an old version", hint="upgrade one day")]
        return [Finding(text="version 1, 3 monitors")]


KIND = BackendKind(name="fakevms", title="Fake VMS", config=FakeConfig, create=FakeBackend)
