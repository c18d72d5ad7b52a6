"""What can be said of an error, wherever it comes from: as one of `errors.py`, of a group the most specific one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vms_bridge.errors import (
    BackendDefect,
    BridgeError,
    CommandRejected,
    CommandUnverified,
    MediaUnavailable,
    StoreError,
    UnsupportedCommand,
    VmsAuthFailed,
    VmsError,
    VmsProtocolError,
    VmsUnreachable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_Error = TypeVar("_Error", bound=BaseException)
_LONGEST = 1_000
_NAMED = (
    *(VmsAuthFailed, UnsupportedCommand, CommandRejected, CommandUnverified, MediaUnavailable, StoreError),
    *(VmsProtocolError, VmsUnreachable, VmsError),
)


def explained(error: BaseException) -> BridgeError:
    """Return the error, the most specific one of a group, as one that can be shown: whatever it is, and short."""
    if isinstance(error, BaseExceptionGroup):
        error = most_specific(error)
    if not isinstance(error, BridgeError):
        return BackendDefect(type(error).__name__, _text(error))
    text, hint = _text(error), getattr(error, "hint", None)
    is_whole = len(text) < _LONGEST and isinstance(hint, str) and len(hint) < _LONGEST
    if is_whole:
        return error
    kind = next((kind for kind in _NAMED if isinstance(error, kind)), BridgeError)
    return kind(text, hint=hint[:_LONGEST] if isinstance(hint, str) else "")


def most_specific(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error in a group, however deep, that says best what to do; of equal ones the first, which made the others stop.

    A fatal one, then a refused login, then what else can be explained, the lack of an answer last: it is often a consequence.
    """
    return min(causes(group), key=_rank)


def _rank(error: BaseException) -> int:
    if not isinstance(error, BridgeError):
        return 4 if isinstance(error, Exception) else 5
    if error.is_fatal:
        return 0
    if isinstance(error, VmsAuthFailed):
        return 1
    return 3 if isinstance(error, VmsUnreachable) else 2


def is_defect(error: BaseException) -> bool:
    """Say whether it is, or holds, something that nobody has foreseen."""
    if isinstance(error, BaseExceptionGroup):
        return any(is_defect(each) for each in error.exceptions)
    return not isinstance(error, BridgeError)


def _text(error: BaseException) -> str:
    """Return what an error says, whatever its author made of that."""
    try:
        return str(error)[:_LONGEST]
    except Exception:  # noqa: BLE001 - its `__str__` is foreign code too
        return ""


def causes(group: BaseExceptionGroup[_Error]) -> Iterator[_Error]:
    """Yield the errors in a group, however deep they are nested; the one that made the others stop comes first."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from causes(error)
        else:
            yield error
