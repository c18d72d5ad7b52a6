"""The process: is told what to do, loads what may be needed, locks itself down, and only then sees the script."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from vms_bridge.scripts.wire import WireError
from vms_bridge.scripts.worker.channel import Channel, read_one, write_one
from vms_bridge.scripts.worker.loading import load, own_time_zone, refuse_other_imports
from vms_bridge.scripts.worker.lockdown import EXIT_REFUSED, Needs, Refused, lock_down
from vms_bridge.scripts.worker.selftest import self_test
from vms_bridge.scripts.worker.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDED_IN_ORDER = 0
BROKEN = 1
MAKES_NO_SENSE = 3
OUT_OF_MEMORY = 12
"""ENOMEM."""


def serve(fd: int) -> NoReturn:
    """Do it until the bridge lets go. It never returns: what a script has left behind is not waited for."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=fd)
    code = MAKES_NO_SENSE
    try:
        code = _run(sock)
    except WireError as error:
        print(f"the bridge has said what makes no sense: {error}", file=sys.__stderr__)
    except EOFError:
        code = ENDED_IN_ORDER
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException:  # noqa: BLE001 - a defect of ours, or what a script has done to this process
        traceback.print_exc(file=sys.__stderr__)
        code = BROKEN
    with suppress(OSError, ValueError):
        sys.__stderr__.flush()  # type: ignore[union-attr] # it was there when this began
    os._exit(code)


def _run(sock: socket.socket) -> int:
    begin, _ = read_one(sock)
    if begin["t"] != "begin":
        raise WireError(f"it begins with `begin`, and not with {begin['t']!r}")
    missing = load(begin.get("modules", []))
    zone = own_time_zone(str(begin.get("time_zone") or "UTC"))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    channel = Channel(sock, loop)
    serving = Serving(loop, channel, zone)
    gc.collect()
    gc.freeze()
    said = _lock_down(begin)
    write_one(sock, said)
    if said["t"] == "refused":
        return EXIT_REFUSED
    refuse_other_imports(missing)
    return serving.run()


def _lock_down(begin: Mapping[str, Any]) -> dict[str, Any]:
    """Lock this process down, try to get out, and return what the bridge is told."""
    try:
        needs = Needs(memory_bytes=int(begin["memory_bytes"]), uid=begin.get("uid"), level=str(begin.get("level") or "sandbox"))
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"`begin` is not complete: {error}") from None
    try:
        level = lock_down(needs)
        self_test(level)
    except Refused as refused:
        return {"t": "refused", "code": refused.code, "text": refused.text}
    return {"t": "level", "level": level.name, "details": dict(level.details)}
