"""Questions from one part of the bridge to whoever has said that it answers them, as a client that can notify people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from vms_bridge.errors import NobodyAnswers, RequestUnanswered, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from vms_bridge.clock import Clock

    Answer: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

MOST_ANSWERING = 256


class HubAnswering:
    """One who answers questions of a kind, until it is closed."""

    def __init__(self, answer: Answer, on_close: Callable[[HubAnswering], None]) -> None:
        self.answer, self._on_close = answer, on_close

    def close(self) -> None:
        """Answer no more."""
        self._on_close(self)


class Questions:
    """Who answers what; of several who answer the same, the one that has said so last is asked, and nobody else for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answering: dict[str, list[HubAnswering]] = {}

    def answering(self, kind: str, answer: Answer) -> HubAnswering:
        """Have questions of this kind answered by this. Raises TooManyRequests."""
        if sum(map(len, self._answering.values())) >= MOST_ANSWERING:
            raise TooManyRequests(f"{MOST_ANSWERING} answer questions already", hint="close those that nobody needs any more")

        def close(closed: HubAnswering) -> None:
            left = [each for each in self._answering.get(kind, ()) if each is not closed]
            if left:
                self._answering[kind] = left
            else:
                self._answering.pop(kind, None)

        one = HubAnswering(answer, close)
        self._answering.setdefault(kind, []).append(one)
        return one

    async def ask(self, kind: str, content: Mapping[str, Any], *, within_s: float) -> Mapping[str, Any]:
        """Return the answer. Raises NobodyAnswers, or RequestUnanswered; nobody else is asked then: it may have been done."""
        found = self._answering.get(kind)
        if not found:
            raise NobodyAnswers(f"nobody is there to answer {kind!r}", hint="connect a client that says that it does")
        try:
            async with self._clock.timeout(within_s) as limit:
                return await found[-1].answer(content)
        except TimeoutError:
            if not limit.expired():
                raise
            raise RequestUnanswered(
                f"no answer to {kind!r} within {within_s:g} s", hint="it may have been done all the same"
            ) from None
