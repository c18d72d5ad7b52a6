"""Train the demo's model, score it on scenes that it has not seen, and write it with its card: `scripts/train-demo-models`."""

from __future__ import annotations

import argparse
import hashlib
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path

import openvino as ov
import torch

from training.card import card
from training.dataset import scenes
from training.export import export, run
from training.network import Detector
from training.scenes import LABELS
from training.scoring import mean, scored
from training.train import Recipe, train

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "bridge/vms_bridge/detect/demo_model"
_CACHE = ROOT / ".cache/training"
_HELD_OUT_FROM = 1_000_000
"""The seed of the first held-out scene: far from those that are trained on."""


def main() -> int:
    """Do it; the exit code is 1 if the score is not reached."""
    options = _options()
    options.to.mkdir(parents=True, exist_ok=True)
    _say(f"drawing {options.scenes} scenes, and {options.held_out} to be held out")
    began, spent = time.monotonic(), time.process_time()
    held_out = scenes(_HELD_OUT_FROM, options.held_out, _CACHE)
    drawn = scenes(0, options.scenes, _CACHE)
    drawing_s = time.process_time() - spent
    _say(f"drawn in {time.monotonic() - began:.0f} s, {drawing_s:.0f} s of processor")
    recipe = Recipe(seed=options.seed, steps=options.steps)
    kept = _CACHE / f"newest-{recipe.seed}.pt"
    spent = time.process_time()
    if options.export_only:
        detector = Detector(len(LABELS))
        detector.load_state_dict(torch.load(kept, weights_only=True))
    else:
        detector, steps = train(recipe, drawn, held_out, say=_say, kept=kept)
        recipe = replace(recipe, steps=steps)
    training_s = time.process_time() - spent
    file = options.to / "demo.xml"
    export(detector, file)
    scores = scored(run(file, held_out.pictures), held_out)
    for score in scores:
        rates = f"{score.precision:.2f} right, {score.recall:.2f} found"
        _say(f"{score.label:8} {score.average_precision:.3f}  of {score.objects}, {rates}")
    _say(f"mAP50 {mean(scores):.4f}")
    weights = file.with_suffix(".bin").read_bytes()
    facts = {
        "recipe": recipe,
        "scenes": options.scenes,
        "held_out": options.held_out,
        "held_out_from": _HELD_OUT_FROM,
        "parameters": sum(each.numel() for each in detector.parameters()),
        "weights": len(weights),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "drawing_s": drawing_s,
        "training_s": training_s,
        "made_by": f"torch {torch.__version__}, OpenVINO {ov.__version__.split('-')[0]}, Python {platform.python_version()}",
    }
    (options.to / "README.md").write_text(card(facts, scores), encoding="utf-8")
    return 0 if mean(scores) >= options.least else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("train-demo-models", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--scenes", type=int, default=2_000)
    parser.add_argument("--held-out", type=int, default=300)
    parser.add_argument("--to", type=Path, default=FOLDER, help="the folder for model and card")
    parser.add_argument("--least", type=float, default=0.90, help="the exit code is 1 below that mAP50")
    parser.add_argument("--export-only", action="store_true", help="write what an earlier run has kept last")
    return parser.parse_args()


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
