"""What the library needs of whoever uses it: a way to servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping
    from datetime import datetime

    from vms_bridge.downloads import Stream
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
        """Such as application/json."""

    @property
    def date(self) -> datetime | None:
        """When it was given, by the server's clock; None where it does not say."""

    @property
    def retry_after_s(self) -> float | None:
        """After how many seconds it wants to be asked again, None where it does not say."""


class Transport(Protocol):
    """How questions get to a server: bounded in size and time, following no redirect, raising VmsError for what goes wrong."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        limit_bytes: int,
        body: bytes | AsyncIterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Ask at a URL that is encoded already, and return the whole answer. Raises VmsError."""

    async def open(self, url: str, *, headers: Mapping[str, str], timeout_s: float | None = None) -> Stream:
        """GET at a URL that is encoded already; the answer, or each piece of it, may take that long. Raises VmsError."""

    def quoted(self, text: str, *, longest: int = ...) -> str:
        """Return what somebody else has said without secrets, and no longer than a line or two, or than that."""

    def login_page(self, where: str, body: bytes) -> VmsError | None:
        """Return what to raise where the login page of something before the server came in the place of its answer."""
