"""What a simulated system takes in from outside: `trigger`, by which a script has one of its cameras alarm for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from vms_bridge.commands import SetAlarm
from vms_bridge.receivers import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Trigger(BaseModel):
    """Which camera alarms, for how long, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    monitor: str = Field(min_length=1, max_length=48, description="The monitor, by its id in the simulator.")
    seconds: float = Field(default=10.0, ge=1, le=600, description="After how many seconds the alarm ends by itself.")
    cause: str = Field(default="Trigger", min_length=1, max_length=32, description="Why there is an alarm.")
    text: str = Field(default="", max_length=256, description="More about that.")
    score: int = Field(default=255, ge=1, le=255, description="How much moves.")

    @property
    def alarm(self) -> SetAlarm:
        """What is done to the camera."""
        return SetAlarm(on=True, cause=self.cause, text=self.text, score=self.score)


class Triggered:
    """The alarms that were triggered, and until when each lasts; `force` begins one, or raises CommandRejected."""

    def __init__(self, force: Callable[[Trigger], float]) -> None:
        self._force = force
        self._until: dict[str, float] = {}

    @property
    def receiver(self) -> Receiver:
        """What is registered with the hub."""
        return Receiver(
            name="trigger",
            meaning="one of the cameras alarms, as if somebody had forced that, and ends by itself",
            body=Trigger,
            receive=self._receive,
        )

    def has(self, monitor_id: str) -> bool:
        """Say whether the camera's alarm is one of these."""
        return monitor_id in self._until

    def forget(self, monitor_id: str) -> None:
        """Leave the camera's alarm to who has commanded it since."""
        self._until.pop(monitor_id, None)

    def over(self, time: float) -> Iterator[str]:
        """Yield the cameras whose alarms have lasted long enough."""
        for monitor_id in [each for each, until in self._until.items() if until <= time]:
            del self._until[monitor_id]
            yield monitor_id

    async def _receive(self, trigger: Trigger) -> None:
        self._until[trigger.monitor] = self._force(trigger) + trigger.seconds
