"""What a camera's control can do, as ZoneMinder's table `Controls` says it, and the names of its presets: pure and total."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from html.parser import HTMLParser
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vms_bridge.zoneminder.parse import as_bool, as_id, as_int, as_text, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_PRESETS = 255
LONGEST_LABEL = 64
"""ZoneMinder's columns hold no more."""
_SLASHED = re.compile(r"\\(.)")
_GOTO = re.compile(r"\bpresetGoto(\d{1,3})\b")


class PtzMode(StrEnum):
    """How something moves, in the order in which ZoneMinder's own page chooses: until it is stopped, by a step, or to a place."""

    CONTINUOUS = "continuous"
    RELATIVE = "relative"
    ABSOLUTE = "absolute"


class Direction(StrEnum):
    """Where a camera can be turned."""

    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"
    UP_LEFT = "up_left"
    UP_RIGHT = "up_right"
    DOWN_LEFT = "down_left"
    DOWN_RIGHT = "down_right"

    @property
    def is_diagonal(self) -> bool:
        """Whether it takes pan and tilt at once."""
        return "_" in self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The least and the most of something, in the camera's own units; None where that is not said."""

    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """How a camera pans, or tilts."""

    is_there: bool = False
    range: Limits = Limits()
    step: Limits = Limits()
    speed: Limits | None = None
    """None: it has one speed only."""
    turbo_speed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """How a camera zooms, focuses, or sets its iris, gain or white balance."""

    modes: tuple[PtzMode, ...] = ()
    """None: it can't."""
    is_automatic: bool = False
    """Whether it can be left to the camera."""
    range: Limits = Limits()
    step: Limits = Limits()
    speed: Limits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One row of `Controls`: what cameras of this kind can do, whether or not this one obeys.

    `presets` is how many places it remembers; none where it remembers none, `MOST_PRESETS` where their number is not said.
    """

    id: str
    name: str
    protocol: str = ""
    """The module that speaks to the camera."""
    moves: tuple[PtzMode, ...] = ()
    moves_diagonally: bool = False
    moves_to_point: bool = False
    """Whether it can be told to look at a point of its picture."""
    pan: Axis = Axis()
    tilt: Axis = Axis()
    zoom: Lens = Lens()
    focus: Lens = Lens()
    iris: Lens = Lens()
    gain: Lens = Lens()
    white: Lens = Lens()
    presets: int = 0
    sets_presets: bool = False
    has_home: bool = False
    wakes: bool = False
    sleeps: bool = False
    resets: bool = False
    reboots: bool = False
    scan_paths: int = 0
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All of the row, for what has no field here."""

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Where it can be turned."""
        if not self.moves:
            return ()
        tilts = {Direction.UP, Direction.DOWN} if self.tilt.is_there else set()
        pans = {Direction.LEFT, Direction.RIGHT} if self.pan.is_there else set()
        diagonal = tilts and pans and self.moves_diagonally
        return tuple(each for each in Direction if each in tilts | pans or (diagonal and each.is_diagonal))


@dataclass(frozen=True, slots=True)
class Preset:
    """A place that a camera remembers; `name` is empty where nobody gave it one, or where it can't be read."""

    number: int
    name: str = ""


def parse_control(raw: object) -> Capabilities | None:
    """Read one row of `Controls`, with or without its wrapping; None where it has no id."""
    item = mapping(raw)
    row = mapping(item.get("Control")) or item
    number = as_id(row.get("Id"))
    if number is None:
        return None
    count = min(max(as_int(row.get("NumPresets")) or 0, 0), MOST_PRESETS)
    return Capabilities(
        id=number,
        name=as_text(row.get("Name")),
        protocol=as_text(row.get("Protocol")),
        moves=_modes(row, "Move"),
        moves_diagonally=as_bool(row.get("CanMoveDiag")),
        moves_to_point=as_bool(row.get("CanMove")) and as_bool(row.get("CanMoveMap")),
        pan=_axis(row, "Pan"),
        tilt=_axis(row, "Tilt"),
        zoom=_lens(row, "Zoom"),
        focus=_lens(row, "Focus"),
        iris=_lens(row, "Iris"),
        gain=_lens(row, "Gain"),
        white=_lens(row, "White"),
        presets=(count or MOST_PRESETS) if as_bool(row.get("HasPresets")) else 0,
        sets_presets=as_bool(row.get("HasPresets")) and as_bool(row.get("CanSetPresets")),
        has_home=as_bool(row.get("HasHomePreset")),
        wakes=as_bool(row.get("CanWake")),
        sleeps=as_bool(row.get("CanSleep")),
        resets=as_bool(row.get("CanReset")),
        reboots=as_bool(row.get("CanReboot")),
        scan_paths=max(as_int(row.get("NumScanPaths")) or 0, 0) if as_bool(row.get("CanAutoScan")) else 0,
        raw=MappingProxyType(dict(row)),
    )


def _modes(row: Mapping[str, Any], what: str) -> tuple[PtzMode, ...]:
    if not as_bool(row.get(f"Can{what}")):
        return ()
    ways = {"Con": PtzMode.CONTINUOUS, "Rel": PtzMode.RELATIVE, "Abs": PtzMode.ABSOLUTE}
    return tuple(mode for way, mode in ways.items() if as_bool(row.get(f"Can{what}{way}")))


def _limits(row: Mapping[str, Any], what: str) -> Limits:
    return Limits(least=as_int(row.get(f"Min{what}")), most=as_int(row.get(f"Max{what}")))


def _axis(row: Mapping[str, Any], what: str) -> Axis:
    return Axis(
        is_there=as_bool(row.get(f"Can{what}")),
        range=_limits(row, f"{what}Range"),
        step=_limits(row, f"{what}Step"),
        speed=_limits(row, f"{what}Speed") if as_bool(row.get(f"Has{what}Speed")) else None,
        turbo_speed=as_int(row.get(f"Turbo{what}Speed")) if as_bool(row.get(f"HasTurbo{what}")) else None,
    )


def _lens(row: Mapping[str, Any], what: str) -> Lens:
    return Lens(
        modes=_modes(row, what),
        is_automatic=as_bool(row.get(f"Can{what}")) and as_bool(row.get(f"CanAuto{what}")),
        range=_limits(row, f"{what}Range"),
        step=_limits(row, f"{what}Step"),
        speed=_limits(row, f"{what}Speed") if as_bool(row.get(f"Has{what}Speed")) else None,
    )


class _PresetButtons(HTMLParser):
    """Finds the buttons of presets in ZoneMinder's control page: `presetGotoN` is what each does, its title the name."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.names: dict[int, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag not in {"button", "input"}:
            return
        found = _GOTO.search(f"{said.get('value') or ''} {said.get('onclick') or ''}")
        # ZoneMinder keeps names with a backslash before each quote and backslash (`presetSet`), and shows them so.
        name = " ".join(_SLASHED.sub(r"\1", said.get("title") or "").split())[:LONGEST_LABEL]
        if found and name and 1 <= int(found[1]) <= MOST_PRESETS:
            self.names.setdefault(int(found[1]), name)


def parse_preset_names(page: str) -> dict[int, str]:
    """Read the presets' names by number from ZoneMinder's control page: no version's API has them (`ControlPresets`)."""
    parser = _PresetButtons()
    # Python's own parser gives up on some broken declarations by way of an assertion.
    with suppress(AssertionError):
        parser.feed(page)
        parser.close()
    return parser.names
