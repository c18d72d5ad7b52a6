"""What the bridge's unit tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Fail a test whose project code blocks the event loop."""
    with blockbuster_ctx("vms_bridge") as blocker:
        yield blocker
