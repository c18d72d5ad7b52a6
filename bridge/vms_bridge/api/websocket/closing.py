"""Why a WebSocket is closed: the code, and a reason of a few words."""

from __future__ import annotations

import logging
from enum import IntEnum

_LOGGER = logging.getLogger(__name__)

MOST_REASON_BYTES = 123
"""What fits into a close frame (RFC 6455, 5.5)."""


class CloseCode(IntEnum):
    """RFC 6455's codes, and our own from 4400 on, which end as HTTP's do."""

    DONE = 1000
    PROTOCOL = 1002
    BINARY = 1003
    NOT_UTF8 = 1007
    TOO_LARGE = 1009
    DEFECT = 1011
    RESTART = 1012
    INVALID = 4400
    UNAUTHENTICATED = 4401
    UNKNOWN_PROTOCOL = 4406
    LATE = 4408
    MISDIRECTED = 4421


class Closing(Exception):
    """The socket is to be closed, for this reason; None: its other end has gone."""

    def __init__(self, code: CloseCode | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def defect(error: BaseException) -> Closing:
    """Log what nobody has foreseen, and return why the socket is closed."""
    _LOGGER.error("a WebSocket failed in an unforeseen way", exc_info=error)
    return Closing(CloseCode.DEFECT, "internal error: the bridge's log says more")
