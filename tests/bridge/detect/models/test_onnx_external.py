"""Whatever bytes an ONNX file has, they are read within bounds, and its locations are found."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.detect.calm import CALM
from tests.fakes.onnx_files import detector, external, field, model, tensor

from vms_bridge.detect.models.onnx_external import Intricate, external_files

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TEXTS = st.text("ab/.é\0 ", min_size=1, max_size=30)


@CALM
@given(locations=st.lists(TEXTS, max_size=5), plain=st.integers(0, 5))
def test_every_location_is_found(tmp_path_factory: pytest.TempPathFactory, locations: list[str], plain: int) -> None:
    tensors = [external(f"e{at}", [2, 2], name) for at, name in enumerate(locations)]
    tensors += [tensor(f"p{at}", [1], b"\x0a\x04skip") for at in range(plain)]
    file = tmp_path_factory.getbasetemp() / "locations.onnx"
    file.write_bytes(model(b"".join(field(5, each) for each in tensors)))
    assert external_files(file) == {name.encode("utf-8", "replace").decode("utf-8", "replace") for name in locations}


@CALM
@given(at=st.integers(0, 1_000), change=st.binary(max_size=8), cut=st.integers(0, 1_000))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, at: int, change: bytes, cut: int) -> None:
    whole = detector(location="w.data")
    broken = (whole[: at % len(whole)] + change + whole[at % len(whole) + len(change) :])[: len(whole) - cut % len(whole)]
    file: Path = tmp_path_factory.getbasetemp() / "broken.onnx"
    file.write_bytes(broken)
    with suppress(Intricate):
        external_files(file)
