"""What is drawn into a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.detect.values import Box


@dataclass(frozen=True, slots=True)
class Drawn:
    """A box with its label, as people read it, in one of a dozen colours."""

    label: str
    box: Box
    colour: int = 0
