"""Draw the simulator's clips anew: `scripts/draw-clips`. Needs ffmpeg with libx264."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from vms_bridge.backends.simulator.clips import FOLDER, QUIET_S, VISIT_S, clip_name
from vms_bridge.backends.simulator.drawing import Painter
from vms_bridge.backends.simulator.places import PLACES
from vms_bridge.backends.simulator.world import Actor, Visit, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.backends.simulator.places import Place, Way

_WIDTH, _FPS = 480, 5
_COLOURS = ("#c0392b", "#2e86c1")
_ENCODE = (
    *("-c:v", "libx264", "-preset", "veryslow", "-crf", "32", "-pix_fmt", "yuv420p", "-profile:v", "main"),
    *("-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"),
)


def _visit(camera: int, way: Way) -> Visit:
    actors = tuple(
        Actor(label=label, colour=_COLOURS[index % 2], score=0.9, points=way.points, delay=0.06 * index)
        for index, label in enumerate(way.labels)
    )
    return Visit(camera=camera, slot=0, start=0.0, end=VISIT_S, over=VISIT_S, hold_s=1.0, actors=actors)


def _frames(painter: Painter, place: Place, visit: Visit | None) -> Iterator[bytes]:
    world = World(seed=1, pace=1.0, epoch=0.0)
    for number in range(int((QUIET_S if visit is None else VISIT_S) * _FPS)):
        yield painter.scene(place, world.sightings(visit, number / _FPS)).tobytes()


def main() -> None:
    """Draw all of them."""
    painter = Painter(_WIDTH)
    FOLDER.mkdir(exist_ok=True)
    for camera, place in enumerate(PLACES, 1):
        for number, way in enumerate((None, *place.ways)):
            visit = None if way is None else _visit(camera, way)
            size = f"{_WIDTH}x{_WIDTH * 9 // 16}"
            raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(_FPS), "-i", "-")
            file = FOLDER / clip_name(place, number)
            command = ["ffmpeg", "-loglevel", "error", "-y", *raw, *_ENCODE, str(file)]
            subprocess.run(command, input=b"".join(_frames(painter, place, visit)), check=True)  # noqa: S603 - its own words
            print(f"{file.stat().st_size:7,} {file.name}")  # noqa: T201 - what a person wants to see
    print(f"{sum(file.stat().st_size for file in FOLDER.glob('*.mp4')):7,} in all")  # noqa: T201 - the same


if __name__ == "__main__":
    main()
