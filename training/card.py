"""The model's card: what it is for, how it was made, and how good it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.scoring import mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.scoring import Score

_TEXT = """# The demo's model

**For the demo.** It finds the persons, cars, trucks and dogs that VMS Bridge's own programs draw: those of the simulator, and
those of `training/scenes.py`. It has never seen a photograph, and says nothing true about real streets: for these bring a model
of your own.

| | |
|---|---|
| files | `demo.xml`, `demo.bin`: OpenVINO IR, weights of 16 bits, {parameters:,} parameters, {weights:,} bytes |
| input | `pictures`, bytes `[1, 192, 320, 3]`, RGB, letterboxed with grey 114 |
| output | `found`, `[1, 8, 1260]`: centre and size in pixels of the input, then a score for each label (layout `yolo`) |
| labels | person, car, truck, dog; in `rt_info`, `model_info/labels` |
| made by | `scripts/train-demo-models --seed {seed} --scenes {scenes} {rounds}` |
| with | {made_by} |
| on | one thread; {drawing_s:.0f} s of processor for drawing, {training_s:.0f} s for training |
| sha256 of `demo.bin` | `{sha256}` |
| license | that of the project; nothing of anybody else's is in it: scenes, net and weights were made here |

## How good it is

On {held_out} held-out scenes (seeds from {held_out_from:,}), half of them of the simulator, by the saved model in f32. Precision
and recall are those at a score of 0.4.

| label | objects | AP50 | precision | recall |
|---|---|---|---|---|
{rows}
| **mean** | | **{mean:.3f}** | | |

Of the simulator's scenes alone, which are what the demo shows: **{of_simulator:.3f}**.

## How it was made

From zero: {scenes:,} drawn scenes, {before}{steps:,} steps of {batch} pictures; AdamW, rate {rate:g}, which falls
in a straight line after {hold:.0%} of the steps, decay {decay:g}; an average of the weights ({average:g}); seed {seed}. Pictures
were mirrored, moved and tinted at random. Boxes are the extents of what was drawn; an object counts when at least 35 % of it is
in the picture, 20 % of it can be seen, and its longer side is 3 % of the picture's width. Two fifths of the simulator's scenes
have boxes and texts drawn in, many of them around nothing, so that the model can't learn to read those. Cats are drawn too, and
are not to be found.
"""


def card(facts: Mapping[str, Any], scores: list[Score]) -> str:
    """Return the card's Markdown."""
    rows = "\n".join(
        f"| {each.label} | {each.objects} | {each.average_precision:.3f} | {each.precision:.2f} | {each.recall:.2f} |"
        for each in scores
    )
    recipe = facts["recipe"]
    steps = f"--steps {recipe.steps} --then 0" if not recipe.after else f"--steps {recipe.after} --then {recipe.steps}"
    before = "" if not recipe.after else f"{recipe.after:,} and, from their average on, once more "
    said = {name: getattr(recipe, name) for name in ("seed", "steps", "batch", "rate", "hold", "decay", "average")}
    return _TEXT.format(**facts, **said, rounds=steps, before=before, rows=rows, mean=mean(scores))
