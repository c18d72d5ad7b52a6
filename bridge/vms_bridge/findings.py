"""What `vms-bridge check` finds, in words for the person who has written the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of `vms-bridge check`; with `problem` set, `hint` says how to mend it."""

    text: str
    problem: bool = False
    hint: str = ""


def admitted(found: Iterable[object]) -> list[Finding]:
    """Return the findings of a part that is not ours to trust, 500 at most. Raises TypeError for what is none."""
    admitted = []
    for finding in islice(found, _MOST):
        if not (isinstance(finding, Finding) and isinstance(finding.text, str) and isinstance(finding.hint, str)):  # type: ignore[redundant-expr]
            raise TypeError(f"a finding is a {type(finding).__name__}")
        admitted.append(finding)
    return admitted
