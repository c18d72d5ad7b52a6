"""How often the token in a picture's address changes."""

from __future__ import annotations

import math
import time

_APART_S = 900.0


class TokenPace:
    """Each change is a state, thus a row of the recorder: twelve an hour for a picture that does not change."""

    def __init__(self) -> None:
        self._changed = -math.inf

    def is_due(self) -> bool:
        """Say whether it may change now, and take it for changed then."""
        now = time.monotonic()
        if now - self._changed < _APART_S:
            return False
        self._changed = now
        return True
