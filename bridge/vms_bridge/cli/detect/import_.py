"""`vms-bridge detect import`: needs no running bridge, no extra, and nothing of pyzm."""

from __future__ import annotations

from pathlib import Path

import click

from vms_bridge.cli.codes import OK
from vms_bridge.cli.output import printable, say
from vms_bridge.config.file import FILE_BYTES, read_document
from vms_bridge.detect.pyzm import Source, convert, of_ini, of_values
from vms_bridge.detect.pyzm.write import as_yaml
from vms_bridge.detect.sizes import WrongSize, parse_picture_size
from vms_bridge.errors import ConfigError, OutputError
from vms_bridge.keys import INSTANCE_PATTERN

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = click.Path(dir_okay=False, path_type=Path)


@click.command("import")
@click.argument("file", type=_FILE)
@click.option("-o", "--to", type=_NEW, metavar="FILE", help="Where the section goes; by default standard output.")
@click.option(
    "--system", default="zm", show_default=True, metavar="KEY", help="The ZoneMinder's key in the bridge's configuration."
)
@click.option(
    "--size", "sizes", multiple=True, metavar="ID=WIDTHxHEIGHT", help="How large a monitor's picture is. May be repeated."
)
def command(*, file: Path, to: Path | None, system: str, sizes: tuple[str, ...]) -> int:
    """Make a section `detection` of FILE, zmeventnotification's objectconfig.yml or .ini, and say what it can't hold."""
    if not INSTANCE_PATTERN.fullmatch(system):
        raise click.BadParameter("it is no key of a system", param_hint="--system")
    conversion = convert(_source(file), system=system, sizes=dict(map(_size, sizes)))
    for note in conversion.notes:
        say(f"  --  {printable(note)}", err=True)
    text = as_yaml(conversion, file.name)
    if to is None:
        say(text.rstrip("\n"))
        return OK
    try:
        with to.open("x", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise OutputError(f"{to} can't be written: {error.strerror}", hint="name a file that is not there yet") from None
    return OK


def _size(said: str) -> tuple[str, tuple[int, int]]:
    monitor, _, size = said.partition("=")
    try:
        return monitor.strip(), parse_picture_size(size)
    except WrongSize as wrong:
        raise click.BadParameter(f"{said}: {wrong}: {wrong.remedy}", param_hint="--size") from None


def _source(file: Path) -> Source:
    """Return what the file says. Raises ConfigError."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(FILE_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", file=str(file), hint="check its path and its owner") from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8", file=str(file), hint="save the file as UTF-8") from None
    if len(raw) > FILE_BYTES:
        raise ConfigError("is larger than 1 MB", file=str(file), hint="is this the configuration at all?")
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and line[0] not in "#;"), "")
    if file.suffix.lower() == ".ini" or (first.startswith("[") and first.endswith("]")):
        return of_ini(text)
    document = read_document(file, {})
    source = of_values(document.values)
    broken = tuple(f"{mistake.key or 'the file'}: {mistake.args[0]}" for mistake in document.mistakes)
    return Source(source.ml, source.stream, source.monitors, (*broken, *source.unread))
