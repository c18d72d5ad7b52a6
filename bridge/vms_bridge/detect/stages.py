"""Looks at one picture: runs the models of each stage by its pick rule, and judges what they found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from vms_bridge.detect.choose import Groups, pick_variant
from vms_bridge.detect.filters import filtered
from vms_bridge.detect.labels import parse_pattern
from vms_bridge.detect.past import Past
from vms_bridge.detect.standards import Standards
from vms_bridge.detect.values import Looked, ModelTrouble
from vms_bridge.detect.zones import configured
from vms_bridge.errors import DetectionFailed, PictureRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.config import CameraSettings, DetectionSettings, FramesSettings
    from vms_bridge.detect.config_rules import VariantPick
    from vms_bridge.detect.labels import Pattern
    from vms_bridge.detect.values import Found, FrameId, Inferred, Picture
    from vms_bridge.detect.zones import ZoneRule


class Infers(Protocol):
    """What runs models."""

    async def infer(self, model: str, picture: Picture, *, least_score: float) -> Inferred:
        """Return what the model finds in the picture with at least this score. Raises DetectionFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage as it is run: `models` in the order in which they are tried, `after` what an earlier stage must have found."""

    name: str
    models: tuple[str, ...]
    pick: VariantPick
    standards: Standards
    after: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Everything by which the pictures of one camera are judged; made once from the configuration.

    `past` is what the rules for what was found before begin with: nothing, but how it is compared. `only`: other labels do not
    count, whatever the rules say.
    """

    stages: tuple[Stage, ...]
    zones: tuple[ZoneRule, ...] = ()
    frames: FramesSettings
    past: Past
    suppresses: bool = False
    groups: Groups = field(default_factory=Groups)
    only: Pattern | None = None


def judge(settings: DetectionSettings, camera: CameraSettings, vms_zones: Sequence[ZoneRule] = ()) -> Judge:
    """Return how a camera is judged; `vms_zones` are those that were imported from its VMS."""
    profile = settings.profiles[camera.profile]
    groups = Groups(profile.past.same)
    return Judge(
        stages=tuple(
            Stage(
                name=stage.name,
                models=stage.use,
                pick=stage.pick,
                standards=Standards(stage.labels, camera.labels, min_score=stage.min_score),
                after=tuple(parse_pattern(text) for text in stage.after),
            )
            for stage in settings.stages(camera)
        ),
        zones=(*configured(camera.zones), *vms_zones),
        frames=profile.frames,
        past=Past(overlap=profile.past.overlap, forget_s=profile.past.forget_s, groups=groups),
        suppresses=profile.past.suppress,
        groups=groups,
    )


async def look(
    engine: Infers, picture: Picture, by: Judge, *, frame: FrameId = None, past: Past | None = None, now_s: float = 0.0
) -> Looked:
    """Return what is in a picture, as a camera's rules have it. Never raises what a model or a picture does: that is told.

    `past` is what was found before, by the wall clock's `now_s`: what is there again is marked as known. It stays as it is;
    who has looked at all frames of an event adds what was found in them (`Past.after`).
    """
    found: list[Found] = []
    troubles: list[ModelTrouble] = []
    width = height = 0
    for stage in by.stages:
        if stage.after and not any(one.label in pattern for one in found for pattern in stage.after):
            continue
        lists: list[tuple[Found, ...]] = []
        for model in stage.models:
            try:
                inferred = await engine.infer(model, picture, least_score=stage.standards.least_score)
            except PictureRefused as refused:
                troubles.append(ModelTrouble(model, str(refused), refused.hint))
                break  # no model can look at it
            except DetectionFailed as failed:
                troubles.append(ModelTrouble(model, str(failed), failed.hint))
                continue
            width, height = inferred.width, inferred.height
            taken = (one for one in inferred.found if by.only is None or one.label in by.only)
            named = (replace(one, model=model, stage=stage.name) for one in taken)
            lists.append(filtered(named, (width, height), stage.standards, by.zones))
            if stage.pick == "first" and lists[-1]:
                break
        found += pick_variant(stage.pick, lists, by.groups)
    known = past.marked(found, now_s) if past is not None and by.suppresses else tuple(found)
    return Looked(frame=frame, found=known, width=width, height=height, troubles=tuple(troubles), picture=picture)
