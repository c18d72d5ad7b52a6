"""The detector as OpenVINO's IR: pictures come as bytes, rows first; labels and what it is stand in `rt_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import torch
from openvino.preprocess import PrePostProcessor

from training.dataset import HEIGHT, WIDTH
from training.network import Exported
from training.scenes import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.network import Detector
    from training.scoring import Floats

DESCRIPTION = "For the demo of VMS Bridge: finds what is drawn, and nothing real."


def export(detector: Detector, file: Path) -> None:
    """Write FILE.xml and FILE.bin, the weights as 16 bits."""
    detector = detector.to(memory_format=torch.contiguous_format)
    detector.fuse()
    exported, shape = Exported(detector).eval(), (1, 3, HEIGHT, WIDTH)
    model = ov.convert_model(exported, example_input=torch.zeros(shape), input=list(shape))
    prepared = PrePostProcessor(model)
    prepared.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    prepared.input().preprocess().convert_element_type(ov.Type.f32).scale(255.0)
    prepared.input().model().set_layout(ov.Layout("NCHW"))
    model = prepared.build()
    model.inputs[0].set_names({"pictures"})
    model.outputs[0].set_names({"found"})
    model.friendly_name = "demo"
    model.set_rt_info(" ".join(LABELS), ["model_info", "labels"])
    model.set_rt_info(DESCRIPTION, ["model_info", "description"])
    ov.save_model(model, file, compress_to_fp16=True)


def run(file: Path, pictures: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Iterator[Floats]:
    """Yield the head of the saved model for each picture, as the bridge would see it."""
    core = ov.Core()
    compiled = core.compile_model(core.read_model(file), "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    for picture in pictures:
        request.infer({0: picture[None]})
        yield np.array(request.get_output_tensor(0).data[0])
