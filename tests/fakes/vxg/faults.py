"""How the simulated VXG misbehaves: each fault by the beginning of a path, so many times."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from aiohttp import web

HTML = "<html><head><title>Server Error (500)</title></head><body><h1>Server Error (500)</h1></body></html>"
KINDS = {
    "429": "no Retry-After",
    "429-after": "with Retry-After: `seconds`",
    "500-html": "a page of Django's",
    "502": "of something before it",
    "503": "the same",
    "400": "in its own three fields",
    "401": "the same",
    "403": "the same",
    "404": "the same",
    "truncated": "JSON that breaks off, though HTTP is whole",
    "cut": "the connection breaks off in the body",
    "close": "the connection is closed without an answer",
    "garbage": "no JSON, and HTTP 200",
    "nan": "JSON as only Python reads it",
    "deep": "JSON that is nested without end",
    "huge": "more than anybody reads",
    "empty": "nothing",
    "list": "another JSON than is asked for",
    "hang": "no answer until it is healed",
    "slow": "the answer, one piece at a time",
    "away": "a redirect to another host",
    "next-away": "a next page that is on another host",
    "next-loop": "a next page that is this one",
    "login": "the page of a proxy that wants a login",
}


@dataclass(slots=True)
class Fault:
    kind: str
    times: int = -1
    """-1: for ever."""
    seconds: float = 1.0
    method: str = ""


@dataclass(slots=True)
class Faults:
    """Which there are; the first that fits is what happens."""

    by_path: dict[str, Fault] = field(default_factory=dict)
    healed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, path: str, kind: str, times: int = -1, *, seconds: float = 1.0, method: str = "") -> None:
        assert kind in KINDS, kind
        self.by_path[path] = Fault(kind, times, seconds, method)
        self.healed.clear()

    def heal(self) -> None:
        self.by_path.clear()
        self.healed.set()

    def due(self, path: str, method: str) -> Fault | None:
        for beginning, fault in self.by_path.items():
            if path.startswith(beginning) and fault.times and fault.method in {"", method}:
                fault.times -= fault.times > 0
                return fault
        return None

    async def instead(self, fault: Fault, request: web.Request) -> web.StreamResponse | None:
        """Return what is answered in the place of the answer; None where that is only changed."""
        if fault.kind == "hang":
            await self.healed.wait()
        if fault.kind == "close" and request.transport is not None:
            request.transport.abort()
            return web.Response()
        return _refusal(fault) or _page(fault, request)

    async def changed(self, fault: Fault, request: web.Request, response: web.Response) -> web.StreamResponse:
        """Return the answer as the fault makes it."""
        body = bytes(response.body) if isinstance(response.body, bytes | bytearray) else b""
        if fault.kind == "truncated":
            return web.Response(status=response.status, body=body[: len(body) // 2], content_type="application/json")
        if fault.kind in {"next-away", "next-loop"}:
            said = json.loads(body)
            if "meta" not in said:
                return response
            said["meta"]["next"] = "//evil.example/api/v5/channels/?offset=1" if fault.kind == "next-away" else request.path_qs
            return web.json_response(said)
        if fault.kind in {"cut", "slow"}:
            stream = web.StreamResponse(status=response.status)
            stream.content_type = "application/json"
            stream.content_length = len(body)
            await stream.prepare(request)
            if fault.kind == "cut":
                await stream.write(body[: len(body) // 2])
                if request.transport is not None:
                    request.transport.abort()
                return stream
            for at in range(0, len(body), 16):
                await stream.write(body[at : at + 16])
            await stream.write_eof()
            return stream
        return response


def problem(status: int, error_type: str, detail: str) -> dict[str, object]:
    """[S] The three fields of an error; only `invalid_auth` is seen of the second."""
    return {"status": status, "errorType": error_type, "errorDetail": detail}


def _refusal(fault: Fault) -> web.Response | None:
    kind = fault.kind
    if kind.startswith("429"):
        headers = {"Retry-After": f"{fault.seconds:g}"} if kind == "429-after" else {}
        return web.json_response(problem(429, "too_many_requests", "Request was throttled."), status=429, headers=headers)
    if kind in {"400", "401", "403", "404"}:
        error_type = "invalid_auth" if kind == "401" else "error"
        return web.json_response(problem(int(kind), error_type, "as it was told to"), status=int(kind))
    if kind in {"500-html", "502", "503"}:
        return web.Response(status=int(kind[:3]), text=HTML, content_type="text/html")
    return None


def _page(fault: Fault, request: web.Request) -> web.Response | None:
    if fault.kind == "away":
        return web.Response(status=302, headers={"Location": f"https://evil.example{request.path_qs}"})
    if fault.kind == "huge":
        return web.Response(body=b"[" + b"1," * (4 * 1024 * 1024) + b"1]", content_type="application/json")
    plain = {
        "garbage": "surely no JSON",
        "nan": '{"utc": NaN, "objects": [{"id": Infinity}]}',
        "deep": "[" * 100_000,
        "empty": "",
        "list": "[1, 2, 3]",
        "login": '<html><form><input type="password" name="p"></form></html>',
    }
    return web.Response(text=plain[fault.kind], content_type="application/json") if fault.kind in plain else None
