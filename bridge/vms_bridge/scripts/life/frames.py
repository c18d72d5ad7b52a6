"""What a worker may say, read by pydantic models: nothing of it is believed, numbers are finite, texts are cut."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from vms_bridge.foreign import mistakes_in
from vms_bridge.scripts.wire import WireError

MOST_TEXT = 8 * 1024
MOST_TRACEBACK = 16 * 1024
MOST_DECLARED = 256
_MOST_ID = 2**53


def _cut(most: int) -> BeforeValidator:
    return BeforeValidator(lambda said: said[:most] if isinstance(said, str) else said)


Id: TypeAlias = Annotated[int, Field(ge=0, le=_MOST_ID)]
Text: TypeAlias = Annotated[str, _cut(MOST_TEXT)]
Traceback: TypeAlias = Annotated[str, _cut(MOST_TRACEBACK)]
Line: TypeAlias = Annotated[int, Field(ge=0, le=10_000_000)]


class Frame(BaseModel):
    """One thing that a worker says."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class LevelFrame(Frame):
    """It has locked itself down, and tested that."""

    t: Literal["level"]
    level: Literal["seccomp+landlock", "seccomp", "process"]
    details: dict[str, Any] = Field(default_factory=dict)


class RefusedFrame(Frame):
    """It can't be locked down; it ends now."""

    t: Literal["refused"]
    code: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    text: Text


class ReadyFrame(Frame):
    """The top level has run."""

    t: Literal["ready"]
    triggers: Annotated[list[dict[str, Any]], Field(max_length=MOST_DECLARED)] = Field(default_factory=list)
    entities: Annotated[list[dict[str, Any]], Field(max_length=MOST_DECLARED)] = Field(default_factory=list)


class FailedFrame(Frame):
    """The top level has not run to its end."""

    t: Literal["failed"]
    text: Text
    traceback: Traceback = ""
    line: Line | None = None


class AskFrame(Frame):
    """The script asks for something."""

    t: Literal["ask"]
    id: Id
    what: Annotated[str, Field(max_length=100)]
    words: dict[str, Any] = Field(default_factory=dict, alias="with")


class CancelFrame(Frame):
    """Nobody waits for that answer any more."""

    t: Literal["cancel"]
    id: Id


class Problem(Frame):
    """What a handler has raised."""

    text: Text
    traceback: Traceback = ""
    line: Line | None = None
    cancelled: bool = False


class DoneFrame(Frame):
    """A call has come to its end."""

    t: Literal["done"]
    id: Id
    error: Problem | None = None


class LogFrame(Frame):
    """A line of the script's log."""

    t: Literal["log"]
    level: Literal["debug", "info", "warning", "error"]
    text: Text
    line: Line | None = None


class PongFrame(Frame):
    """It is there."""

    t: Literal["pong"]
    id: Id


Said: TypeAlias = LevelFrame | RefusedFrame | ReadyFrame | FailedFrame | AskFrame | CancelFrame | DoneFrame | LogFrame | PongFrame
_SAID: TypeAdapter[Said] = TypeAdapter(Annotated[Said, Field(discriminator="t")])


def understand(said: dict[str, Any]) -> Said:
    """Return what a frame says. Raises WireError for what makes no sense, in words that quote nothing of it."""
    try:
        return _SAID.validate_python(said)
    except ValidationError as error:
        where, why = mistakes_in(error)[0]
        raise WireError(f"a frame makes no sense: {where or 'its type'}: {why}") from None
    except RecursionError:
        raise WireError("a frame is nested too deep") from None
