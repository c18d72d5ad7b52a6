"""What a simulated camera that moves is told: it is at a preset, or somewhere else."""

from __future__ import annotations

from vms_bridge.commands import GoToPreset, MoveCamera, SetPreset
from vms_bridge.errors import CommandRejected
from vms_bridge.ptz import Preset, Ptz, PtzMove

_DIRECTIONS = (PtzMove.UP, PtzMove.DOWN, PtzMove.LEFT, PtzMove.RIGHT)
_ZOOM = (PtzMove.ZOOM_IN, PtzMove.ZOOM_OUT)
_HOME = 1


class Head:
    """The head of one camera. It turns until it is stopped, and zooms by steps; home is its first preset."""

    def __init__(self, *names: str) -> None:
        self._able = Ptz(
            moves=(*_DIRECTIONS, *_ZOOM, PtzMove.STOP, PtzMove.HOME),
            continuous=_DIRECTIONS,
            presets=tuple(Preset(number=number, name=name) for number, name in enumerate(names, _HOME)),
            sets_presets=True,
        )
        self._at: int | None = _HOME
        self.turning: PtzMove | None = None
        """The move that goes on."""

    @property
    def able(self) -> Ptz:
        """What it can be told."""
        return self._able

    @property
    def preset(self) -> str | None:
        """The label of the preset at which it stands."""
        return next((label for label, number in self._able.labels.items() if number == self._at), None)

    def obey(self, action: MoveCamera | GoToPreset | SetPreset) -> None:
        """Do it. Raises CommandRejected."""
        match action:
            case GoToPreset(number=number) if number is not None:
                self._at, self.turning = number, None
            case SetPreset(number=number):
                # The names are the configuration's; where it looks now is this preset's place from now on.
                self._at = number
            case MoveCamera(move=PtzMove.STOP):
                self.turning = None
            case MoveCamera(move=PtzMove.HOME):
                self._at, self.turning = _HOME, None
            case MoveCamera(move=move) if move in self._able.moves:
                self._at = None
                self.turning = move if move in self._able.continuous else None
            case _:
                raise CommandRejected("a simulated camera can't be told this")


def head_of(number: int) -> Head | None:
    """Return the head of this camera: every third one, in the garden, moves."""
    return Head("Lawn", "Shed", "Pond") if number % 3 == 0 else None
