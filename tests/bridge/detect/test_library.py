"""The detector of people's own scripts: pictures, videos, events of a ZoneMinder and addresses, without a bridge."""

from __future__ import annotations

import io
import json
import os
import ssl
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from tests.fakes import detection_worker
from tests.fakes.videos import jpeg, video

from vms_bridge.clock import SystemClock
from vms_bridge.detect.library import Detector, StreamOptions, ZoneMinderEvent, as_pyzm, detect_stream
from vms_bridge.detect.library.addresses import save_address
from vms_bridge.detect.library.downloads import LEFT_FOR_S, download_directory
from vms_bridge.errors import (
    DetectionFailed,
    MediaUnavailable,
    ModelRefused,
    NoSuchEvent,
    Redirected,
    TooLarge,
    VmsError,
    VmsUnreachable,
)
from vms_bridge.zoneminder import ZoneMinder

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = (sys.executable, "-I", "-S", str(Path(detection_worker.__file__)), "works")
SETTINGS = {"models": {"street": {"file": "/models/street.xml"}}}
JPEG = jpeg()


def detector(**more: object) -> Detector:
    """Return one whose models find a car in every picture."""
    return Detector(SETTINGS | more, program=PROGRAM)


class _Pages(BaseHTTPRequestHandler):
    """A ZoneMinder's portal, and a few pages beside it."""

    film = b""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/zm/api/events/7.json":
            said = {"Id": "7", "Frames": "3", "MaxScoreFrameId": "2", "EndDateTime": "2026-11-28 12:00:00"}
            self.answer(200, "application/json", json.dumps({"event": {"Event": said}}).encode())
        elif parts.path == "/zm/api/host/getVersion.json":
            self.answer(200, "application/json", b'{"version": "1.36.33", "apiversion": "2.0"}')
        elif query.get("view") == "view_video":
            self.answer(200, "video/mp4", self.film)
        elif query.get("view") == "image":
            is_there = query["fid"] in {"snapshot", "alarm", "1", "2", "3"}
            self.answer(200 if is_there else 404, "image/jpeg", JPEG + json.dumps(query).encode() if is_there else b"")
        elif parts.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/secret")
            self.end_headers()
        else:
            self.answer(200 if parts.path == "/picture.jpg" else 404, "image/jpeg", JPEG)

    def answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(film: bytes = b"", context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve the pages, and give their address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Pages", (_Pages,), {"film": film}))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http{'s' if context else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_pictures_are_looked_at_whether_given_or_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "car.jpg").write_bytes(JPEG)
    async with detector() as working:
        for stream in (tmp_path / "car.jpg", str(tmp_path / "car.jpg"), JPEG):
            result = await working.detect_stream(stream)
            assert result.best is not None
            assert [(one.label, one.model) for one in result.best.found] == [("car", "street")]
            assert (result.best.frame, result.looked) == (None, 1)
        assert working.engine.health.inferred == 3
        best, every = as_pyzm(result)
        assert (best["labels"], best["confidences"], best["boxes"]) == (["car"], [0.9], [[64, 96, 256, 288]])
        assert (best["image"], len(every)) == (JPEG, 1)
        assert result.best is not None
        assert b"car 90%" in await working.annotate(result.best)


async def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    async with detector() as working:
        with pytest.raises(MediaUnavailable, match="can't be read"):
            await working.detect_stream(tmp_path / "none.jpg")
        with pytest.raises(VmsError, match="no way to a web server"):
            await working.detect_stream("file:///etc/passwd")
    with pytest.raises(DetectionFailed, match="not at work"):
        await detector().detect_stream(JPEG)


async def test_a_video_is_looked_at_frame_by_frame(tmp_path: Path) -> None:
    film = video(tmp_path / "film.mp4", 1.0)
    async with detector() as working:
        result = await working.detect_stream(film, {"start_frame": 2, "frame_skip": 3, "resize": 80})
    assert [looked.frame for looked in result.all] == [2, 5, 8]
    assert result.gave_up == ""


async def test_frames_are_kept_with_boxes(tmp_path: Path) -> None:
    options = StreamOptions(save_frames=True, save_analyzed_frames=True, save_frames_dir=tmp_path / "kept")
    async with detector() as working:
        await working.detect_stream(JPEG, options)
    kept = {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()}
    assert sorted(kept) == ["vms-bridge-picture-picture-analyzed.img", "vms-bridge-picture-picture-frame.jpg"]
    assert b"car 90%" in kept["vms-bridge-picture-picture-analyzed.img"]


async def test_other_rules_hold_at_once_and_other_models_want_to_be_reloaded() -> None:
    async with detector() as working:
        pid = working.engine.health.pid
        await working.set_settings({**SETTINGS, "profiles": {"default": {"stages": [{"labels": {"dog": {}}}]}}})
        assert (await working.detect_stream(JPEG)).best is None
        assert working.engine.health.pid == pid
        other = {"models": {"night": {"file": "/models/night.xml"}}}
        with pytest.raises(ModelRefused):
            await working.set_settings(other)
        await working.set_settings(other, force_reload=True)
        assert working.engine.health.pid != pid
        result = await working.detect_stream(JPEG)
        assert result.best is not None
        assert result.best.found[0].model == "night"


async def test_what_was_there_is_known_the_next_time_at_the_same_camera() -> None:
    async with detector(profiles={"default": {"past": {"suppress": True}}}) as working:
        known = [(await working.detect_stream(JPEG, camera=camera)).best for camera in ("zm/1", "zm/1", "zm/2")]
    assert [one.found[0].is_known for one in known if one is not None] == [False, True, False]


async def test_an_event_of_a_zoneminder_is_looked_at_by_its_frames() -> None:
    with serving() as url:
        async with ZoneMinder(f"{url}/zm") as zm:
            event = ZoneMinderEvent(zm, 7)
            assert (await event.count(), await event.snapshot_number()) == (3, 2)
            async with detector() as working:
                result = await working.detect_stream(event, {"resize": 640})
                assert [looked.frame for looked in result.all] == ["alarm", "snapshot"]
                assert result.best is not None
                assert b'"width": "640"' in bytes(result.best.picture)  # type: ignore[arg-type]
                result = await working.detect_stream(event, {"start_frame": 2})
                assert [looked.frame for looked in result.all] == [2, 3]
                result = await working.detect_stream(event, {"frame_set": "snapshot,9", "convert_snapshot_to_fid": True})
                assert ([looked.frame for looked in result.all], result.missing) == ([2], (9,))
            with pytest.raises(NoSuchEvent):
                await event.picture(9, width=None)


async def test_an_events_video_is_downloaded_and_goes(tmp_path: Path) -> None:
    film = video(tmp_path / "film.mp4", 0.5).read_bytes()
    folder = tmp_path / "downloads"
    with serving(film) as url:
        async with ZoneMinder(f"{url}/zm") as zm, detector() as working:
            event = ZoneMinderEvent(zm, 7)
            result = await working.detect_stream(event, {"download": True, "download_dir": str(folder), "max_frames": 2})
            assert [looked.frame for looked in result.all] == [1, 2]
            assert os.listdir(folder) == []  # noqa: PTH208
            options = {"download": True, "download_dir": str(folder), "max_frames": 1, "delete_after_analyze": False}
            await working.detect_stream(event, options)
    assert [path.read_bytes() for path in folder.rglob("event_7")] == [film]


async def test_what_a_killed_script_has_left_goes_after_a_day(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in ("vms-bridge-download-abcd_123", "vms-bridge-download-abcd_124", "mine"))
    for path in (old, new, other):
        path.mkdir()
    for path in (old, other):
        os.utime(path, (SystemClock().now().timestamp() - LEFT_FOR_S - 60,) * 2)
    async with download_directory(tmp_path, SystemClock()) as made:
        assert made.stat().st_mode & 0o777 == 0o700
    assert sorted(os.listdir(tmp_path)) == ["mine", new.name]  # noqa: PTH208


async def test_addresses_are_fetched_without_following_anybody() -> None:
    with serving() as url:
        async with detector() as working:
            assert (await working.detect_stream(f"{url}/picture.jpg?auth=secret")).best is not None
            with pytest.raises(VmsError, match="HTTP 404"):
                await working.detect_stream(f"{url}/none.jpg")
            with pytest.raises(Redirected):
                await working.detect_stream(f"{url}/moved")
        with pytest.raises(TooLarge):
            await save_address(f"{url}/picture.jpg", io.BytesIO(), limit_bytes=10)
    with pytest.raises(VmsUnreachable, match="no connection to 127") as failed:
        await save_address(f"{url.replace('//', '//me:secret@')}/picture.jpg?token=secret", io.BytesIO(), limit_bytes=10)
    assert "secret" not in str(failed.value)


async def test_a_certificate_that_nobody_vouches_for_is_believed_only_where_that_is_said() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with serving(context=context) as url:
        async with detector() as working:
            with pytest.raises(VmsUnreachable, match="can't be trusted") as failed:
                await working.detect_stream(f"{url}/picture.jpg")
            assert "disable_ssl_cert_check" in failed.value.hint
            assert (await working.detect_stream(f"{url}/picture.jpg", {"disable_ssl_cert_check": True})).best is not None


def test_a_program_without_a_loop_has_it_in_one_line() -> None:
    result = detect_stream(JPEG, SETTINGS, {"pattern": "car"}, program=PROGRAM)
    assert result.best is not None
    broken = {"models": {"broken": {"file": "/models/broken.xml"}}}
    result = detect_stream(JPEG, broken, program=PROGRAM)
    assert result.best is None
    assert [(trouble.name, trouble.hint) for trouble in result.troubles] == [("broken", "mend it")]
