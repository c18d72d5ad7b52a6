"""A server that has any number of events and costs next to nothing: rows of ZoneMinder 1.36, written as they are asked for.

So what a client needs for them is seen beside what the network needs, and not beside ZoneMinder's own half second a page.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp import web

from benchmarks.lab.remote import Json, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIST = re.compile(r"/zm/api/events(?:/index/(?P<named>.*))?\.json")
_PER_DAY = 1440
_ROW = {
    "Id": 0, "MonitorId": 1, "StorageId": 1, "SecondaryStorageId": 0, "Name": "Event-NUMBER", "Cause": "Motion",
    "StartDateTime": "DAY 10:05:51", "EndDateTime": "DAY 10:05:56", "Width": 320, "Height": 240, "Length": "4.81", "Frames": 25,
    "AlarmFrames": 7, "DefaultVideo": "NUMBER-video.mp4", "SaveJPEGs": 3, "TotScore": 21, "AvgScore": 3, "MaxScore": 3,
    "Archived": 0, "Videoed": 1, "Uploaded": 0, "Emailed": 0, "Messaged": 0, "Executed": 0, "Notes": "Motion: All", "StateId": 1,
    "Orientation": "ROTATE_0", "DiskSpace": None, "Scheme": "Medium", "Locked": False, "StartTime": "DAY 10:05:51",
    "EndTime": "DAY 10:05:56", "MaxScoreFrameId": 359, "FileSystemPath": "/var/cache/zoneminder/events/1/DAY/NUMBER",
}  # fmt: skip
_TEXT = json.dumps({"Event": _ROW}).replace('"Id": 0', '"Id": NUMBER')


@dataclass(frozen=True, slots=True)
class Pages:
    """So many events with the ids from 1 on, in lists by id."""

    events: int

    def chosen(self, named: str) -> tuple[int, int]:
        """Return the first and the last id that conditions on the id leave; others leave all."""
        first, last = 1, self.events
        for part in named.split("/"):
            name, _, value = part.partition(":")
            if name == "Id >":
                first = max(first, int(value) + 1)
            elif name == "Id >=":
                first = max(first, int(value))
            elif name == "Id <":
                last = min(last, int(value) - 1)
            elif name == "Id <=":
                last = min(last, int(value))
        return first, last

    def page(self, named: str, *, descends: bool, limit: int, number: int) -> str:
        """Return a page of the list."""
        first, last = self.chosen(named)
        count = max(0, last - first + 1)
        skipped = (number - 1) * limit
        shown = range(first + skipped, min(first + skipped + limit, last + 1))
        if descends:
            shown = range(last - skipped, max(last - skipped - limit, first - 1), -1)
        block = {"page": number, "current": len(shown), "count": count, "prevPage": number > 1, "limit": limit}
        block |= {"nextPage": skipped + limit < count, "pageCount": -(-count // limit)}
        return f'{{"events": [{", ".join(_rows(shown))}], "pagination": {json.dumps(block)}}}'


def _rows(numbers: Sequence[int]) -> list[str]:
    return [_TEXT.replace("NUMBER", str(each)).replace("DAY", _day(each)) for each in numbers]


def _day(number: int) -> str:
    days = number // _PER_DAY
    return f"2026-{1 + days // 28 % 12:02}-{1 + days % 28:02}"


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True)
    pages = Pages(parser.parse_args().events)
    asked = 0

    async def give(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        path = unquote(request.rel_url.raw_path)
        if found := _LIST.fullmatch(path):
            query = request.query
            limit, number = min(int(query.get("limit", 100)), 100), int(query.get("page", 1))
            text = pages.page(found["named"] or "", descends=query.get("direction") == "desc", limit=limit, number=number)
            return web.Response(text=text, content_type="application/json")
        small = {"host/getTimeZone": '{"tz": "UTC"}', "host/getVersion": '{"version": "1.36.33", "apiversion": "2.0"}'}
        name = path.removeprefix("/zm/api/").removesuffix(".json")
        if name in small:
            return web.Response(text=small[name], content_type="application/json")
        return web.Response(status=404, text="<html>not here</html>", content_type="text/html")

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", give)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()

        async def answer(do: str, _request: Json) -> Json | None:
            return {"url": f"http://127.0.0.1:{runner.addresses[0][1]}/zm", "asked": asked} if do == "where" else None

        await serve(answer)
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
