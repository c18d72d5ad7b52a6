"""Which picture of an event, as a value of an option."""

from __future__ import annotations

import re

import click


class Frame(click.ParamType[str]):
    """A picture of an event: one that ZoneMinder has a name for, or a frame's number."""

    name = "frame"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is said; it becomes a part of a file's name."""
        if not re.fullmatch(r"snapshot|alarm|objdetect|[1-9][0-9]{0,8}", str(value)):
            self.fail(f"expected alarm, objdetect, snapshot or a frame's number, not {value!r}", param, ctx)
        return str(value)
