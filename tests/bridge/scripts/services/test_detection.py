"""Detection on pictures that scripts bring: by the real hub and the sink `detect`, whose engine is a fake."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.detect.lab import Lab
from tests.bridge.scripts.services.lab import Worker

from vms_bridge.errors import BodyInvalid, BodyTooLarge, DetectionFailed, ModelRefused, NotFound, PictureRefused
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.services import detection
from vms_bridge.scripts.services.media import Media
from vms_bridge.scripts.services.table import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MAY = Worker().may(detect=True)


class House:
    """A hub, at which detection may be at work, and what a script can ask for."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.media = lab, Media(lab.clock, folder / "spool")
        self.services = Services(detection.rows(lab.hub, self.media), lab.clock)

    async def look(self, data: bytes = b"", worker: Worker = MAY, **words: object) -> Any:  # noqa: ANN401 - JSON
        asked = asyncio.create_task(self.services.answer(worker, "detect.picture", words, data))
        await self.lab.until(asked.done)
        return (await asked).words["objects"]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with Lab(tmp_path).open() as lab:
        yield House(lab, tmp_path)


async def test_a_picture_is_looked_at_from_bytes_or_a_handle(house: House) -> None:
    async with house.lab.detecting():
        found = await house.look(b"person .91 .1 .2 .3 .4, dog .6, cat .2")
        assert found[0] == {"label": "person", "score": 0.91, "box": [0.1, 0.2, 0.3, 0.4], "text": None}
        assert [one["label"] for one in found] == ["person", "dog"]
        medium = await house.media.add(MAY, "image/jpeg", "x.jpg", b"dog .7")
        assert [one["label"] for one in await house.look(media=medium.id, model="street")] == ["dog"]
    MAY.end()


async def test_where_nothing_looks_it_is_said_what_to_configure(house: House) -> None:
    with pytest.raises(DetectionFailed, match="nothing looks at pictures") as refusal:
        await house.look(b"person .9")
    assert "configure `detection:`" in refusal.value.hint
    async with house.lab.detecting():
        await house.look(b"person .9")
    with pytest.raises(DetectionFailed):
        await house.look(b"person .9")


async def test_pictures_and_models_that_are_none(house: House) -> None:
    async with house.lab.detecting():
        with pytest.raises(PictureRefused):
            await house.look(b"broken")
        with pytest.raises(ModelRefused, match="there is no model 'faces'"):
            await house.look(b"person .9", model="faces")
        house.lab.engine.is_gone = True
        with pytest.raises(DetectionFailed):
            await house.look(b"person .9")


async def test_it_takes_the_permission_and_one_picture(house: House) -> None:
    with pytest.raises(PermissionMissing, match="permission detect"):
        await house.look(b"person .9", Worker())
    with pytest.raises(NotFound):
        await house.look(media="m1")
    clip = await house.media.add(MAY, "video/mp4", "x.mp4", b"clip")
    large = await house.media.add(MAY, "image/jpeg", "x.jpg", bytes(detection.MOST_PICTURE_BYTES + 1))
    with pytest.raises(BodyTooLarge):
        await house.look(media=large.id)
    bad: list[tuple[bytes, dict[str, Any]]] = [
        (b"", {}),
        (b"person .9", {"media": clip.id}),
        (b"", {"media": clip.id}),
        (b"x", {"model": ""}),
        (b"x", {"score": 1}),
        (bytes(4 * 1024 * 1024 + 1), {}),
    ]
    for data, words in bad:
        with pytest.raises(BodyInvalid):
            await house.look(data, **words)
    MAY.end()
