"""The real ZoneMinder of lab/zoneminder, and its API as another client would use it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from tests.e2e.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping

LAB = Path(__file__).parent / "lab" / "zoneminder"
_LAB_WITHIN_S = 300.0  # longer than the lab's own deadlines, so that it can say itself what has failed


def what_is_missing() -> str | None:
    """Say why it can't be started here; None if it can."""
    if os.geteuid() != 0:
        return "zoneminder: only root can run it"
    found = subprocess.run([LAB, "installed"], capture_output=True, text=True, check=False)
    return None if found.returncode == 0 else found.stderr.strip()


class ZoneMinder:
    """Three cameras: 1 and 2 in Modect, 3 in Mocord; nothing moves until told."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        # Stretches of ports that are free together: RTP takes four after its own.
        web, database, cameras = free_ports(3)
        cameras = min(cameras, 65_000) & ~1
        ports = {"ZM_PORT": str(web), "ZM_DB_PORT": str(database), "ZM_CAM_PORT": str(cameras)}
        self._environment = os.environ | ports | dict(environment or {})
        self._token = ""

    async def __aenter__(self) -> Self:
        end, self._lifeline = os.pipe()  # the lab ends with us, however we end
        self._environment["ZM_LIFELINE"] = "1"
        status = json.loads(await self._lab("up", stdin=end))
        os.close(end)
        self.url: str = status["url"]
        self.username: str = status["username"]
        self.password: str = status["password"]
        self.shared_memory: str = status["shared_memory"]
        self.pid: int = status["pid"]
        self.root = Path(status["root"] or "/")
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._http.close()
        await self._lab("down")
        os.close(self._lifeline)

    async def motion(self, monitor: int, *, on: bool) -> None:
        """Let something move in front of that camera from now on, or nothing."""
        await self._lab("motion", str(monitor), "on" if on else "off")

    async def stop(self, part: str) -> None:
        """Stop `apache`, `mariadb` or `cameras`."""
        await self._lab("part", part, "stop")

    async def start(self, part: str) -> None:
        """Start it again."""
        await self._lab("part", part, "start")

    async def zmu(self, *arguments: str) -> str:
        """Run ZoneMinder's own command line tool as its administrator."""
        return (await self._lab("exec", "zmu", "-U", self.username, "-P", self.password, *arguments)).strip()

    async def sql(self, statement: str) -> list[list[str]]:
        """Run SQL on ZoneMinder's database; return rows of columns."""
        out = await self._lab("sql", "--batch", "--skip-column-names", "--execute", statement)
        return [line.split("\t") for line in out.splitlines()]

    async def api(self, method: str, path: str, form: dict[str, str] | None = None) -> Any:
        """Call the API, logging in first."""
        if not self._token:
            login = {"user": self.username, "pass": self.password}
            async with self._http.post(f"{self.url}/api/host/login.json", data=login) as response:
                self._token = (await response.json(content_type=None))["access_token"]
        async with self._http.request(method, f"{self.url}/api/{path}", params={"token": self._token}, data=form) as response:
            assert response.status < 400, f"{response.status} {path}"
            text = await response.text()
        return json.loads(text) if text else None

    async def force_alarm(self, monitor: int, *, on: bool) -> None:
        """Force an alarm by the API, or cancel it."""
        await self.api("GET", f"monitors/alarm/id:{monitor}/command:{'on' if on else 'off'}.json")

    async def edit(self, monitor: int, **fields: str) -> None:
        """Change a monitor, as its page does."""
        await self.api("POST", f"monitors/{monitor}.json", {f"Monitor[{key}]": value for key, value in fields.items()})

    async def monitor(self, monitor: int) -> dict[str, Any]:
        """Return a monitor's row."""
        row: dict[str, Any] = (await self.api("GET", f"monitors/{monitor}.json"))["monitor"]["Monitor"]
        return row

    async def monitors(self) -> set[int]:
        """Return the ids of all monitors."""
        return {int(row["Monitor"]["Id"]) for row in (await self.api("GET", "monitors.json"))["monitors"]}

    async def alarm(self, monitor: int) -> int:
        """Return the alarm state that ZoneMinder's own tool reads: 1 idle, 2 prealarm, 3 alarm, 4 alert, 5 tape."""
        return int(await self.zmu("-m", str(monitor), "-s"))

    async def until_alarm(self, monitor: int, *states: int, within: float = 15.0) -> None:
        """Wait until the alarm state is one of these; ZoneMinder has no event for it."""
        end = time.monotonic() + within
        while (now := await self._alarm_if_told(monitor)) not in states:
            assert time.monotonic() < end, f"monitor {monitor} of ZoneMinder is in state {now}, not {states}"
            await asyncio.sleep(0.1)

    async def _alarm_if_told(self, monitor: int) -> int | None:
        """Return it; None while the tool fails, as it does in the moment in which the monitor's daemon starts anew."""
        try:
            return await self.alarm(monitor)
        except AssertionError:
            return None

    async def version(self) -> str:
        """Return ZoneMinder's version."""
        return str((await self.api("GET", "host/getVersion.json"))["version"])

    async def _lab(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> str:
        process = await asyncio.create_subprocess_exec(
            LAB, *arguments, env=self._environment, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            async with asyncio.timeout(_LAB_WITHIN_S):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, f"{LAB} {arguments[0]}: {err.decode(errors='replace')[-3000:]}"
        return out.decode()
