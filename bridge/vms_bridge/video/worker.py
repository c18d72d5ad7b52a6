"""The child's program: reads its job, confines itself, and does it. PyAV is loaded here, and in what this loads, only."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vms_bridge.video.jobs import Limits, limits_of
from vms_bridge.video.wire import MOST_JOB_BYTES, Kind, Output, Unsuitable
from vms_bridge.yielding import yield_by

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOERS = {"clip": "vms_bridge.video.clip", "remux": "vms_bridge.video.remux", "decode": "vms_bridge.video.decode"}
"""For each kind of job the module whose `run(job, output)` does it."""
_NICE = 10
_LOOK_S = 15.0
_STDERR_HINT = 2_000


def main() -> int:
    """Do the job that standard input names; return the exit code."""
    output = Output(os.dup(1))
    os.dup2(2, 1)  # what libraries print goes where it does no harm
    asked = json.loads(sys.stdin.buffer.readline(MOST_JOB_BYTES))
    job = asked["job"]
    limits = limits_of(job["limits"])
    _confine(limits)
    if job.get("input", {}).get("reading") != "fed":
        threading.Thread(target=_end_with_the_bridge, args=(limits,), daemon=True).start()
    elif limits.share is not None:
        threading.Thread(target=_allow_again_and_again, args=(limits.share,), daemon=True).start()
    return _do(asked["kind"], job, output)


def _do(kind: str, job: Mapping[str, Any], output: Output) -> int:
    try:
        run: Callable[[Mapping[str, Any], Output], None] = import_module(DOERS[kind]).run
        run(job, output)
    except BrokenPipeError:
        return 0  # nobody reads any more
    except MemoryError:
        return _fail(output, "it took more memory than it may have", "")
    except Unsuitable as error:
        return _fail(output, str(error), error.hint)
    except Exception as error:  # noqa: BLE001 - the child's end, of whatever kind: the bridge tells of it
        if getattr(error, "errno", None) == 12:  # ENOMEM, in FFmpeg's words
            return _fail(output, "it took more memory than it may have", "")
        return _fail(output, f"{type(error).__name__}: {error}"[:_STDERR_HINT], "")
    return 0


def _fail(output: Output, message: str, hint: str) -> int:
    with suppress(BrokenPipeError):
        output.send(Kind.FAILURE, json.dumps({"message": message, "hint": hint}).encode())
    return 1


def _confine(limits: Limits) -> None:
    """Bound what this process may take, once and for all, before any library is loaded."""
    yield_by(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    if limits.processor_s is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (limits.processor_s, limits.processor_s + 5))
    elif limits.share is not None:
        _allow(_used_s(), limits.share)


def _used_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _allow(used_s: float, share: float) -> None:
    """Allow that share of a processor, beyond what was used a while ago: the kernel ends who takes more, whatever it is at."""
    most = int(used_s + 2 * _LOOK_S * share) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def _allow_again_and_again(share: float) -> None:
    before_s = _used_s()
    while True:
        time.sleep(_LOOK_S)
        _allow(before_s, share)
        before_s = _used_s()


def _end_with_the_bridge(limits: Limits) -> None:
    """End this process when the bridge closes its end, or is no more."""
    if limits.share is not None:
        threading.Thread(target=_allow_again_and_again, args=(limits.share,), daemon=True).start()
    while os.read(0, 1_024):  # not by `sys.stdin`, whose lock would be held while the interpreter ends
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
