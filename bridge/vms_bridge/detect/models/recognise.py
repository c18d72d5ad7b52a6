"""Which layout a model has: by the shapes of its outputs, the size of its input, and how many names its classes have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.detect.models.heads import LATER, LAYOUTS
from vms_bridge.detect.models.heads.anchors import is_read
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from vms_bridge.detect.models.values import Form, Head, Layout

_EXPORT = "export a detector as its makers say, with its last step; docs/detection.md lists the layouts that are known"


def recognise(form: Form, named: str | None) -> tuple[Layout, Head]:
    """Return the layout, the one that somebody has named or else the only one that fits, and how to read it.

    Raises ModelRefused, with what was found, where none fits or several do: nobody guesses.
    """
    if named is not None:
        return _named(form, named)
    fitting = _fitting(form)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        candidates = ", or ".join(f"{layout.name} ({layout.models})" for layout, _ in fitting)
        raise ModelRefused(
            f"its outputs may be read in several ways: {described(form)}: {candidates}",
            hint=f"say which it is, as in `layout: {fitting[0][0].name}`" + _more_names(form),
        )
    raise _unknown(form)


def described(form: Form) -> str:
    """Return in words what a layout is recognised by."""
    outputs = ", ".join(str(output) for output in form.outputs)
    names = "no names of classes" if form.classes is None else f"{form.classes} name{'s' * (form.classes != 1)} of classes"
    return f"{outputs}, for pictures of {form.width} x {form.height}, with {names}"


def _fitting(form: Form) -> list[tuple[Layout, Head]]:
    built = ((layout, layout.build(form)) for layout in LAYOUTS.values())
    return [(layout, head) for layout, head in built if head is not None]


def _named(form: Form, named: str) -> tuple[Layout, Head]:
    if named in LATER:
        outputs, what = LATER[named]
        raise ModelRefused(
            f"it is of the layout {named} ({outputs}), of {what}", hint="a later version will make use of such models"
        )
    layout = LAYOUTS.get(named)
    if layout is None:
        raise ModelRefused(f"there is no layout {named!r}", hint=f"there are: {', '.join(LAYOUTS)}")
    head = layout.build(replace(form, is_named=True))
    if head is None:
        _check_names(form)
        others = ", ".join(layout.name for layout, _ in _fitting(form))
        raise ModelRefused(
            f"it is not of the layout {named}, which has {layout.outputs}: {described(form)}",
            hint=f"it may be {others}" if others else f"leave `layout` out. {_EXPORT}",
        )
    if not is_read(head):
        raise ModelRefused(
            f"its anchors are not known, {3 * len(form.outputs)} of them: {described(form)}",
            hint="write them from its training in the order of its outputs, as in `anchors: [[10, 13], [16, 30], [33, 23], ...]`",
        )
    return layout, head


def _unknown(form: Form) -> ModelRefused:
    _check_names(form)
    shape = form.outputs[0].shape if len(form.outputs) == 1 else ()
    if len(shape) == 2 and shape[0] == 1 and shape[1] > 7:
        return ModelRefused(
            f"it tells one row of numbers for a picture: {described(form)}",
            hint="that is what classifiers do, and what tells faces apart: a later version will make use of the latter",
        )
    return ModelRefused(f"nobody here knows how to read its outputs: {described(form)}", hint=_EXPORT)


def _check_names(form: Form) -> None:
    """Refuse a number of names that does not fit, where the outputs alone would do."""
    if form.classes is None:
        return
    wanted = sorted({head.classes for _, head in _fitting(replace(form, classes=None)) if head.classes is not None})
    if wanted:
        many = " or ".join(str(count) for count in wanted)
        raise ModelRefused(
            f"it tells {many} classes, and there are names of {form.classes}: {described(form)}",
            hint="correct `labels`, one name for each class in their order, or leave it out where the file has them",
        )


def _more_names(form: Form) -> str:
    return ", or give the names of its classes, which may tell" if form.classes is None else ""
