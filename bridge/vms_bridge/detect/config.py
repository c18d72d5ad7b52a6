"""The section `detection` of the configuration: models, how findings are judged, and which cameras are looked at."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from fnmatch import translate
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from vms_bridge.detect.config_cameras import CameraSettings, LineSettings, MotionSettings, ZoneSettings
from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
from vms_bridge.detect.config_rules import FramesSettings, LabelRule, PastSettings, ProfileSettings, StageSettings
from vms_bridge.detect.config_values import Name, Section, refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "CameraSettings",
    "DetectionSettings",
    "FramesSettings",
    "LabelRule",
    "LineSettings",
    "ModelSettings",
    "MotionSettings",
    "PastSettings",
    "ProfileSettings",
    "RuntimeSettings",
    "StageSettings",
    "ZoneSettings",
]


def _camera_key(text: str) -> str:
    if not text.strip() or not text.isprintable():
        remedy = 'write system/monitor, as in zm/drive, or the name of a monitor, as in "Drive*"'
        raise refusal("is no camera", remedy)
    return text.strip()


Place = tuple[str | int, ...]
"""Where in the section something is."""
CameraKey = Annotated[str, Field(max_length=256), AfterValidator(_camera_key)]


class DetectionSettings(Section):
    """What is configured of detection."""

    runtime: RuntimeSettings = Field(
        default=RuntimeSettings(), description="write how models are run, as in `runtime: {device: CPU, threads: 2}`"
    )
    models: dict[Name, ModelSettings] = Field(
        min_length=1, max_length=32, description="write the models by name, as in `models: {street: {file: models/yolo11n.xml}}`"
    )
    profiles: dict[Name, ProfileSettings] = Field(
        default_factory=lambda: {"default": ProfileSettings()},
        max_length=64,
        description="write the profiles by name, as in `profiles: {default: {stages: [{use: [street]}]}}`",
    )
    cameras: dict[CameraKey, CameraSettings] = Field(
        default_factory=lambda: {"*": CameraSettings()},
        max_length=4096,
        validate_default=True,
        description="write which cameras are looked at, and how, as in `cameras: {zm/drive: {fps: 2}}`; without it all are",
    )
    write_notes: bool = Field(
        default=False, description="write true to write what was found into the VMS's notes of an event after its end"
    )

    @field_validator("profiles")
    @classmethod
    def _check_models(cls, profiles: dict[str, ProfileSettings], info: ValidationInfo) -> dict[str, ProfileSettings]:
        if "models" in info.data:
            _check_names(
                {
                    (name, "stages", index, "use", at): used
                    for name, profile in profiles.items()
                    for index, stage in enumerate(profile.stages)
                    for at, used in enumerate(stage.use)
                },
                info.data["models"],
                "model",
            )
        return profiles

    @field_validator("cameras")
    @classmethod
    def _check_profiles(cls, cameras: dict[str, CameraSettings], info: ValidationInfo) -> dict[str, CameraSettings]:
        if "profiles" in info.data:
            named: dict[Place, str] = {(key, "profile"): camera.profile for key, camera in cameras.items()}
            _check_names(named, info.data["profiles"], "profile")
        return cameras

    @field_validator("models")
    @classmethod
    def _check_folder(cls, models: dict[str, ModelSettings], info: ValidationInfo) -> dict[str, ModelSettings]:
        runtime = info.data.get("runtime")
        if runtime is None:
            return models
        folder = _folder(runtime, models)
        outside = {(name, "file"): model.file for name, model in models.items() if folder not in _plain(model.file).parents}
        _refuse(
            {
                place: (
                    refusal(f"is not in {folder}", "move the file there, or name a directory that all are in by runtime.folder"),
                    str(file),
                )
                for place, file in outside.items()
            }
        )
        return {name: _placed(model) for name, model in models.items()}

    def run_by(self, data_dir: Path) -> RuntimeSettings:
        """Return how models are run, with absolute directories: what is not configured is within `data_dir`."""
        cache = self.runtime.cache_dir or data_dir / "compiled_models"
        folder = _folder(self.runtime, self.models)
        return self.runtime.model_copy(update={"cache_dir": cache.absolute(), "folder": folder})

    def camera(self, system: str, monitor: str, name: str) -> CameraSettings | None:
        """Return what is configured of a monitor with these keys and this name; None: it is not looked at.

        Its keys, written out, go before any pattern, a longer pattern before a shorter one, else the first one counts.
        """
        place = f"{system}/{monitor}"
        if place in self.cameras:
            return self.cameras[place]
        found = [
            (-len(key), at, key)
            for at, (key, pattern) in enumerate(self._patterns.items())
            if pattern.fullmatch(place) or pattern.fullmatch(name.strip())
        ]
        return self.cameras[min(found)[-1]] if found else None

    def stages(self, camera: CameraSettings) -> tuple[StageSettings, ...]:
        """Return the stages of a camera's profile, each with the names of its models."""
        every = tuple(self.models)
        return tuple(
            stage if stage.use else stage.model_copy(update={"use": every}) for stage in self.profiles[camera.profile].stages
        )

    @cached_property
    def _patterns(self) -> Mapping[str, re.Pattern[str]]:
        return {key: re.compile(translate(key), re.IGNORECASE) for key in self.cameras}


def _folder(runtime: RuntimeSettings, models: Mapping[str, ModelSettings]) -> Path:
    """Return the directory that models are in, outside of which none is read."""
    return _plain(runtime.folder or next(iter(models.values())).file.parent)


def _placed(model: ModelSettings) -> ModelSettings:
    """Return the model with its files named so that they are found from whatever directory it is read."""
    labels = None if model.labels_file is None else _plain(model.labels_file)
    return model.model_copy(update={"file": _plain(model.file), "labels_file": labels})


def _plain(path: Path) -> Path:
    """Return the absolute path without any `..` in it."""
    return Path(os.path.normpath(path.absolute()))


def _check_names(named: Mapping[Place, str], known: Collection[str], what: str) -> None:
    """Hold names against those that there are."""
    words = sorted(known)

    def remedy(name: str) -> str:
        close = get_close_matches(name, words, n=1, cutoff=0.6)
        return f"did you mean {close[0]}?" if close else f"there are: {', '.join(words)}"

    _refuse(
        {
            place: (refusal(f"there is no {what} {name!r}", remedy(name)), name)
            for place, name in named.items()
            if name not in known
        }
    )


def _refuse(mistakes: Mapping[Place, tuple[PydanticCustomError, str]]) -> None:
    """Raise ValidationError with each mistake in its place, if there are any."""
    if mistakes:
        raise ValidationError.from_exception_data(
            "detection", [InitErrorDetails(type=wrong, loc=place, input=value) for place, (wrong, value) in mistakes.items()]
        )
