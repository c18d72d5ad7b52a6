"""Why the worker refuses a request."""

from __future__ import annotations


class Unfit(Exception):
    """A picture can't be used; the text says why, for people."""

    def __init__(self, text: str, *, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint
