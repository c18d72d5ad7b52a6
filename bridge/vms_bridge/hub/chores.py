"""Work on the store that is done again and again, and whose failure must not end the bridge."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from vms_bridge.errors import StoreError
from vms_bridge.logs import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")


class Chore:
    """One such work, by its name for people."""

    def __init__(self, subject: str, monotonic: Callable[[], float]) -> None:
        self._trouble = Trouble(_LOGGER, subject, monotonic)

    async def attempt(self, work: Coroutine[None, None, _T]) -> _T | None:
        """Do it and return what came of it; None where it failed, which is reported, but seldom."""
        try:
            done = await work
        except StoreError as error:
            self._trouble.report(error, hint=error.hint)
            return None
        except Exception as error:  # a boundary: a defect here must end neither states nor events
            name = type(error).__name__
            if self._trouble.report(f"{name}: {error}", code=name, level=logging.ERROR):
                _LOGGER.exception("this is a defect: please report it as an issue")
            return None
        self._trouble.over()
        return done
