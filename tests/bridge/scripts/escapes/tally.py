"""Counts attempts and refusals over all processes of a run, and says them at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_TRIED, _REFUSED = "escape_tried", "escape_refused"


class Tally:
    """Notes what became of one attempt with the test's own result, which comes back from whichever process ran it."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    def count(self, how: str, *, is_refused: bool) -> None:
        """Count an attempt."""
        noted = self._request.node.user_properties
        noted.append((_TRIED, how))
        if is_refused:
            noted.append((_REFUSED, how))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many attempts to get out of a script's process there were, and how many of them were refused."""
    tried: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, how in getattr(report, "user_properties", ()) if getattr(report, "when", "") == "call" else ():
                (tried if name == _TRIED else refused if name == _REFUSED else Counter[str]())[how] += 1
    if tried:
        said = ", ".join(f"{how} {refused[how]} of {count}" for how, count in sorted(tried.items()))
        terminalreporter.write_line(f"escapes: {tried.total()} attempts, {refused.total()} refused ({said})")
