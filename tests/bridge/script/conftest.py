"""A link for the authors' API in each of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.fakes.script_link import FakeLink, joined

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def link(request: pytest.FixtureRequest) -> Iterator[FakeLink]:
    with joined(str(request.path)) as made:
        yield made
