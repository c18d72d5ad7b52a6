"""Configuration files, most of them wrong; the last line of each says which message it is to bring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PLUGIN = HERE / "plugin"
COMPLETE = HERE / "complete.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A file with a mistake: `expect LINE KEY | part of the message | part of the hint` in its last line."""

    path: Path
    line: int
    key: str | None
    message: str
    hint: str


def mistakes() -> list[Mistake]:
    return [_mistake(path) for path in sorted((HERE / "mistakes").glob("*.yaml"))]


def _mistake(path: Path) -> Mistake:
    last = path.read_text().rstrip("\n").rpartition("\n")[2]
    where, message, hint = (part.strip() for part in last.removeprefix("# expect ").split("|"))
    line, _, key = where.partition(" ")
    return Mistake(path=path, line=int(line), key=key or None, message=message, hint=hint)
