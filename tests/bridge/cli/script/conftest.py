"""The same fixtures as of the other verbs; trials have an event loop to themselves, and may look at files there."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Take the place of the check for blocking calls."""
