"""A ZoneMinder, real or fake, by the few calls of its API that a benchmark needs: the peer without a bridge."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from benchmarks.lab.running import CannotMeasureError

if TYPE_CHECKING:
    import argparse

PASSWORD = "BENCH_ZM_PASSWORD"  # noqa: S105 - the name of a variable


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how to reach a real ZoneMinder."""
    parser.add_argument("--real", action="store_true", help="measure the real ZoneMinder of --zm-url too")
    parser.add_argument("--zm-url", default="http://127.0.0.1:8095/zm", help="its web page; default %(default)s")
    parser.add_argument("--zm-user", default="admin", help=f"its user; the password stands in ${PASSWORD}")
    parser.add_argument("--zm-monitor", default="1", help="a monitor in mode Modect that sees nothing move; default %(default)s")


def password() -> str:
    """Return the real ZoneMinder's password, from the environment."""
    if PASSWORD not in os.environ:
        raise CannotMeasureError(f"--real wants ZoneMinder's password in ${PASSWORD}")
    return os.environ[PASSWORD]


class ZoneMinder:
    """A login to one; without a user none is needed."""

    def __init__(self, url: str, user: str | None = None, password: str = "") -> None:
        self.url, self.user = url, user
        self._password = password
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30))
        self._token = ""

    async def __aenter__(self) -> Self:
        if self.user is None:
            return self
        try:
            answer = await self._call("POST", "host/login", {"user": self.user, "pass": self._password})
        except (OSError, aiohttp.ClientError) as error:
            await self._http.close()
            raise CannotMeasureError(f"can't log in to a ZoneMinder at {self.url}: {error}") from None
        self._token = str(answer["access_token"])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def alarm(self, monitor: str, command: str) -> None:
        """Force (`on`) or cancel (`off`) an alarm; returns when ZoneMinder answers."""
        await self._call("GET", f"monitors/alarm/id:{monitor}/command:{command}")

    async def function(self, monitor: str) -> str:
        """Return the monitor's mode."""
        return str((await self._call("GET", f"monitors/{monitor}"))["monitor"]["Monitor"]["Function"])

    async def set_function(self, monitor: str, function: str) -> None:
        """Change the monitor's mode."""
        await self._call("POST", f"monitors/{monitor}", {"Monitor[Function]": function})

    async def _call(self, method: str, path: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        query = {"token": self._token} if self._token else {}
        async with self._http.request(method, f"{self.url}/api/{path}.json", params=query, data=form) as response:
            response.raise_for_status()
            answer: dict[str, Any] = await response.json()
            return answer
