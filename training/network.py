"""The net: a small one-stage detector without anchors, whose exported head equals YOLOv8's: [1, 4 + classes, cells].

Channels and strides: 16 at 1/4, 32 at 1/8, 48 at 1/16, 64 at 1/32 of the input; a neck of 24 channels, top down and bottom up. No
layer works at full resolution, which is what a processor pays for, and none is depthwise, whose gradients cost torch three times
what those of a dense one do. Distances from a cell's centre to the sides of a box are exp(x) strides.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

WIDTH, HEIGHT = 320, 192
STRIDES = (8, 16, 32)
_STEM, _WIDTHS, _NECK = 16, (32, 48, 64), 24


class Conv(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, into: int, out: int, size: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, size, stride, (size - 1) // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the next layer sees."""
        return torch.relu(self.norm(self.conv(x)))

    def fuse(self) -> None:
        """Take the batch norm into the convolution; for inference only."""
        self.conv = fuse_conv_bn_eval(self.conv, self.norm)
        self.norm = nn.Identity()


class Dense(nn.Module):
    """A residual bottleneck."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(Conv(width, width // 2), Conv(width // 2, width, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Add what it has found."""
        return x + self.body(x)


class Detector(nn.Module):
    """Pictures in 0..1, [n, 3, 192, 320]; out come, for each cell of all levels, four distances and a logit for each class."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        at8, at16, at32 = _WIDTHS
        self.stem = Conv(3, _STEM, 6, 4)
        self.at8 = nn.Sequential(Conv(_STEM, at8, 3, 2), Dense(at8))
        self.at16 = nn.Sequential(Conv(at8, at16, 3, 2), Dense(at16), Dense(at16))
        self.at32 = nn.Sequential(Conv(at16, at32, 3, 2), Dense(at32))
        self.side = nn.ModuleList(Conv(width, _NECK) for width in _WIDTHS)
        self.down = nn.ModuleList(Conv(_NECK, _NECK, 3) for _ in range(2))
        self.up = nn.ModuleList(Conv(_NECK, _NECK, 3, 2) for _ in range(2))
        self.boxes = nn.ModuleList(nn.Sequential(Conv(_NECK, _NECK, 3), nn.Conv2d(_NECK, 4, 1)) for _ in STRIDES)
        self.classes = nn.ModuleList(nn.Sequential(Conv(_NECK, _NECK, 3), nn.Conv2d(_NECK, classes, 1)) for _ in STRIDES)
        for branch in self.classes:
            nn.init.constant_(branch[-1].bias, -4.0)  # nothing is there, at first
        for branch in self.boxes:
            nn.init.zeros_(branch[-1].weight)
            nn.init.constant_(branch[-1].bias, 0.7)  # boxes of four strides
        centres, strides = cells()
        self.register_buffer("centres", centres)
        self.register_buffer("strides", strides)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return distances in strides [n, cells, 4] (left, top, right, bottom) and logits [n, cells, classes]."""
        at8 = self.at8(self.stem(pictures))
        at16 = self.at16(at8)
        at32 = self.at32(at16)
        p8, p16, p32 = (side(level) for side, level in zip(self.side, (at8, at16, at32), strict=True))
        p16 = self.down[0](p16 + nn.functional.interpolate(p32, scale_factor=2.0, mode="nearest"))
        p8 = self.down[1](p8 + nn.functional.interpolate(p16, scale_factor=2.0, mode="nearest"))
        p16 = p16 + self.up[0](p8)
        p32 = p32 + self.up[1](p16)
        levels = (p8, p16, p32)
        distances = [branch(level).flatten(2) for branch, level in zip(self.boxes, levels, strict=True)]
        logits = [branch(level).flatten(2) for branch, level in zip(self.classes, levels, strict=True)]
        return torch.cat(distances, 2).transpose(1, 2).float().clamp(-4, 4).exp(), torch.cat(logits, 2).transpose(1, 2).float()

    def corners(self, distances: Tensor) -> Tensor:
        """Return boxes as left, top, right, bottom in pixels of the input [n, cells, 4]."""
        reach = distances * self.strides[:, None]
        return torch.cat((self.centres - reach[..., :2], self.centres + reach[..., 2:]), -1)

    def fuse(self) -> None:
        """Make it ready to be exported."""
        self.eval()
        for part in self.modules():
            if isinstance(part, Conv):
                part.fuse()


class Exported(nn.Module):
    """The detector as it is saved: one output [1, 4 + classes, cells], centre and size in pixels, and scores."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, pictures: Tensor) -> Tensor:
        """Return boxes and scores."""
        distances, logits = self.detector(pictures)
        reach = distances * self.detector.strides[:, None]
        near, far = reach[..., :2], reach[..., 2:]
        return torch.cat((self.detector.centres + (far - near) / 2, near + far, logits.sigmoid()), -1).transpose(1, 2)


def cells() -> tuple[Tensor, Tensor]:
    """Return the centres of all cells in pixels [cells, 2], and their strides [cells], rows of the finest level first."""
    centres, strides = [], []
    for stride in STRIDES:
        rows, columns = torch.meshgrid(torch.arange(HEIGHT // stride), torch.arange(WIDTH // stride), indexing="ij")
        centres.append((torch.stack((columns, rows), -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((rows.numel(),), float(stride)))
    return torch.cat(centres), torch.cat(strides)
