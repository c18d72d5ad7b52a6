"""`vms-bridge probe`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.codes import OK
from vms_bridge.cli.options import config_option, json_option
from vms_bridge.cli.output import Listing, Styled, duration, say, show_fields, show_json
from vms_bridge.errors import BridgeError, ConfigError

if TYPE_CHECKING:
    from vms_bridge.cli.program import Program
    from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
    from vms_bridge.detect.probing import Probed
    from vms_bridge.detect.values import Found

_MOST_BYTES = 64 * 1_048_576
_COLUMNS = ("LABEL", "SCORE", "X", "Y", "WIDTH", "HEIGHT")
_LABELS_SHOWN = 12
_SECTION = "detection"


@click.command("probe")
@click.argument("model", type=str)
@click.argument("picture", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--labels", metavar="FILE", help="Names of its classes, one a line, or coco80 for those of COCO.")
@click.option("--layout", metavar="NAME", help="How its outputs are read, where that can't be seen.")
@click.option("--input", "size", metavar="WxH", help="The size of its input, where the file leaves it open.")
@click.option("--pixels", type=click.Choice(["auto", "0..1", "0..255", "-1..1", "imagenet"]), help="What it takes pixels to be.")
@click.option("--colours", type=click.Choice(["auto", "rgb", "bgr"]), help="The order of its colours.")
@click.option("--scores", type=click.Choice(["auto", "ready", "sigmoid", "softmax"]), help="How its outputs become scores.")
@click.option("--device", metavar="NAME", help="Where it runs, in OpenVINO's words: CPU, GPU, NPU, AUTO.")
@click.option("--precision", type=click.Choice(["auto", "f32", "f16", "bf16"]), help="How exactly is reckoned.")
@click.option("--threads", type=click.IntRange(1, 256), help="How many threads infer.")
@click.option("--least-score", type=click.FloatRange(0.01, 0.99), default=0.25, show_default=True, help="What is shown at all.")
@click.option("--runs", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How often it is timed.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the picture with boxes goes (default: here, as PICTURE-probed.jpg).",
)
@config_option
@json_option
@click.pass_obj
def command(
    program: Program,
    /,
    *,
    model: str,
    picture: Path | None,
    least_score: float,
    runs: int,
    output: Path | None,
    config: Path,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - the options above
) -> int:
    """Try a MODEL by itself, and say what is understood of it.

    MODEL is a file (.xml, .onnx, .tflite), or the name of a model in the configuration. With a PICTURE, say what is found in
    that, and draw it. Nothing of it touches a running bridge, and the model runs in this process.
    """
    from vms_bridge.detect.check import EXTRA, missing  # noqa: PLC0415  # for who looks at models only

    if (lacking := missing()) is not None:
        raise BridgeError(f"{lacking} is not installed, which runs models", hint=EXTRA)
    from vms_bridge.detect.probing import probe  # noqa: PLC0415  # OpenVINO, which no other verb loads

    file, settings, runtime = _meant(model, config, program)
    settings, runtime = _changed(settings, runtime, options)
    content = None if picture is None else _read(picture)
    probed = probe(file, settings, runtime, picture=content, name=file.stem, runs=runs, least_score=least_score)
    drawn = None
    if probed.drawn is not None and picture is not None:
        drawn = output or Path(f"{picture.stem}-probed.jpg")
        _write(drawn, probed.drawn)
    if as_json:
        show_json(_as_json(probed, drawn))
    else:
        _report(probed, drawn)
    return OK


def _meant(model: str, config: Path, program: Program) -> tuple[Path, ModelSettings, RuntimeSettings]:
    """Return the file, and what is configured of it: of a model that is named, what stands there, of a file the defaults."""
    from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings  # noqa: PLC0415  # as above
    from vms_bridge.detect.models.files import KNOWN  # noqa: PLC0415

    file = Path(model)
    if file.suffix.lower() in KNOWN or file.exists() or not config.exists():
        file = file.absolute()
        return file, ModelSettings(file=file), RuntimeSettings(folder=file.parent)
    from vms_bridge.config import load  # noqa: PLC0415  # for who names a model of it
    from vms_bridge.detect.config import DetectionSettings  # noqa: PLC0415

    loaded = load(config)
    program.secrets.include("configuration", loaded.secrets())
    section = loaded.sinks.get(_SECTION)
    settings = section.settings if section is not None else None
    models = settings.models if isinstance(settings, DetectionSettings) else {}
    if model not in models or not isinstance(settings, DetectionSettings):
        hint = f"name a model's file, or one of: {', '.join(models)}" if models else "name a model's file: .xml, .onnx or .tflite"
        raise ConfigError(f"there is no file {model}, and {config} has no model of that name", hint=hint)
    runtime = settings.run_by(loaded.data_dir).model_copy(update={"cache_dir": None})  # that is the bridge's own
    found = models[model]
    return found.file, found, runtime


def _changed(settings: ModelSettings, runtime: RuntimeSettings, options: dict[str, Any]) -> tuple[ModelSettings, RuntimeSettings]:
    """Return both as the options of this run change them, held against what the configuration may say."""
    from pydantic import ValidationError  # noqa: PLC0415  # it has been imported above already

    given = {name: value for name, value in options.items() if value is not None}
    ours = {name: given.pop(name) for name in ("device", "precision", "threads") if name in given}
    if "size" in given:
        given["input"] = given.pop("size")
    if (labels := given.pop("labels", None)) is not None:
        given |= {"labels": ["coco80"], "labels_file": None} if labels == "coco80" else {"labels_file": Path(labels).absolute()}
    try:
        settings = type(settings).model_validate({**settings.model_dump(), **given})
        runtime = type(runtime).model_validate({**runtime.model_dump(), **ours})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise click.UsageError(f"--{'-'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    return settings, runtime


def _read(picture: Path) -> bytes:
    try:
        with picture.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BridgeError(
            f"the picture can't be read: {picture}: {error.strerror}", hint="name a JPEG or another picture"
        ) from None
    if len(content) > _MOST_BYTES:
        raise BridgeError(f"the picture has more than {_MOST_BYTES // 1_048_576} MB: {picture}", hint="name a smaller one")
    return content


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BridgeError(f"{file} can't be written: {error.strerror}", hint="name another with --output") from None


def _report(probed: Probed, drawn: Path | None) -> None:
    facts, infer = probed.facts, probed.infer
    labels = ", ".join(facts.labels[:_LABELS_SHOWN])
    more = len(facts.labels) - _LABELS_SHOWN
    show_fields(
        [
            ("file", facts.file),
            ("layout", facts.layout),
            ("input", f"{facts.width} x {facts.height}"),
            ("outputs", "; ".join(probed.outputs)),
            ("labels", f"{len(facts.labels)}: {labels}{f', and {more} more' if more > 0 else ''}"),
            ("device", facts.device),
            ("precision", facts.precision),
            ("compiled in", duration(facts.compile_s)),
            ("one picture", f"{infer.p50_ms:.3g} ms (p95 {infer.p95_ms:.3g} ms, of {infer.runs})"),
            ("reading it", f"{probed.decode.p50_ms:.3g} ms"),
            ("throughput", f"{probed.pictures_per_s:,.0f} pictures a second, {probed.requests} at a time"),
        ]
    )
    if probed.width is None:
        return
    say("")
    if not probed.found:
        say("Nothing is found in the picture: try --least-score 0.05, or --colours and --pixels if that makes no sense.")
    else:
        with Listing(None, _COLUMNS, lambda found: _row(found, probed.width or 0, probed.height or 0)) as listing:
            listing.add(probed.found)
    if drawn is not None:
        say(f"\nThe picture with what is found in it: {drawn}")


def _row(found: Found, width: int, height: int) -> tuple[object, ...]:
    """Return a row of a table, the box in pixels of the picture."""
    sides = (found.box[0] * width, found.box[1] * height, found.box[2] * width, found.box[3] * height)
    return Styled(found.label, "bold"), f"{found.score:.2f}", *(f"{side:.0f}" for side in sides)


def _as_json(probed: Probed, drawn: Path | None) -> dict[str, Any]:
    facts = probed.facts
    return {
        "file": facts.file,
        "layout": facts.layout,
        "input": {"width": facts.width, "height": facts.height},
        "outputs": list(probed.outputs),
        "labels": list(facts.labels),
        "device": facts.device,
        "precision": facts.precision,
        "compile_s": round(facts.compile_s, 3),
        "runs": probed.infer.runs,
        "infer_ms": {"p50": probed.infer.p50_ms, "p95": probed.infer.p95_ms},
        "decode_ms": {"p50": probed.decode.p50_ms, "p95": probed.decode.p95_ms},
        "pictures_per_s": round(probed.pictures_per_s, 2),
        "requests": probed.requests,
        "picture": None if probed.width is None else {"width": probed.width, "height": probed.height},
        "found": [{"label": one.label, "score": one.score, "box": [round(side, 5) for side in one.box]} for one in probed.found],
        "drawn": None if drawn is None else str(drawn),
    }
