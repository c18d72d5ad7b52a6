"""What a route of the simulated API is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Answered = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """A path, what is answered there, and how that is known."""

    method: str
    path: str
    handle: Callable[[Any], Answered]
    mark: str
    """The evidence: any of S, D, T, I."""
    is_open: bool = False
    wants_all: bool = False
    """Whether a token for watching does not do."""
