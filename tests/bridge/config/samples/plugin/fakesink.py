"""A sink as another package would offer it; what it is told to do decides how its check behaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from vms_bridge.findings import Finding
from vms_bridge.sinks import SinkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.sinks import BridgeIdentity, Trial
    from vms_bridge.views import HubView, Sink


class Settings(BaseModel):
    """What can be configured of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str = Field(description="write a topic")
    password: SecretStr | None = Field(default=None, description="write a password")
    behaviour: Literal["good", "bad", "raise", "hang", "lie"] = Field(default="good", description="choose how its check behaves")


class FakeSink:
    """Listens and says nothing."""

    name = "fake"

    async def run(self, hub: HubView) -> None:
        """Listen."""
        subscription = hub.subscribe()
        try:
            while True:
                await subscription.changes()
        finally:
            subscription.close()


def create(_settings: BaseModel, _bridge: BridgeIdentity, _clock: Clock) -> Sink:
    """Make it."""
    return FakeSink()


async def check(settings: BaseModel, trial: Trial) -> Sequence[Finding]:
    """Find what it is told to find."""
    assert isinstance(settings, Settings)
    match settings.behaviour:
        case "bad":
            return [Finding(text="nobody is there", problem=True)]
        case "raise":
            raise KeyError("hunter2hunter2")
        case "hang":
            await trial.clock.sleep(3600)
        case "lie":
            return ["all is well"]  # type: ignore[list-item]  # that is its lie
        case _:
            pass
    return [Finding(text=f"would tell {trial.bridge.instance} about {settings.topic}")]


KIND = SinkKind(
    name="fake",
    section="fakesink",
    config=Settings,
    create=create,
    is_durable=False,
    check=check,
    remedy="write what to tell, as in `fakesink: {topic: news}`",
)
