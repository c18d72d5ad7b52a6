"""Training from zero, on one thread, the same from the same seed as far as a processor's arithmetic is."""

from __future__ import annotations

import copy
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from training.dataset import HEIGHT, WIDTH
from training.learning import losses
from training.network import Detector, Exported
from training.scenes import LABELS
from training.scoring import mean, scored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

    from training.dataset import Scenes
    from training.scoring import Floats

_GREY = 114


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that a training depends on, beside the scenes."""

    seed: int = 1
    steps: int = 9_000
    after: int = 0
    """How many steps an earlier round had, from whose averaged weights this one goes on; 0: from zero."""
    batch: int = 8
    rate: float = 3e-3
    hold: float = 0.6
    """For which part of the steps the rate stays as it is; then it falls to nothing, in a straight line."""
    decay: float = 0.02
    warm_up: int = 100
    average: float = 0.998


def train(recipe: Recipe, scenes: Scenes, held_out: Scenes, *, say: Callable[[str], None], kept: Path) -> tuple[Detector, int]:
    """Return the averaged detector, and after how many steps.

    `kept` is a file that gets it every three hundred steps, and where a round finds what the one before has made. SIGUSR1 makes
    fewer steps of it: what would have been had so many been asked for from the beginning.
    """
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)
    chance = np.random.default_rng(recipe.seed + recipe.after)
    detector = Detector(len(LABELS)).to(memory_format=torch.channels_last)
    if recipe.after:
        detector.load_state_dict(torch.load(kept, weights_only=True))
    averaged = copy.deepcopy(detector)
    plain = [each for each in detector.parameters() if each.ndim <= 1]
    weights = [each for each in detector.parameters() if each.ndim > 1]
    groups = [{"params": weights, "weight_decay": recipe.decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.rate, fused=True)
    asked_to_end: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _: asked_to_end.append(number))
    began, spent, shown, steps = time.monotonic(), time.process_time(), 0.0, recipe.steps
    for step, (pictures, boxes, labels) in enumerate(_batches(scenes, recipe.batch, chance)):
        if asked_to_end and step < steps * recipe.hold:
            asked_to_end.clear()
            steps = round((step + 1) / recipe.hold)
            say(f"asked to end: {steps} steps it will be")
        if step >= steps:
            break
        share = min(1.0, (step + 1) / recipe.warm_up, (1 - step / steps) / (1 - recipe.hold))
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * share
        with torch.autocast("cpu", torch.bfloat16):
            distances, logits = detector(pictures)
        loss = losses(detector, distances, logits, boxes, labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
        optimiser.step()
        _average(averaged, detector, min(recipe.average, (1 + step) / (10 + step)))
        shown = 0.98 * shown + 0.02 * loss.item() if step else loss.item()
        if (step + 1) % 300 == 0 or step + 1 == steps:
            score = mean(scored(outputs(averaged, held_out.pictures[:150]), _first(held_out, 150)))
            wall, processor = time.monotonic() - began, time.process_time() - spent
            took = f"{wall:.0f} s, {processor:.0f} s of processor"
            say(f"step {step + 1}: loss {shown:.3f}, mAP50 of 150 scenes {score:.3f}, {took}")
            torch.save(averaged.state_dict(), kept)
        elif (step + 1) % 100 == 0:
            say(f"step {step + 1}: loss {shown:.3f}, {time.process_time() - spent:.0f} s of processor")
    return averaged, steps


@torch.no_grad()
def outputs(detector: Detector, pictures: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Iterator[Floats]:
    """Yield the exported head for each picture."""
    exported = Exported(detector).eval()
    for start in range(0, len(pictures), 25):
        batch = torch.from_numpy(pictures[start : start + 25]).permute(0, 3, 1, 2).float() / 255
        yield from exported(batch.contiguous(memory_format=torch.channels_last)).numpy()


@torch.no_grad()
def _average(averaged: Detector, detector: Detector, share: float) -> None:
    for kept, new in zip(averaged.parameters(), detector.parameters(), strict=True):
        kept.lerp_(new, 1 - share)
    for kept, new in zip(averaged.buffers(), detector.buffers(), strict=True):
        kept.copy_(new)


def _first(scenes: Scenes, count: int) -> Scenes:
    return type(scenes)(scenes.pictures[:count], scenes.boxes[:count], scenes.labels[:count])


def _batches(scenes: Scenes, size: int, chance: np.random.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield batches without end: every scene once, then again in another order; mirrored, moved and tinted at random."""
    while True:
        order = chance.permutation(len(scenes.labels))
        for start in range(0, len(order) - size + 1, size):
            chosen = order[start : start + size]
            pictures, boxes = scenes.pictures[chosen].copy(), scenes.boxes[chosen].copy()
            labels = scenes.labels[chosen].copy()
            for index in range(size):
                _change(pictures[index], boxes[index], labels[index], chance)
            gain = torch.from_numpy(chance.uniform(0.8, 1.2, (size, 1, 1, 1)).astype(np.float32) / 255)
            batch = (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() * gain).clamp(0, 1)
            batch = batch.contiguous(memory_format=torch.channels_last)
            yield batch, torch.from_numpy(boxes), torch.from_numpy(labels)


def _change(
    picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    boxes: Floats,
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    chance: np.random.Generator,
) -> None:
    """Mirror, move and tint one scene in its place; an object of which little is left inside is taken off the list."""
    if chance.random() < 0.5:
        picture[:] = picture[:, ::-1].copy()
        boxes[:, [0, 2]] = WIDTH - boxes[:, [2, 0]]
    if chance.random() < 0.5:
        dx, dy = int(chance.integers(-48, 49)), int(chance.integers(-28, 29))
        moved = np.full_like(picture, _GREY)
        to_y, to_x = slice(max(0, dy), HEIGHT + min(0, dy)), slice(max(0, dx), WIDTH + min(0, dx))
        of_y, of_x = slice(max(0, -dy), HEIGHT - max(0, dy)), slice(max(0, -dx), WIDTH - max(0, dx))
        moved[to_y, to_x] = picture[of_y, of_x]
        picture[:] = moved
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        boxes += np.array((dx, dy, dx, dy), np.float32)
        boxes[:, 0::2] = boxes[:, 0::2].clip(max(0, dx), WIDTH + min(0, dx))
        boxes[:, 1::2] = boxes[:, 1::2].clip(max(0, dy), HEIGHT + min(0, dy))
        labels[(boxes[:, 2:] - boxes[:, :2]).prod(1) < 0.35 * areas] = -1
    if chance.random() < 0.3:
        picture[:] = picture[:, :, chance.permutation(3)]
