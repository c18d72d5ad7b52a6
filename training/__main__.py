"""Train the demo's model, score it on scenes that it has not seen, and write it with its card: `scripts/train-demo-models`."""

from __future__ import annotations

import argparse
import hashlib
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import torch

from training.card import card
from training.dataset import Scenes, scenes
from training.export import export, run
from training.scenes import is_simulated
from training.scoring import mean, scored
from training.train import Recipe, train

if TYPE_CHECKING:
    from training.scoring import Score

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "bridge/vms_bridge/detect/demo_model"
_CACHE = ROOT / ".cache/training"
_HELD_OUT_FROM = 1_000_000
"""The seed of the first held-out scene: far from those that are trained on."""


def main() -> int:
    """Do it; the exit code is 1 if the score is not reached."""
    options = _options()
    began, spent = time.monotonic(), time.process_time()
    _say(f"drawing {options.held_out} scenes that are held out, and {0 if options.score else options.scenes} to learn from")
    held_out = scenes(_HELD_OUT_FROM, options.held_out, _CACHE)
    file = options.to / "demo.xml"
    if options.score:
        return 0 if mean(_scored(file, held_out)) >= options.least else 1
    drawn = scenes(0, options.scenes, _CACHE)
    drawing_s = time.process_time() - spent
    _say(f"drawn in {time.monotonic() - began:.0f} s, {drawing_s:.0f} s of processor")
    recipe, spent = Recipe(seed=options.seed, steps=options.steps, after=options.after), time.process_time()
    detector, steps = train(recipe, drawn, held_out, say=_say, kept=_CACHE / f"newest-{recipe.seed}.pt")
    if options.then:
        recipe = replace(recipe, steps=options.then, after=recipe.after + steps)
        detector, steps = train(recipe, drawn, held_out, say=_say, kept=_CACHE / f"newest-{recipe.seed}.pt")
    training_s = time.process_time() - spent
    parameters = sum(each.numel() for each in detector.parameters())
    options.to.mkdir(parents=True, exist_ok=True)
    export(detector, file)
    scores = _scored(file, held_out)
    weights = file.with_suffix(".bin").read_bytes()
    facts = {
        "recipe": replace(recipe, steps=steps),
        "scenes": options.scenes,
        "held_out": options.held_out,
        "held_out_from": _HELD_OUT_FROM,
        "parameters": parameters,
        "weights": len(weights),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "drawing_s": drawing_s,
        "training_s": training_s,
        "of_simulator": mean(_of_simulator(file, held_out)),
        "made_by": f"torch {torch.__version__}, OpenVINO {ov.__version__.split('-')[0]}, Python {platform.python_version()}",
    }
    (options.to / "README.md").write_text(card(facts, scores), encoding="utf-8")
    return 0 if mean(scores) >= options.least else 1


def _scored(file: Path, held_out: Scenes) -> list[Score]:
    scores = scored(run(file, held_out.pictures), held_out)
    for score in scores:
        rates = f"{score.precision:.2f} right, {score.recall:.2f} found"
        _say(f"{score.label:8} {score.average_precision:.3f}  of {score.objects}, {rates}")
    _say(f"mAP50 {mean(scores):.4f}, of the simulator's scenes {mean(_of_simulator(file, held_out)):.4f}")
    return scores


def _of_simulator(file: Path, held_out: Scenes) -> list[Score]:
    """Score it on the scenes of the simulator only, which has no trucks."""
    chosen = np.array([is_simulated(_HELD_OUT_FROM + number) for number in range(len(held_out.labels))])
    those = Scenes(held_out.pictures[chosen], held_out.boxes[chosen], held_out.labels[chosen])
    return [score for score in scored(run(file, those.pictures), those) if score.objects]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("train-demo-models", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--after", type=int, default=0, metavar="STEPS", help="go on from what a run of that many steps has made")
    parser.add_argument(
        "--then", type=int, default=3_000, metavar="STEPS", help="a second round, from the first one's average on"
    )
    parser.add_argument("--scenes", type=int, default=5_000)
    parser.add_argument("--held-out", type=int, default=300)
    parser.add_argument("--to", type=Path, default=FOLDER, help="the folder for model and card")
    parser.add_argument("--least", type=float, default=0.90, help="the exit code is 1 below that mAP50")
    parser.add_argument("--score", action="store_true", help="only score the model that is there")
    return parser.parse_args()


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
