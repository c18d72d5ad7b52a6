"""What is configured of the models, and of the process that runs them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field

from vms_bridge.detect.config_values import PictureSizeText, Section
from vms_bridge.detect.sizes import parse_picture_size

Layout = Literal[
    "yolo", "yolo5", "yolox", "e2e", "ssd", "yolonas", "detr", "rfdetr", "tfod", "anchors", "anchors7", "blazeface"
]  # fmt: skip


class RuntimeSettings(Section):
    """How models are run: on what, by how much of the machine."""

    device: str = Field(
        default="AUTO",
        pattern="^[A-Z][A-Z0-9_.:,]{0,63}$",
        description="write where models run, in OpenVINO's words: AUTO, CPU, GPU, NPU, or GPU.1 of several",
    )
    threads: int | None = Field(
        default=None, ge=1, le=256, description="write how many threads infer, 1 to 256, or leave it out: all cores but one"
    )
    precision: Literal["auto", "f32", "f16", "bf16"] = Field(
        default="auto", description="choose how exactly is reckoned: auto takes what the device does best, or f32, f16, bf16"
    )
    cache_dir: Path | None = Field(
        default=None, description="name a directory for compiled models, or leave it out: one within data_dir"
    )
    folder: Path | None = Field(
        default=None,
        description="name the directory of the models, outside of which none is read, or leave it out: that of the first one",
    )
    memory_mb: int = Field(
        default=2048,
        ge=256,
        le=65_536,
        description="write how many megabytes the process that runs models may take, 256 to 65536",
    )
    largest_model_mb: int = Field(
        default=1024, ge=1, le=65_536, description="write how many megabytes a model's files may have, 1 to 65536"
    )
    uid: int = Field(
        default=65_530,
        ge=1,
        le=2_000_000_000,
        description="write the number of the user that runs models, where the bridge itself runs as root",
    )


class ModelSettings(Section):
    """One model: its file, and what can't be seen from that."""

    file: Path = Field(description="name the model's file: OpenVINO's .xml, an .onnx or a .tflite")
    labels: tuple[str, ...] = Field(
        default=(),
        max_length=10_000,
        description="write the names of its classes in order, [coco80] for COCO's, or leave it out where the file has them",
    )
    labels_file: Path | None = Field(
        default=None, description="name a text file with the names of its classes, one a line, or leave it out"
    )
    layout: Layout | None = Field(
        default=None,
        description="name the layout of its outputs as `vms-bridge probe` lists them, or leave it out to have it found",
    )
    floor: float = Field(
        default=0.1, gt=0, lt=1, description="write the least score that the model is asked for at all, more than 0, less than 1"
    )
    input: PictureSizeText | None = Field(
        default=None,
        description='write the size of its input where the file leaves it open, as in `input: "640x640"`',
    )
    pixels: Literal["auto", "0..1", "0..255", "-1..1", "imagenet"] = Field(
        default="auto", description="choose what it takes the values of pixels to be: auto, 0..1, 0..255, -1..1 or imagenet"
    )
    colours: Literal["auto", "rgb", "bgr"] = Field(
        default="auto", description="choose the order of its colours: auto, rgb or bgr"
    )
    anchors: tuple[tuple[float, float], ...] = Field(
        default=(),
        max_length=64,
        description="write each of its anchors' width and height in pixels, for anchors and anchors7, as in [[10, 14], [23, 27]]",
    )
    scores: Literal["auto", "ready", "sigmoid", "softmax"] = Field(
        default="auto", description="choose how its outputs become scores: auto, ready, sigmoid or softmax"
    )

    @cached_property
    def size(self) -> tuple[int, int] | None:
        """Width and height of its input in pixels, where they are configured."""
        return None if self.input is None else parse_picture_size(self.input)
