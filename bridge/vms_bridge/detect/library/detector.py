"""The detector of scripts: runs the models, has frames from wherever they are, and judges them by the configuration."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vms_bridge.clock import SystemClock
from vms_bridge.detect.config import CameraSettings, DetectionSettings
from vms_bridge.detect.engine import Drawn, Engine
from vms_bridge.detect.frame_sources import event_frames, lone_picture, video_frames
from vms_bridge.detect.kept_frames import KeptFrames
from vms_bridge.detect.library.addresses import save_address
from vms_bridge.detect.library.downloads import download_directory
from vms_bridge.detect.library.videos import of_camera, of_file, pictures
from vms_bridge.detect.library.zoneminder import PICTURE_BYTES, VIDEO_BYTES, ZoneMinderEvent
from vms_bridge.detect.sequence import Keeping, for_options, sequence
from vms_bridge.detect.stages import judge
from vms_bridge.detect.stream_options import StreamOptions
from vms_bridge.errors import DetectionFailed, MediaUnavailable, ModelRefused
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence
    from types import TracebackType

    from vms_bridge.clock import Clock
    from vms_bridge.detect.frame_sources import Frame
    from vms_bridge.detect.past import Past
    from vms_bridge.detect.values import Looked, Sequenced

Said = Mapping[str, object]
Stream = ZoneMinderEvent | Path | str | bytes
"""An event, a picture or video as a file or an address (http, https, rtsp, rtsps), or a picture itself."""
_PICTURES = (b"\xff\xd8", b"\x89PNG\r\n", b"RIFF", b"BM", b"II*\x00", b"MM\x00*")
_MOST_PASTS = 4096


class Detector:
    """Models, and the rules by which what they find is judged.

        async with Detector(settings) as detector:
            result = await detector.detect_stream("/videos/yard.mp4", {"frame_skip": 25})

    `settings` are those of the section `detection`, also as plain values. What is found before is remembered by the camera's
    name for as long as the detector lives (`pasts`), where its profile says `past: {suppress: true}`. `program` is what runs
    the models, in the place of the bridge's own.
    """

    def __init__(
        self,
        settings: DetectionSettings | Said,
        *,
        cache_dir: Path | None = None,
        clock: Clock | None = None,
        program: Sequence[str] | None = None,
    ) -> None:
        self.settings = _settings(settings)
        self.pasts: dict[str, Past] = {}
        self._clock = clock or SystemClock()
        self._cache = cache_dir or Path(tempfile.gettempdir()) / "vms-bridge-detect"
        self._program = {} if program is None else {"program": program}
        self._engine: Engine | None = None
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the process that looks at pictures, and wait for its models. Raises EngineGone."""
        await self._start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End it."""
        await self._stop()

    @property
    def engine(self) -> Engine:
        """What runs the models: what was understood of them, and how it is. Raises DetectionFailed where it does not run."""
        if self._engine is None:
            raise DetectionFailed("the detector is not at work", hint="use it by `async with Detector(...) as detector:`")
        return self._engine

    async def set_settings(self, settings: DetectionSettings | Said, *, force_reload: bool = False) -> None:
        """Judge by other rules from now on; other models are loaded with `force_reload` alone. Raises ModelRefused without it."""
        new = _settings(settings)
        is_same = (new.models, new.runtime) == (self.settings.models, self.settings.runtime)
        if not (is_same or force_reload):
            raise ModelRefused("other models, or another way to run them, are not loaded", hint="say force_reload=True")
        self.settings = new
        if force_reload:
            await self._stop()
            await self._start()

    async def detect_stream(self, stream: Stream, options: StreamOptions | Said | None = None, *, camera: str = "") -> Sequenced:
        """Look at a stream by pyzm's options, and by what is configured of the camera with this key, or of `*`.

        Raises BridgeError where there is nothing to look at; what goes wrong later is told in the result.
        """
        said = options if isinstance(options, StreamOptions) else StreamOptions.model_validate(dict(options or {}))
        by = for_options(judge(self.settings, self._camera(camera)), said)
        known = self.pasts.get(camera, by.past)
        past = replace(by.past, entries=known.entries) if by.suppresses else None
        async with self._frames(stream, said, by.frames.take) as frames:
            result = await sequence(self.engine, frames, by, self._clock, past=past, keeping=self._keeping(stream, said))
        if past is not None and result.best is not None:
            if len(self.pasts) >= _MOST_PASTS and camera not in self.pasts:
                self.pasts.pop(next(iter(self.pasts)))
            self.pasts[camera] = past.after(result.best.found, self._clock.now().timestamp())
        return result

    async def annotate(self, looked: Looked, *, most_width: int | None = None) -> bytes:
        """Return the picture of a frame as a JPEG with what was found in it. Raises DetectionFailed."""
        if looked.picture is None:
            raise DetectionFailed("its picture was not kept", hint="only that of the best frame is")
        names = sorted({one.label for one in looked.found})
        drawn = [Drawn(f"{one.label} {one.score:.0%}", one.box, names.index(one.label)) for one in looked.found]
        return await self.engine.annotate(looked.picture, drawn, most_width=most_width)

    async def _start(self) -> None:
        self._engine = Engine(self.settings.models, self.settings.run_by(self._cache), self._clock, **self._program)
        self._running = asyncio.create_task(self._engine.run(), name="detector")
        try:
            await self._engine.ready()
        except BaseException:
            await self._stop()
            raise

    async def _stop(self) -> None:
        running, self._running, self._engine = self._running, None, None
        if running is not None:
            running.cancel()
            await asyncio.wait([running])

    def _camera(self, key: str) -> CameraSettings:
        cameras = self.settings.cameras
        return cameras.get(key) or cameras.get("*") or CameraSettings(profile=next(iter(self.settings.profiles)))

    def _keeping(self, stream: Stream, options: StreamOptions) -> Keeping | None:
        if options.save_frames_dir is None or not (options.save_frames or options.save_analyzed_frames):
            return None
        return Keeping(
            frames=KeptFrames(options.save_frames_dir),
            stream=_name(stream),
            encode=self.engine.encode,
            draw=self.annotate,
            looked_at=options.save_frames,
            with_boxes=options.save_analyzed_frames,
        )

    @asynccontextmanager
    async def _frames(
        self, stream: Stream, options: StreamOptions, take: tuple[str, ...]
    ) -> AsyncIterator[AsyncGenerator[Frame, None]]:
        """Give the frames of a stream, and tidy up behind them. Raises BridgeError."""
        if isinstance(stream, bytes):
            yield lone_picture(stream, options, self._clock)
        elif isinstance(stream, ZoneMinderEvent) and not options.download:
            yield event_frames(stream, _with_frames(options, take), self._clock)
        elif isinstance(stream, str) and stream.startswith(("rtsp://", "rtsps://")):
            yield video_frames(pictures(of_camera(stream), self._clock, width=options.resize), options, self._clock)
        elif isinstance(stream, Path) or (isinstance(stream, str) and "://" not in stream):
            yield await self._of_file(Path(stream), options)
        else:
            async with download_directory(options.download_dir, self._clock, kept=not options.delete_after_analyze) as folder:
                path = folder / _name(stream)
                with await in_thread("download", lambda: path.open("xb"), close=lambda file: file.close()) as file:
                    if isinstance(stream, ZoneMinderEvent):
                        await stream.save_video(file)
                    else:
                        verify = not options.disable_ssl_cert_check
                        await save_address(stream, file, limit_bytes=VIDEO_BYTES, verify=verify)
                    await in_thread("download", file.flush)
                yield await self._of_file(path, options)

    async def _of_file(self, path: Path, options: StreamOptions) -> AsyncGenerator[Frame, None]:
        try:
            absolute, picture = await in_thread("picture", lambda: (path.absolute(), _picture_in(path)))
        except OSError as error:
            raise MediaUnavailable(f"{path} can't be read: {error.strerror}", hint="check its path and its owner") from None
        if picture is not None:
            return lone_picture(picture, options, self._clock)
        return video_frames(pictures(of_file(absolute), self._clock, width=options.resize), options, self._clock)


def detect_stream(
    stream: Stream,
    settings: DetectionSettings | Said,
    options: StreamOptions | Said | None = None,
    *,
    camera: str = "",
    program: Sequence[str] | None = None,
) -> Sequenced:
    """Look at one stream, in a program without an event loop. Who has several keeps a `Detector`: it loads its models once."""

    async def look() -> Sequenced:
        async with Detector(settings, program=program) as detector:
            return await detector.detect_stream(stream, options, camera=camera)

    return asyncio.run(look())


def as_pyzm(result: Sequenced) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Return the best frame, and all frames with something in them, as pyzm gives them: boxes are corners in pixels."""
    best = {} if result.best is None else _as_pyzm(result.best)
    return best, [_as_pyzm(looked) for looked in result.all]


def _as_pyzm(looked: Looked) -> dict[str, object]:
    width, height = looked.width, looked.height
    boxes = [
        [round(x * width), round(y * height), round((x + across) * width), round((y + down) * height)]
        for x, y, across, down in (one.box for one in looked.found)
    ]
    return {
        "boxes": boxes,
        "labels": [one.label for one in looked.found],
        "confidences": [one.score for one in looked.found],
        "frame_id": looked.frame,
        "image": looked.picture,
    }


def _settings(said: DetectionSettings | Said) -> DetectionSettings:
    return said if isinstance(said, DetectionSettings) else DetectionSettings.model_validate(dict(said))


def _with_frames(options: StreamOptions, take: tuple[str, ...]) -> StreamOptions:
    """Return the options with the profile's frames of an event, where they say nothing of which frames they want."""
    if options.model_fields_set & {"frame_set", "start_frame", "frame_skip", "max_frames"}:
        return options
    return options.model_copy(update={"frame_set": StreamOptions.model_validate({"frame_set": list(take)}).frame_set})


def _name(stream: Stream) -> str:
    if isinstance(stream, ZoneMinderEvent):
        return f"event_{stream.event_id}"
    return "picture" if isinstance(stream, bytes) else Path(str(stream).partition("?")[0]).name[-40:] or "stream"


def _picture_in(path: Path) -> bytes | None:
    """Return a file's content if it is a picture. Raises OSError."""
    with path.open("rb") as file:
        begin = file.read(16)
        if not begin.startswith(_PICTURES) or begin[8:12] == b"AVI ":
            return None
        return begin + file.read(PICTURE_BYTES)
