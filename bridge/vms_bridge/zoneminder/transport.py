"""What the client needs of whoever uses it: a way to the server, and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from vms_bridge.errors import VmsError


class Answer(Protocol):
    """What a server has answered."""

    @property
    def status(self) -> int:
        """HTTP's number."""

    @property
    def body(self) -> bytes:
        """All of it, unpacked."""

    @property
    def content_type(self) -> str:
        """Such as text/html."""

    @property
    def date(self) -> datetime | None:
        """When it was given, by the server's clock; None where it does not say."""


class Stream(Protocol):
    """An answer that is read piece by piece, and closed by who has it."""

    @property
    def status(self) -> int:
        """HTTP's number."""

    @property
    def content_type(self) -> str:
        """Such as video/mp4."""

    @property
    def length(self) -> int | None:
        """How many bytes are to come, None where that is not told."""

    @property
    def content_range(self) -> str | None:
        """HTTP's header of that name: which bytes these are, of how many."""

    async def read(self) -> bytes:
        """Return what has come, of bounded size, as soon as there is something; nothing at the end. Raises VmsError."""

    def close(self) -> None:
        """Let go of it, at its end or before."""


class Transport(Protocol):
    """How questions get to a server: bounded in size and time, following no redirect, raising VmsError for what goes wrong."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        limit_bytes: int,
        form: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Ask at a URL that is encoded already, and return the whole answer. Raises VmsError."""

    async def open(self, url: str, *, headers: Mapping[str, str], timeout_s: float | None = None) -> Stream:
        """GET at a URL that is encoded already; the answer, or each piece of it, may take that long. Raises VmsError."""

    def quoted(self, text: str, *, longest: int = ...) -> str:
        """Return what somebody else has said without secrets, and no longer than a line or two, or than that."""

    def login_page(self, where: str, body: bytes) -> VmsError | None:
        """Return what to raise where the login page of something before the server came in the place of its answer."""


class Clock(Protocol):
    """Time, so that tests can drive it."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; never goes back."""

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Set a time limit (None: none), as `asyncio.timeout` does."""
