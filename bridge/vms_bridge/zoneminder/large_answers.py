"""Large answers, decoded by a process of their own: the interpreter's lock would keep everybody waiting meanwhile.

What takes a moment is decoded at once. The process lives for one answer, with bounds of its own for memory and time, and what
it has found comes back in lines that take a millisecond each.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from vms_bridge.zoneminder import answers
from vms_bridge.zoneminder.answers import MOST_PIECE_BYTES, Decoded, NotJson, Remark, UnfitJson, decode

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from vms_bridge.zoneminder.transport import Clock

LARGE_BYTES = 256 * 1024
_PATIENCE_S = 15.0
_WRITTEN_AT_ONCE_BYTES = 256 * 1024


class Decoder:
    """Decodes one connection's answers, one large one at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turn = asyncio.Lock()

    async def decode(self, body: bytes) -> Decoded:
        """Return the JSON in these bytes. Raises NotJson or UnfitJson."""
        if len(body) <= LARGE_BYTES:
            return decode(body)
        async with self._turn:
            return await self._decode_apart(body)

    async def _decode_apart(self, body: bytes) -> Decoded:
        # Nothing of our environment: secrets may be in it.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", answers.__file__,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            limit=MOST_PIECE_BYTES, env={},
        )  # fmt: skip
        try:
            async with self._clock.timeout(_PATIENCE_S):
                await _hand_over(process, body)
                return await _collected(process)
        except TimeoutError:
            raise UnfitJson(f"it could not be read within {_PATIENCE_S:.0f} s") from None
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _hand_over(process: Process, body: bytes) -> None:
    to_process = process.stdin
    assert to_process is not None  # noqa: S101 - it was started with a pipe
    with suppress(BrokenPipeError, ConnectionResetError):  # it has ended, and left unsaid why
        for start in range(0, len(body), _WRITTEN_AT_ONCE_BYTES):
            to_process.write(body[start : start + _WRITTEN_AT_ONCE_BYTES])
            await to_process.drain()
        to_process.close()


async def _collected(process: Process) -> Decoded:
    from_process = process.stdout
    assert from_process is not None  # noqa: S101 - the same
    remarks: tuple[Remark, ...] = ()
    value: object = None
    found: dict[str, object] = {}
    async for line in from_process:
        piece = json.loads(line)
        match piece:
            case {"remarks": rows, "is_mapping": is_mapping}:
                remarks = tuple(Remark(**remark) for remark in rows)
                value = found if is_mapping else None
            case {"key": key, "value": single}:
                found[key] = single
            case {"key": key, "rows": rows}:
                known = found[key]
                if isinstance(known, list):
                    known.extend(rows)
            case {"value": value}:
                pass
            case {"not_json": complaint}:
                raise NotJson(complaint)
            case {"unfit": reason}:
                raise UnfitJson(reason)
            case _:
                return Decoded(value, remarks)
    raise UnfitJson("it takes too much memory or time")
