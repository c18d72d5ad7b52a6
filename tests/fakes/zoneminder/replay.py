"""A server that says again what a real ZoneMinder 1.38.4 has said, word for word: what nobody asked then it does not know."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from aiohttp import web
from tests.fakes.zoneminder.recorded import EXCHANGES, MORE

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNKNOWN = "unknown-controller"


@dataclass(slots=True)
class Replay:
    """Use as an async context manager; `first` names what is to be said where the same was asked several times.

    `also`: questions, as method and path, that mean the same as one that was asked, in other words, and the name of that.
    """

    first: tuple[str, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Method and path, in order."""
    unknown: list[str] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/zm"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        asked = f"{request.method} {unquote(request.rel_url.raw_path).removeprefix('/zm/')}"
        self.asked.append(asked)
        found = self._said(asked)
        if found is None:
            self.unknown.append(asked)
            found = EXCHANGES[_UNKNOWN]
        body = "" if found["body"] is None else json.dumps(found["body"])
        content_type = found["type"].partition(";")[0]
        return web.Response(text=body, status=found["status"], content_type=content_type, charset="UTF-8")

    def _said(self, asked: str) -> Mapping[str, Any] | None:
        everything = {**EXCHANGES, **MORE}
        if asked in self.also:
            return everything[self.also[asked]]
        names = [name for name, each in everything.items() if _question(each["request"]) == asked]
        chosen = next((name for name in self.first if name in names), None) or next(iter(names), None)
        return None if chosen is None else everything[chosen]


def _question(request: str) -> str:
    method, _, rest = request.partition(" ")
    return f"{method} {unquote(rest.partition(' form ')[0].partition('?')[0])}"
