"""What a client may say in a command, and how its words are read."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vms_bridge.errors import CommandRejected
from vms_bridge.model import EventRef

RequestId = Annotated[str, Field(min_length=1, max_length=128)]


class Request(BaseModel):
    """A command in JSON; plain text, as `ON`, is the same as `{"value": "ON"}`. What is not listed here is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: Annotated[str, Field(max_length=1_000)] | bool | None = Field(
        default=None, description="What plain text would say: ON, OFF, a mode, a run state, a tag, a note."
    )
    on: bool | None = Field(default=None, description="Another way to say ON or OFF.")
    request_id: RequestId | None = Field(
        default=None, description="Given back in the ack; a repeat within ten minutes is answered, and not executed again."
    )
    event: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Commands on an event only: its id."
    )
    cause: Annotated[str, Field(max_length=64)] | None = Field(default=None, description="what the VMS notes as the cause.")
    text: Annotated[str, Field(max_length=256)] | None = None
    score: Annotated[int, Field(ge=0, le=255)] | None = None
    seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] | None = Field(
        default=None, description="end it by itself after this time."
    )

    speed: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = Field(
        default=None, description="how fast, or how far where it moves by steps; 0.5 is the middle of what the camera can."
    )

    @property
    def details(self) -> dict[str, object]:
        """What it says besides the value, for the commands whose rows name it."""
        return {name: said for name in DETAILS if (said := getattr(self, name)) is not None}


DETAILS = tuple(name for name in Request.model_fields if name not in {"value", "on", "request_id", "event"})
"""The fields that belong to some commands only."""


def event_of(request: Request, system: str) -> EventRef:
    """Return which event of the system is meant. Raises CommandRejected where none is said, or another system's."""
    if request.event is None:
        raise CommandRejected("which event is not said", hint='send JSON with its id, as {"event": "zm-1234"}')
    event = EventRef.parse(request.event)
    if event is None or event.system != system:
        raise CommandRejected(f"system {system!r} has no event {request.event!r}", hint="its id is in the messages of events")
    return event


def switch(request: Request) -> bool:
    """Return whether ON is asked for, or OFF. Raises CommandRejected for anything else."""
    for asked in (request.on, request.value):
        if isinstance(asked, bool):
            return asked
        if isinstance(asked, str) and asked.upper() in {"ON", "OFF"}:
            return asked.upper() == "ON"
    raise CommandRejected("neither ON nor OFF", hint='send ON, OFF, or JSON as {"value": "ON"}')


def word(request: Request) -> str:
    """Return the value as it is. Raises CommandRejected where there is none."""
    if not isinstance(request.value, str) or not request.value or not request.value.isprintable():
        raise CommandRejected("the value is missing", hint='send the value as plain text, or JSON as {"value": "..."}')
    return request.value


def text(request: Request) -> str:
    """Return the value as a line of text, which may be empty. Raises CommandRejected where there is none."""
    if not isinstance(request.value, str) or not request.value.isprintable():
        raise CommandRejected("the text is missing, or is more than a line", hint='send JSON as {"event": "...", "value": "..."}')
    return " ".join(request.value.split())
