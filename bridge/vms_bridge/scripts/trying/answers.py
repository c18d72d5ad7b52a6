"""What the made-up bridge of a trial is like, and answers: a JSON file of the author's, or nothing but what is usual."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from vms_bridge.errors import BridgeError
from vms_bridge.foreign import mistakes_in
from vms_bridge.model import EventKind
from vms_bridge.scripts.config import Zone
from vms_bridge.scripts.trying.files import MOST_FILE_BYTES, read_text

if TYPE_CHECKING:
    from pathlib import Path

Name = Annotated[str, Field(min_length=1, max_length=200)]
_Score = Annotated[float, Field(ge=0, le=1)]
_MOST = 1_000
_MODES: dict[str, tuple[str, ...]] = {"function": ("None", "Monitor", "Modect")}


class AnswersInvalid(BridgeError):
    """The file with answers says something that can't be understood."""

    code = "answers"


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SaidZone(_Said):
    """A zone of a monitor."""

    key: Name
    name: Name


class SaidMonitor(_Said):
    """A monitor: those that occurrences name need not be said. Without `modes` it has ZoneMinder's `function`."""

    system: Name
    key: Name
    name: str = ""
    area: str | None = None
    zones: tuple[SaidZone, ...] = ()
    modes: dict[str, tuple[str, ...]] = Field(default_factory=lambda: dict(_MODES))
    presets: tuple[str, ...] = ()
    connected: bool = True
    armed: bool = True


class SaidHttp(_Said):
    """The answer to requests of this method to an address like this: that of the first row which fits."""

    method: str = "*"
    url: str = "*"
    status: Annotated[int, Field(ge=100, le=599)] = 200
    headers: dict[str, str] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    text: str | None = None
    error: str | None = None
    """Nobody answers, for this reason."""

    def fits(self, method: str, url: str) -> bool:
        """Say whether it is the answer to this."""
        return fnmatchcase(method.upper(), self.method.upper()) and fnmatchcase(url, self.url)

    @property
    def body(self) -> bytes:
        """What is in the answer."""
        if self.text is not None:
            return self.text.encode()
        return b"{}" if self.json_ is None else json.dumps(self.json_, ensure_ascii=False).encode()


class SaidCommand(_Said):
    """What becomes of commands of this name, to a target like this: of the first row which fits."""

    name: str = "*"
    target: str = "*"
    result: Literal["applied", "accepted", "unchanged", "refused", "failed", "timeout"] = "applied"
    code: str | None = None
    hint: str | None = None
    detail: dict[str, Any] | None = None

    def fits(self, name: str, target: str) -> bool:
        """Say whether it is the answer to this."""
        return fnmatchcase(name, self.name) and fnmatchcase(target, self.target)


class SaidEvent(_Said):
    """An event that the archive has, beside those that occur."""

    id: Name
    """As in `zm-1234`."""
    monitor: Annotated[str, Field(pattern="^[^/]{1,100}/.{1,200}$")]
    """As in `zm/4`."""
    start: AwareDatetime
    end: AwareDatetime | None = None
    kind: EventKind = EventKind.ALARM
    cause: str = "Motion"
    notes: str = ""
    labels: tuple[str, ...] = ()
    score: _Score | None = None
    zones: tuple[str, ...] = ()


class SaidObject(_Said):
    """What detection finds in any picture."""

    label: Name
    score: _Score = 0.9
    box: tuple[float, float, float, float] | None = None


class Answers(_Said):
    """All that can be said of the bridge."""

    monitors: Annotated[tuple[SaidMonitor, ...], Field(max_length=_MOST)] = ()
    http: Annotated[tuple[SaidHttp, ...], Field(max_length=_MOST)] = ()
    commands: Annotated[tuple[SaidCommand, ...], Field(max_length=_MOST)] = ()
    events: Annotated[tuple[SaidEvent, ...], Field(max_length=_MOST)] = ()
    objects: Annotated[tuple[SaidObject, ...], Field(max_length=_MOST)] = ()
    notify: Literal["home_assistant", "mqtt", "nobody"] = "home_assistant"
    settings: dict[str, Any] = Field(default_factory=dict)
    state: dict[str, Any] = Field(default_factory=dict)
    latitude: Annotated[float, Field(ge=-90, le=90)] = 52.52
    longitude: Annotated[float, Field(ge=-180, le=180)] = 13.405
    time_zone: Zone = "UTC"


def read_answers(file: Path | None) -> Answers:
    """Return what the file says, or what is usual without one. Raises BridgeError."""
    if file is None:
        return Answers()
    text = read_text(file, MOST_FILE_BYTES)
    try:
        return Answers.model_validate(json.loads(text))
    except ValidationError as error:
        said = "; ".join(f"{where}: {why}" if where else why for where, why in mistakes_in(error))
        raise AnswersInvalid(f"{file} can't be understood: {said}", hint="docs/scripting.md has what may be in there") from None
    except (ValueError, RecursionError) as error:
        raise AnswersInvalid(f"{file} is no JSON: {error}", hint="it is one object") from None
