"""Changes: what is sent to make them, and how they are seen to be made.

ZoneMinder's answers to changes can't be trusted: a page in the place of JSON, nothing at all, or a failure although it is done.
So what was changed is read again, and only that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.errors import BrokeOff, ConnectionClosed, TimedOut, TooLarge, VmsError
from vms_bridge.zoneminder.parse import as_float, as_text, mapping
from vms_bridge.zoneminder.refusals import GatewayFailed, NotDone, ServerFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from vms_bridge.zoneminder.connection import Connection

_LOOK_AGAIN_S = (0.5, 1.0, 2.0)
_WORDS = {"true": "1", "false": "0"}


class Change:
    """One change of `what` (for people), such as monitor 3."""

    def __init__(self, connection: Connection, what: str, *, timeout_s: float | None = None) -> None:
        self._connection, self._what, self._timeout_s = connection, what, timeout_s
        self._doubt: VmsError | None = None
        self.answer: object = None

    async def send(self, method: str, path: str, form: Mapping[str, str] | None = None, *, at: str | None = None) -> None:
        """Ask for it; an answer that leaves open whether it is done is no failure yet. Raises VmsError."""
        client = self._connection.client
        try:
            self.answer = await client.change(method, path, form, timeout_s=self._timeout_s, at=at)
        except (TimedOut, ServerFailed, BrokeOff, ConnectionClosed, TooLarge) as error:
            self._doubt = error
            return
        said = refusal_in(self.answer)
        if said:
            raise NotDone(
                f"ZoneMinder did not save {self._what}: {client.quoted(said)}", hint="look at the values that were given"
            )

    async def see(self, missing: Callable[[], Awaitable[str]]) -> None:
        """Have it looked up by `missing`, which returns what is not as it should be, until that is nothing. Raises VmsError."""
        # A failure of PHP's own comes at its end: what has not happened by then will not.
        is_over = isinstance(self._doubt, ServerFailed) and not isinstance(self._doubt, GatewayFailed)
        waits = iter(() if is_over else _LOOK_AGAIN_S)
        while said := await missing():
            wait_s = next(waits, None)
            if wait_s is None:
                raise self._doubt or NotDone(
                    f"ZoneMinder did not change {self._what}: {self._connection.client.quoted(said)}",
                    hint="does ZoneMinder's log, or the web server's, say why?",
                )
            await self._connection.clock.sleep(wait_s)
        self._connection.log.debug("%s was changed", self._what)


def refusal_in(answer: object) -> str:
    """Return what ZoneMinder says in the place of `Saved`, nothing where it says no such thing."""
    message = mapping(answer).get("message")
    if isinstance(message, dict | list):  # what its validation complains of, by column
        return "; ".join(f"{column}: {as_text(_first(said))}" for column, said in mapping(message).items())
    text = as_text(message)
    return text if text.startswith("Error") or "could not be" in text else ""


def _first(said: object) -> object:
    return said[0] if isinstance(said, list) and said else said


def form_of(model: str, columns: Mapping[str, object]) -> dict[str, str]:
    """Return the form that sets these columns; a name may be written as in forms, too (`Monitor[Colours]`)."""
    return {f"{model}[{_column(model, name)}]": text_of(value) for name, value in columns.items()}


def columns_of(model: str, columns: Mapping[str, object]) -> dict[str, object]:
    """Return the same with plain names."""
    return {_column(model, name): value for name, value in columns.items()}


def _column(model: str, name: str) -> str:
    return name.removeprefix(f"{model}[").removesuffix("]") if name.startswith(f"{model}[") else name


def text_of(value: object) -> str:
    """Return a column's value as it is sent."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)


def is_same(wanted: object, found: object) -> bool:
    """Say whether a column has this value, in whatever spelling."""
    one, other = text_of(wanted), text_of(found)
    one, other = _WORDS.get(one.lower(), one), _WORDS.get(other.lower(), other)
    if one == other:
        return True
    number = as_float(one)
    return number is not None and number == as_float(other)


def differing(wanted: Mapping[str, object], found: Mapping[str, object]) -> dict[str, object]:
    """Return the columns of `wanted` that are not so in `found`."""
    return {name: value for name, value in wanted.items() if name not in found or not is_same(value, found[name])}
