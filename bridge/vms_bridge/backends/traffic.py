"""How long a VMS takes to answer: each request that goes through here is timed, by how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge import metrics
from vms_bridge.errors import TimedOut, VmsError, VmsUnreachable
from vms_bridge.measures import Histograms

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Iterator, Mapping
    from typing import Protocol, TypeVar

    from vms_bridge.clock import Clock
    from vms_bridge.http import Answer, HttpClient, Stream
    from vms_bridge.measures import Reading

    class _Status(Protocol):
        @property
        def status(self) -> int: ...

    _Answer = TypeVar("_Answer", bound=_Status)


class Traffic:
    """What was asked of one system; it outlives the clients that ask."""

    def __init__(self, system: str, clock: Clock) -> None:
        self._system, self._clock = system, clock
        self._took = Histograms()

    async def timed(self, transfer: str, request: Awaitable[_Answer]) -> _Answer:
        """Return the answer to this request, and note how long it took. Raises what the request does."""
        began, outcome = self._clock.monotonic(), "cancelled"
        try:
            answer = await request
            outcome = _outcome(answer.status)
        except VmsError as error:
            outcome = _failure(error)
            raise
        finally:
            self._took.observe(self._clock.monotonic() - began, transfer, outcome)
        return answer

    def readings(self) -> Iterator[Reading]:
        """Yield how long requests took."""
        yield from self._took.readings(metrics.VMS_REQUESTS, self._system)


class MeasuredClient:
    """An HTTP client whose requests are timed."""

    def __init__(self, client: HttpClient, traffic: Traffic) -> None:
        self._client, self._traffic = client, traffic
        self.quoted, self.login_page = client.quoted, client.login_page

    async def send(
        self,
        method: str,
        url: str,
        *,
        limit_bytes: int,
        form: Mapping[str, str] | None = None,
        body: bytes | AsyncIterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Ask, and return the whole answer. Raises VmsError."""
        request = self._client.send(
            method, url, limit_bytes=limit_bytes, form=form, body=body, headers=headers, timeout_s=timeout_s
        )
        return await self._traffic.timed("whole", request)

    async def open(self, url: str, *, headers: Mapping[str, str], timeout_s: float | None = None) -> Stream:
        """GET, to be read piece by piece; whoever gets it closes it. Raises VmsError."""
        return await self._traffic.timed("streamed", self._client.open(url, headers=headers, timeout_s=timeout_s))


def _outcome(status: int) -> str:
    if status >= 500:
        return "failed"
    return "refused" if status >= 400 else "ok"


def _failure(error: VmsError) -> str:
    if isinstance(error, TimedOut):
        return "timeout"
    return "unreachable" if isinstance(error, VmsUnreachable) else "error"
