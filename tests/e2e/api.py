"""A bridge with an API before the lab's ZoneMinder, asked by its socket."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.e2e.bridge import Bridge

from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.e2e.zoneminder import ZoneMinder

API = "http://localhost/api/v1"
_OPEN_WITHIN_S = 30.0
_CONFIGURATION = """\
instance: api
data_dir: {folder}/data
http: {{port: 0}}
systems:
  zm:
    type: zoneminder
    url: {zoneminder.url}
    username: {zoneminder.username}
    password: !env E2E_ZM_PASSWORD
    shared_memory: {zoneminder.shared_memory}
"""


@asynccontextmanager
async def serving(
    folder: Path, zoneminder: ZoneMinder, limits: aiohttp.ClientTimeout, **options: str
) -> AsyncIterator[tuple[aiohttp.ClientSession, Bridge]]:
    """Run a bridge with these options of its ZoneMinder, until its API is open."""
    configuration = _CONFIGURATION.format(folder=folder, zoneminder=zoneminder)
    configuration += "".join(f"    {name}: {value}\n" for name, value in options.items())
    bridge = Bridge(folder, configuration, {"E2E_ZM_PASSWORD": zoneminder.password})
    await bridge.start()
    try:
        connector = aiohttp.UnixConnector(path=str(api_socket(folder / "data")))
        async with aiohttp.ClientSession(connector=connector, timeout=limits) as http:
            await until(partial(_is_open, http), _OPEN_WITHIN_S)
            yield http, bridge
    finally:
        await bridge.stop()


async def until(look: Callable[[], Awaitable[Any]], within: float) -> Any:
    """Look until there is something."""
    async with asyncio.timeout(within):
        while True:
            found = await look()
            if found:
                return found
            await asyncio.sleep(0.3)  # nobody tells when it changes


async def _is_open(http: aiohttp.ClientSession) -> bool:
    try:
        async with http.get(f"{API}/info"):
            return True
    except aiohttp.ClientConnectionError:
        return False
