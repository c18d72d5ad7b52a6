"""What the worker answers: a server in a thread of the tests, with a real model, and pipes to it."""

from __future__ import annotations

import io
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest
from PIL import Image
from tests.fakes.graphs import blob_model, blob_picture, constant_model
from tests.fakes.pictures import quarters, saved

from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
from vms_bridge.detect.engine.slots import Slots
from vms_bridge.detect.engine.wire import (
    Asked,
    Drawing,
    Inference,
    Job,
    Loaded,
    Loading,
    Moved,
    Ready,
    Refusal,
    Said,
    Stage,
    Trouble,
    pack,
    read_said,
)
from vms_bridge.detect.worker.pipe import Output, read
from vms_bridge.detect.worker.serving import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vms_bridge.detect.engine.wire import Answer

BLOBS = [("person", (0.1, 0.2, 0.15, 0.4)), ("car", (0.5, 0.5, 0.3, 0.25))]
SLOT_BYTES = 4 * 1024 * 1024


@dataclass
class Server:
    """The test's side of it."""

    slots: Slots
    requests: int
    answers: int
    beginning: list[Said] = field(default_factory=list)
    number: int = 0

    def ask(self, picture: bytes, *, slot: int = 0, **words: object) -> Answer:
        self.send(picture, slot=slot, **words)
        return self.answer()

    def send(self, picture: bytes, *, slot: int = 0, **words: object) -> int:
        self.number += 1
        size = self.slots.write(slot, picture)
        asked = Asked.model_validate({"id": self.number, "slot": slot, "size": size, **words})
        os.write(self.requests, pack(asked))
        return self.number

    def answer(self) -> Answer:
        said = self.said()
        assert isinstance(said, Inference | Moved | Drawing | Refusal)
        return said

    def said(self) -> Said:
        content = read(self.answers)
        assert content is not None
        said = read_said(content)
        assert said is not None, content
        return said


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("models")
    ov.save_model(blob_model(width=160, height=96), folder / "blobs.xml")
    found = np.zeros((1, 84, 84), np.float32)
    ov.save_model(constant_model({"found": found}, layout="yolo", labels=[str(n) for n in range(80)]), folder / "nothing.xml")
    models = {name: ModelSettings(file=folder / f"{name}.xml") for name in ("blobs", "nothing", "missing")}
    runtime = RuntimeSettings(device="CPU", threads=1, folder=folder)
    slots = Slots.make(slots=4, slot_bytes=SLOT_BYTES)
    job = Job(models={}, runtime={}, memory=os.dup(slots.file), slots=4, slot_bytes=SLOT_BYTES)
    to_server, requests = os.pipe()
    answers, from_server = os.pipe()
    thread = threading.Thread(target=serve, args=(job, models, runtime, to_server, Output(from_server)), daemon=True)
    thread.start()
    made = Server(slots, requests, answers)
    while not isinstance(said := made.said(), Ready):
        made.beginning.append(said)
    yield made
    os.close(requests)
    thread.join(10)
    slots.close()
    for file in (to_server, answers, from_server):
        os.close(file)


def test_each_model_is_announced_before_it_is_loaded(server: Server) -> None:
    words = [(type(said), said.model) for said in server.beginning if isinstance(said, Loading | Loaded | Trouble)]
    assert words == [
        (Loading, "blobs"),
        (Loaded, "blobs"),
        (Loading, "nothing"),
        (Loaded, "nothing"),
        (Loading, "missing"),
        (Trouble, "missing"),
    ]
    loaded = server.beginning[1]
    assert isinstance(loaded, Loaded)
    assert (loaded.layout, loaded.width, loaded.height, loaded.labels) == ("yolo", 160, 96, ("person", "car", "dog"))


@pytest.mark.parametrize("size", [(640, 360), (1_280, 720), (360, 640), (400, 400)])
def test_boxes_are_those_of_the_picture_whatever_its_shape(server: Server, size: tuple[int, int]) -> None:
    picture = blob_picture(BLOBS, width=size[0], height=size[1])
    answer = server.ask(picture, do="infer", model="blobs", least_score=0.3)
    assert isinstance(answer, Inference)
    assert (answer.width, answer.height) == size
    assert sorted(row[0] for row in answer.found) == [0, 1]
    for index, score, *box in answer.found:
        assert score == pytest.approx(0.9, abs=0.02)
        assert box == pytest.approx(BLOBS[index][1], abs=0.1)  # cells have four pixels
    assert answer.waited_s < 5
    assert answer.decode_s > 0
    assert answer.infer_s > 0


def test_pixels_are_looked_at_like_files(server: Server) -> None:
    picture = blob_picture(BLOBS, width=320, height=180)
    image = Image.open(io.BytesIO(picture))
    answer = server.ask(image.tobytes(), do="infer", model="blobs", least_score=0.3, width=320, height=180)
    assert isinstance(answer, Inference)
    assert sorted(row[0] for row in answer.found) == [0, 1]


def test_what_is_not_worth_telling_is_not_told(server: Server) -> None:
    answer = server.ask(blob_picture(BLOBS), do="infer", model="blobs", least_score=0.95)
    assert isinstance(answer, Inference)
    assert answer.found == ()
    answer = server.ask(blob_picture(BLOBS), do="infer", model="nothing", least_score=0.0)
    assert isinstance(answer, Inference)
    assert answer.found == ()


def test_a_bad_picture_is_refused_and_the_next_one_is_looked_at(server: Server) -> None:
    for bad, told in ((b"no picture", "known"), (blob_picture(BLOBS)[:3_000], "truncated")):
        for do, model in (("infer", "blobs"), ("motion", ""), ("draw", "")):
            answer = server.ask(bad, do=do, model=model)
            assert isinstance(answer, Refusal)
            assert answer.why == "picture"
            assert told in answer.message
            assert server.slots.stage(0) is Stage.IDLE
    assert isinstance(server.ask(blob_picture(BLOBS), do="infer", model="blobs"), Inference)


@pytest.mark.parametrize("model", ["missing", "unknown"])
def test_a_model_that_is_not_there(server: Server, model: str) -> None:
    answer = server.ask(blob_picture(BLOBS), do="infer", model=model)
    assert isinstance(answer, Refusal)
    assert answer.why == "model"


def test_motion_is_of_its_camera(server: Server) -> None:
    shares = []
    for camera, picture in (("one", BLOBS), ("one", BLOBS), ("two", []), ("one", BLOBS[:1])):
        answer = server.ask(blob_picture(picture), do="motion", camera=camera)
        assert isinstance(answer, Moved)
        shares.append(answer.share)
    assert shares[:3] == [1.0, 0.0, 1.0]
    assert shares[3] == pytest.approx(0.3 * 0.25, rel=0.3)


def test_a_drawing_takes_the_place_of_its_picture(server: Server) -> None:
    picture = saved(quarters(640, 360))
    answer = server.ask(picture, slot=2, do="draw", drawn=(("person", (0.2, 0.2, 0.5, 0.5), 0),), most_width=320)
    assert isinstance(answer, Drawing)
    image = Image.open(io.BytesIO(server.slots.read(2, answer.size)))
    assert image.size == (320, 180)


def test_many_are_looked_at_at_a_time(server: Server) -> None:
    pictures = {
        server.send(blob_picture(BLOBS[: number % 3]), slot=number, do="infer", model="blobs"): number % 3 for number in range(4)
    }
    for _ in range(4):
        answer = server.answer()
        assert isinstance(answer, Inference)
        assert len(answer.found) == pictures.pop(answer.id)
    assert not pictures
