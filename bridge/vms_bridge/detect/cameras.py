"""Which monitors are looked at, and how: what the configuration says, and what people have chosen since, kept over restarts."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vms_bridge.contributing import NOTHING_OFFERED, Offer
from vms_bridge.detect.stages import judge
from vms_bridge.detect.zones import imported
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.detect.config import CameraSettings, DetectionSettings
    from vms_bridge.detect.stages import Judge
    from vms_bridge.model import Monitor
    from vms_bridge.views import MonitorKey, MonitorView

_LOGGER = logging.getLogger(__name__)
MOST_CHOSEN = 400
"""Of how many monitors choices are kept; those of the longest ago go first."""
ON, PROFILE, THRESHOLD = "object_detection", "detection_profile", "detection_threshold"
CAPABILITIES = frozenset({Capability.OBJECT_DETECTION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What people have chosen for a monitor; None: as the configuration says."""

    is_on: bool | None = None
    profile: str | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """How a monitor is looked at now."""

    key: MonitorKey
    camera: CameraSettings
    judge: Judge
    """With the profile and the least score that were chosen."""
    is_on: bool
    threshold: float

    @property
    def vms_zones(self) -> tuple[str, ...]:
        """The names of the VMS's zones that include."""
        return tuple(zone.name for zone in self.judge.zones if zone.mode == "include" and zone.name not in self.camera.zones)

    @property
    def has_live(self) -> bool:
        """Whether its live pictures are looked at, beside the frames of its events."""
        return self.camera.fps > 0


class Cameras:
    """Says how each monitor is looked at."""

    def __init__(self, settings: DetectionSettings, kept: str | None = None) -> None:
        self._settings = settings
        self._chosen = _parsed(kept)
        self._made: dict[MonitorKey, tuple[Monitor, Choice, Looking | None]] = {}
        """What was made last of each, and of what: patterns and zones need not be read for each picture."""

    def of(self, view: MonitorView) -> Looking | None:
        """Return how a monitor is looked at; None: it is not."""
        key = view.system, view.key
        chosen = self._chosen.get(key, _NOTHING)
        made = self._made.get(key)
        if made is None or made[0] is not view.monitor or made[1] != chosen:
            made = self._made[key] = view.monitor, chosen, self._make(view, chosen)
        return made[2]

    def _make(self, view: MonitorView, chosen: Choice) -> Looking | None:
        settings = self._settings
        camera = settings.camera(view.system, view.key, view.monitor.name)
        if camera is None:
            return None
        if chosen.profile in settings.profiles:
            camera = camera.model_copy(update={"profile": chosen.profile})
        profile = settings.profiles[camera.profile]
        threshold = profile.stages[0].min_score
        if chosen.threshold is not None:
            threshold = chosen.threshold
            stages = tuple(stage.model_copy(update={"min_score": threshold}) for stage in profile.stages)
            profiles = {**settings.profiles, camera.profile: profile.model_copy(update={"stages": stages})}
            settings = settings.model_copy(update={"profiles": profiles})
        of_vms = imported(view.monitor.zones if camera.vms_zones else (), camera.zones)
        for name, reason in of_vms.left_out:
            _LOGGER.info("%s/%s: its zone %r is not used for detection: %s", view.system, view.key, name, reason)
        return Looking(
            key=(view.system, view.key),
            camera=camera,
            judge=judge(settings, camera, of_vms.zones),
            is_on=camera.detection if chosen.is_on is None else chosen.is_on,
            threshold=threshold,
        )

    def forget(self, key: MonitorKey) -> None:
        """Forget what was made of a monitor that is no more; what was chosen for it stays."""
        self._made.pop(key, None)

    def offer(self, view: MonitorView) -> Offer:
        """Return what is offered for a monitor, with what is in force."""
        looking = self.of(view)
        if looking is None:
            return NOTHING_OFFERED
        return Offer(
            capabilities=CAPABILITIES,
            settings={ON: looking.is_on, PROFILE: looking.camera.profile, THRESHOLD: round(looking.threshold, 3)},
            choices={PROFILE: self.profiles},
        )

    def choose(self, key: MonitorKey, **chosen: Any) -> None:  # noqa: ANN401 - the fields of a `Choice`
        """Have this be so from now on."""
        before = self._chosen.pop(key, _NOTHING)
        self._chosen[key] = replace(before, **chosen)
        while len(self._chosen) > MOST_CHOSEN:
            del self._chosen[next(iter(self._chosen))]

    @property
    def profiles(self) -> tuple[str, ...]:
        """The names of the profiles that there are."""
        return tuple(self._settings.profiles)

    def __str__(self) -> str:
        return json.dumps(
            [[*key, chosen.is_on, chosen.profile, chosen.threshold] for key, chosen in self._chosen.items()],
            separators=(",", ":"),
            ensure_ascii=False,
        )


_NOTHING = Choice()


def is_watchable(view: MonitorView) -> bool:
    """Say whether a monitor has live pictures that are worth looking at: it is there, armed, and not paused."""
    state = view.state
    return state.available and state.connected is not False and state.armed is not False and state.detection is not False


def _parsed(kept: str | None) -> dict[MonitorKey, Choice]:
    """Return what `Cameras` has made this text of; nothing of any other text."""
    try:
        rows = json.loads(kept or "[]")
        return {
            (str(system), str(monitor)): Choice(
                is_on=is_on if isinstance(is_on, bool) else None,
                profile=profile if isinstance(profile, str) else None,
                threshold=float(threshold) if isinstance(threshold, int | float) and 0 <= threshold <= 1 else None,
            )
            for system, monitor, is_on, profile, threshold in rows[-MOST_CHOSEN:]
        }
    except (ValueError, TypeError, KeyError):  # from 3.12 on an object takes a slice for a key
        return {}
