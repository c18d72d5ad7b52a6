"""Recordings of what has happened: JSON, one occurrence a line, made to be replayed to a script (`script test --replay`)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from vms_bridge.foreign import mistakes_in
from vms_bridge.scripts.triggers.errors import RecordingInvalid
from vms_bridge.scripts.triggers.kinds import KINDS
from vms_bridge.scripts.triggers.occurrences import GONE, as_told, told
from vms_bridge.scripts.triggers.promised import check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vms_bridge.scripts.values import Occurrence

VERSION = 1
MOST_LINE_CHARACTERS = 2 * 1024 * 1024
MOST_DATA_BYTES = 256 * 1024


class _Line(BaseModel):
    """A line. Who writes one by hand needs `at`, `kind` and `what`; `data` is base64 of bytes that are no text."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    v: Literal[1] = 1
    at: Annotated[AwareDatetime, Field(strict=False)]
    kind: Annotated[str, Field(max_length=40)]
    what: dict[str, Any]
    data: str | None = None


def line(at: datetime, occurrence: Occurrence) -> str:
    """Return the line, without its end, that says that this happened then."""
    when = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    what = told(occurrence)
    if occurrence.kind == "mqtt":
        del what["json"]  # it follows from the payload
    said = {"at": when, "v": VERSION, "kind": occurrence.kind, "what": what}
    if occurrence.kind == "mqtt" and occurrence.data and what["payload"] is None:
        said["data"] = base64.b64encode(occurrence.data).decode()
    return json.dumps(said, ensure_ascii=True)


def read(lines: Iterable[str], *, file: str) -> Iterator[tuple[datetime, Occurrence]]:
    """Yield what a recording says, in its order, and when it was. Raises RecordingInvalid with the line of the mistake.

    Empty lines, and those that begin with `#`, say nothing. Times must not go back.
    """
    before: datetime | None = None
    for number, text in enumerate(lines, start=1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        try:
            before, occurrence = _read(text, before)
        except ValueError as error:
            raise RecordingInvalid(f"{file}:{number}: {error}", hint="docs/scripting.md says what such a line has") from None
        yield before, occurrence


def _read(text: str, before: datetime | None) -> tuple[datetime, Occurrence]:
    """Return what a line says. Raises ValueError."""
    if len(text) > MOST_LINE_CHARACTERS:
        raise ValueError(f"a line has at most {MOST_LINE_CHARACTERS} characters, and not {len(text)}")
    try:
        said = _Line.model_validate_json(text.strip())
    except ValidationError as error:
        raise ValueError("; ".join(f"{where}: {why}" if where else why for where, why in mistakes_in(error))) from None
    if said.kind not in KINDS and said.kind != GONE:
        raise ValueError(f"kind: nothing of the kind {said.kind!r} happens, but {', '.join(sorted(KINDS))}")
    if before is not None and said.at < before:
        raise ValueError("at: it is before that of the line above: put the lines in the order of their times")
    what = said.what
    if said.kind == "event" and "step" not in what:
        what = {**what, "step": what.get("type", "new")}
    check(said.kind, what)
    return said.at.astimezone(UTC), as_told(said.kind, what, _data(said.data))


def _data(text: str | None) -> bytes:
    try:
        data = base64.b64decode(text or "", validate=True)
    except ValueError:
        raise ValueError("data: this is no base64") from None
    if len(data) > MOST_DATA_BYTES:
        raise ValueError(f"data: at most {MOST_DATA_BYTES} bytes, and not {len(data)}")
    return data
