"""`vms-bridge check` of detection: whether what it needs is installed, and what becomes of each model."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from vms_bridge.detect.values import ModelFacts
from vms_bridge.errors import DetectionFailed
from vms_bridge.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.detect.sink import Runs
    from vms_bridge.detect.values import ModelTrouble
    from vms_bridge.sinks import Trial

_NEEDS = ("openvino", "numpy", "PIL")
EXTRA = "pip install 'vms-bridge[detect]', in the bridge's own environment"


def need_extra() -> None:
    """Raise DetectionFailed where what runs models is not installed."""
    if (lacking := missing()) is not None:
        raise DetectionFailed(f"detection needs {lacking}, which is not installed", hint=EXTRA)


async def check(make: Callable[[], Runs], trial: Trial) -> Sequence[Finding]:
    """Load each model as `run` would, and say what became of it."""
    if (lacking := missing()) is not None:
        return [Finding(text=f"detection needs {lacking}, which is not installed", problem=True, hint=EXTRA)]
    engine = make()
    running = asyncio.create_task(engine.run(), name="check: detection")
    try:
        async with trial.clock.timeout(trial.limit_s):
            await engine.ready()
    except TimeoutError:
        return [
            Finding(
                text=f"the models were not loaded within {trial.limit_s:g} s",
                problem=True,
                hint="the first time takes longest; `vms-bridge probe MODEL` shows one model alone",
            )
        ]
    except DetectionFailed as error:
        return [Finding(text=f"no model can be run: {error}", problem=True, hint=error.hint)]
    else:
        return [_finding(name, model) for name, model in engine.models.items()]
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([running])


def missing() -> str | None:
    """Return what runs models and is not installed; None: all of it is."""
    return next((name for name in _NEEDS if find_spec(name) is None), None)


def _finding(name: str, model: ModelFacts | ModelTrouble) -> Finding:
    if not isinstance(model, ModelFacts):
        return Finding(text=f"model {name}: {model.message}", problem=True, hint=model.hint)
    return Finding(text=f"model {name}: {model.in_words}, loaded in {model.compile_s:.1f} s")
