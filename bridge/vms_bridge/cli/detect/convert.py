"""`vms-bridge detect convert`: needs the extra `detect`, and no running bridge."""

from __future__ import annotations

from pathlib import Path

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.output import complain, printable, say

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = click.Path(dir_okay=False, path_type=Path)


@click.command("convert")
@click.argument("cfg", type=_FILE)
@click.argument("weights", type=_FILE)
@click.option("-o", "--to", type=_NEW, metavar="MODEL.xml", help="Where it goes; by default beside CFG.")
@click.option("--names", type=_FILE, metavar="FILE", help="The names of the classes, one a line, as in coco.names.")
def command(*, cfg: Path, weights: Path, to: Path | None, names: Path | None) -> int:
    """Make OpenVINO's files of a model of Darknet's, CFG and WEIGHTS: YOLO v3, v4, and their tiny variants."""
    try:
        # loads numpy and OpenVINO, which takes a while, and which only those have who installed the extra
        from vms_bridge.detect.darknet.convert import convert, default_file  # noqa: PLC0415
    except ImportError as missing:
        complain(f"this needs what the extra `detect` brings: {missing}", "pip install 'vms-bridge[detect]'")
        return FAILED
    file = default_file(cfg) if to is None else to
    if file.suffix != ".xml":
        raise click.BadParameter("a model's file ends with .xml; its weights go beside it", param_hint="--to")
    made = convert(cfg, weights, to=file, names=names)
    size, out = f"{made.width} x {made.height} pixels in", f"{made.boxes:,} boxes of {made.classes} classes out"
    say(printable(f"{made.file}: {size}, {out}, {made.bits} bits a weight"))
    if not made.labels:
        say("Its classes have no names: configure `labels` with the model, or convert it again with --names.", err=True)
    return OK
