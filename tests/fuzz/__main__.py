"""Fuzz the API: a bridge with simulated cameras, asked by schemathesis all that its document says, and all that it does not say.

    scripts/test --fuzz [--seed N] [--examples N]

There is a run for each kind of token, and one without any. No answer may be a 5xx that is the bridge's own fault, or one that the
document does not describe, nothing may be had without the right, and the bridge may log no error.

Two scripts are there: the one that the document names, which is read, set, stopped and replaced, and a spare one to be deleted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fuzz.checks import LINK as LINK_NAME
from tests.fuzz.checks import SCOPE

from vms_bridge.api.routes.media import CLIP
from vms_bridge.app import Bridge
from vms_bridge.clock import SystemClock
from vms_bridge.config import load
from vms_bridge.index import Search
from vms_bridge.links import address_of, target_of
from vms_bridge.scripting import ScriptStatus
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from vms_bridge.hub import Hub

ROOT = Path(__file__).parents[2]
SYSTEM = "zm"
CONFIG = """\
data_dir: {folder}/data
systems:
  {system}: {{type: simulator, cameras: 3, pace: 2}}
scripts: {{}}
http: {{port: {port}, limits: {{requests: 10000}}}}
"""
SCRIPT, SPARE = "gate", "spare"
SOURCE = '''\
"""Counts what happens, for the fuzzer to look at."""

from vms_bridge.script import Number, Secret, Switch, Text, entity, log, on, permissions, settings, state

permissions(entities=True, webhooks=["gate"])
settings(threshold=Number(0.5, min=0, max=1), loud=Switch(False), greeting=Text("Hello"), pin=Secret())
events = entity.sensor("events")


@on.event()
async def began(event):
    state["count"] = state.get("count", 0) + 1
    events.set(state["count"])
    log.info(event.id)
'''
CHECKS = (
    *("status_code_conformance", "content_type_conformance", "response_headers_conformance", "response_schema_conformance"),
    *("negative_data_rejection", "unsupported_method", "none_without_a_right", "nothing_fails"),
)
CHECKS_OF_LINKS = tuple(each for each in CHECKS if each != "negative_data_rejection")
"""A token that is made up is left out there: what was to be wrong may be right without it."""
LIMITED: dict[str, dict[str, Any]] = {"limited": {"monitors": frozenset({(SYSTEM, "2")})}}
BOUND: dict[str, dict[str, Any]] = {Scope.HOOK: {"receiver": (SYSTEM, "trigger")}}
LINK = "link"
RUNS = (Scope.ADMIN, Scope.READ, Scope.CONTROL, Scope.HOOK, *LIMITED, LINK, "")
ALL_PHASES = "examples,coverage,fuzzing"
"""With the first token everything; the others differ from it in what they may only."""
FEW = 3
LEFT_OUT = ("revoke_self", "open_websocket", "watch_mpeg_ts", "watch_mp4", "watch_mjpeg")
"""The first would be the last that is served, the second is no request that has an answer, and the others' have no end."""
_ENVIRONMENT = {"PYTHONPATH": f"{ROOT}:{ROOT / 'bridge'}", "SCHEMATHESIS_HOOKS": "tests.fuzz.checks"}
_WAIT_S = 60.0


class Complaints(logging.Handler):
    """Errors that the bridge has logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.said.append(self.format(record))


async def fuzz(folder: Path, seed: int, examples: int) -> int:
    """Run all; return 0 if nothing was found."""
    port = a_free_port()
    (folder / "vms-bridge.yaml").write_text(CONFIG.format(folder=folder, system=SYSTEM, port=port), encoding="utf-8")
    bridge = Bridge(load(folder / "vms-bridge.yaml"), SystemClock())
    complaints = Complaints()
    logging.getLogger("vms_bridge").addHandler(complaints)
    running = asyncio.create_task(bridge.run())
    try:
        await bridge.ready.wait()
        async with asyncio.timeout(_WAIT_S):
            event = await a_whole_event(bridge.hub)
            await scripts_at_work(bridge.hub)
        document(folder, event)
        url = f"http://127.0.0.1:{port}"
        link = await a_link(bridge.hub, url, event)
        failed = [run or "no token" async for run in failing(folder, url, link, bridge.hub, (seed, examples))]
    finally:
        bridge.stop()
        await running
    for said in complaints.said:
        print(f"fuzz: the bridge has logged: {said}", file=sys.stderr)
    print(f"fuzz: seed {seed}: {'FAILED with ' + ', '.join(failed) if failed else 'nothing was found'}")
    return 1 if failed or complaints.said else 0


def a_free_port() -> int:
    """Return a port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def a_whole_event(hub: Hub) -> str:
    """Wait for an event that is over, and return its id."""
    while True:
        page = await hub.search(Search(is_open=False, monitors=frozenset({(SYSTEM, "1")})), limit=1)
        if page.events and page.events[0].event.clip_ready:
            return page.events[0].ref.format()
        await asyncio.sleep(0.2)


async def scripts_at_work(hub: Hub) -> None:
    """Have both scripts run, and wait until they do, and the one has something to show."""
    await until_true(lambda: hub.scripts.is_there)
    scripts = hub.scripts.current
    for name in (SCRIPT, SPARE):
        view = await scripts.upload(name, SOURCE, by="fuzz")
        await scripts.approve(name, sha256=view.sha256, by="fuzz")
    await until_true(lambda: all(scripts.get(name).life.status == ScriptStatus.READY for name in (SCRIPT, SPARE)))
    await until_true(lambda: bool(hub.own_entities.owners[SCRIPT].states))


async def until_true(condition: Callable[[], bool]) -> None:
    """Wait for this."""
    while not condition():  # noqa: ASYNC110 - what it waits for has no event
        await asyncio.sleep(0.2)


async def a_link(hub: Hub, url: str, event: str) -> str:
    """Return the address of a link to the event's clip, which is asked for without a query."""
    target = target_of(CLIP, {"event": event})
    _, signature = await hub.links.sign(target)
    return f"{url}{address_of(target, signature)}"


def document(folder: Path, event: str) -> None:
    """Write the document with examples that there are, and without links: made-up ones would hide what tokens can do."""
    text = (ROOT / "bridge" / "vms_bridge" / "schemas" / "openapi.json").read_text(encoding="utf-8")
    said = json.loads(text)
    for path in said["paths"].values():
        for operation in path.values():
            operation["security"] = [one for one in operation["security"] if "link" not in one]
            for parameter in operation["parameters"]:
                if parameter["name"] == "event":
                    parameter["example"] = event
                elif parameter["name"] == "script":
                    parameter["example"] = SPARE if operation["operationId"] == "delete_script" else SCRIPT
    (folder / "openapi.json").write_text(json.dumps(said), encoding="utf-8")


async def failing(folder: Path, url: str, link: str, hub: Hub, how: tuple[int, int]) -> AsyncIterator[str]:
    """Run schemathesis with each token, and with a link, and yield those with which it has found something.

    `how` are the seed, and how many examples each operation is asked with.
    """
    seed, examples = how
    for run in RUNS:
        scope = Scope.CONTROL if run in LIMITED else Scope(run) if run not in {"", LINK} else None
        headers: list[str] = []
        is_first = run == RUNS[0]
        if scope is not None:
            _, text = await hub.tokens.create(f"fuzz {run}", scope, **LIMITED.get(run, {}), **BOUND.get(run, {}))
            headers = ["--header", f"Authorization: Bearer {text}"]
        print(f"fuzz: {f'with a token: {run}' if scope else f'with a {LINK}' if run else 'without a token'}", flush=True)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", str(folder / "openapi.json"), "--no-color"),
            *("--url", url, *headers, "--checks", ",".join(CHECKS_OF_LINKS if run == LINK else CHECKS)),
            *("--seed", str(seed), "--max-examples", str(examples if is_first else FEW), "--generation-database", "none"),
            *("--phases", ALL_PHASES if is_first else "examples,fuzzing", "--warnings", "off"),
            *("--suppress-health-check", "all", *(f"--exclude-operation-id={name}" for name in LEFT_OUT)),
            *(("--include-tag", "media") if run == LINK else ()),
            *("--request-timeout", "60", "--continue-on-failure"),
            cwd=folder,
            env=os.environ | _ENVIRONMENT | {SCOPE: str(scope or ""), LINK_NAME: link if run == LINK else ""},
        )
        if await process.wait():
            yield run


def main() -> int:
    """Run by the arguments."""
    wanted = argparse.ArgumentParser("fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--examples", type=int, default=10, help="how many for each operation (default: 10)")
    arguments = wanted.parse_args()
    with tempfile.TemporaryDirectory(prefix="vms-bridge-fuzz-") as folder:
        return asyncio.run(fuzz(Path(folder), arguments.seed, arguments.examples))


if __name__ == "__main__":
    sys.exit(main())
