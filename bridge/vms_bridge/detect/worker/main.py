"""The program: is told what to do, confines itself, and only then loads libraries and models."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
from vms_bridge.detect.engine.wire import Hello, read_job
from vms_bridge.detect.worker.confine import Needs, can_write, confine
from vms_bridge.detect.worker.pipe import Output, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SERVER = "vms_bridge.detect.worker.serving"


def main() -> None:
    """Do it until the bridge lets go."""
    output = Output(os.dup(1))
    os.dup2(2, 1)  # what libraries print goes where it does no harm
    said = read(0)
    if said is None:
        return
    job = read_job(said)
    models = {name: ModelSettings.model_validate(settings) for name, settings in job.models.items()}
    runtime = RuntimeSettings.model_validate(job.runtime)
    confinement = confine(_needs(models, runtime))
    output.say(Hello(confinement=confinement.said()))
    if runtime.cache_dir is not None and not can_write(runtime.cache_dir):
        runtime = runtime.model_copy(update={"cache_dir": None})
    serve: Callable[..., None] = import_module(_SERVER).serve  # numpy and OpenVINO are loaded here, and not before
    serve(job, models, runtime, 0, output)
    os._exit(0)  # without waiting for what is still at work


def _needs(models: Mapping[str, ModelSettings], runtime: RuntimeSettings) -> Needs:
    read_only = [runtime.folder] if runtime.folder is not None else [settings.file.parent for settings in models.values()]
    read_only += [settings.labels_file for settings in models.values() if settings.labels_file is not None]
    return Needs(
        uid=runtime.uid,
        memory_bytes=runtime.memory_mb * 1024 * 1024,
        read=[Path(path).absolute() for path in read_only],
        write=[] if runtime.cache_dir is None else [runtime.cache_dir],
    )


if __name__ == "__main__":
    main()
