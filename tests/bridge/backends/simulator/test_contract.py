from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.contract import CHECKS, Subject
from tests.fakes.clock import FakeClock

from vms_bridge.backends import load_kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


KIND = load_kind("simulator")


@pytest.mark.parametrize("pictures_only", [0, 1])
@pytest.mark.parametrize("check", CHECKS)
async def test_it_keeps_the_contract(check: Callable[[Subject], Awaitable[None]], pictures_only: int) -> None:
    clock = FakeClock(datetime(2026, 11, 20, 12, 0, tzinfo=UTC))
    subject = Subject(
        make=lambda: KIND.create("sim", KIND.config(width=320, pictures_only=pictures_only), clock),
        advance=clock.advance,
        busy_s=120,
    )
    await check(subject)
