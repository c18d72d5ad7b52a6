"""`vms-bridge vxg meta`: documents that are recorded with a channel's video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.direct.consent import Consent, destroys
from vms_bridge.cli.direct.showing import said, shortened, shown_time
from vms_bridge.cli.options import Moment, form_options, json_option, time_options, zone_option
from vms_bridge.cli.output import Listing, complain, printable, say, show_json
from vms_bridge.cli.vxg.asking import Ask, asks_vxg
from vms_bridge.cli.vxg.documents import Entry, NoDocument, Where, batches, document_of, joined, within
from vms_bridge.cli.vxg.finding import CHANNEL, the_channel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from vms_bridge.vxg import ChannelRow, Condition, Document

_MOST = 50
_SHOWN, _MOST_COUNTED = 20, 1000
_COLUMNS = ("ID", "TIME", "WHAT", "RAW")
_WHERE = click.option(
    "--where",
    type=Where(),
    multiple=True,
    metavar="CONDITION",
    help="string.label=car, float.score>=0.5, long.count<3, string.note~words; of several all.",
)
_ANY = click.option("--any", "is_any", is_flag=True, help="One of several conditions is enough.")


@click.group("meta")
def command() -> None:
    """Record, find and delete metadata of channels: documents, each of a moment."""


@command.command("record")
@CHANNEL
@click.option("--at", type=Moment(is_ahead=False), metavar="TIME", help="Of which moment (default: now).")
@zone_option
@click.option("--text", "texts", type=Entry(str), multiple=True, metavar="NAME=TEXT", help="A text; may be repeated.")
@click.option("--number", "numbers", type=Entry(int), multiple=True, metavar="NAME=N", help="A whole number; may be repeated.")
@click.option("--float", "floats", type=Entry(float), multiple=True, metavar="NAME=X", help="A number; may be repeated.")
@click.option("--raw", metavar="TEXT", help="Any text.")
@click.option(
    "--lines",
    type=click.File(encoding="utf-8", errors="strict"),
    metavar="FILE",
    help="A document for each line of JSON, as `find --ndjson` has them; - is what is piped in.",
)
@json_option
@asks_vxg
def record(
    ask: Ask,
    *,
    channel: str,
    at: datetime | None,
    lines: TextIO | None,
    as_json: bool,
    time_zone: tzinfo | None,
    **parts: Any,  # noqa: ANN401 - what it says
) -> int:
    """Record a document of what was found at a moment, or one for each line, and print their ids.

    Lines are sent as they come. One that can't be used, or is refused, is said with its number; the others go on, and the exit
    code is 1 then.
    """
    del time_zone
    row = ask(the_channel(ask.vxg, channel))
    if lines is not None:
        if at is not None or any(parts.values()):
            raise click.UsageError("name --lines, or what the document says, and not both")
        return _record_lines(ask, row, lines, as_json=as_json)
    if not any(parts.values()):
        raise click.UsageError(
            "say what was found: --text NAME=TEXT, --number NAME=N, --float NAME=X, --raw TEXT or --lines FILE"
        )
    from vms_bridge.vxg import Document  # noqa: PLC0415  # --help has no use for the library

    when = ask(ask.vxg.now()) if at is None else at
    texts, numbers, floats = (dict(parts[name]) for name in ("texts", "numbers", "floats"))
    document = Document(timestamp=when, texts=texts, numbers=numbers, floats=floats, raw=parts["raw"])
    ids = ask(ask.vxg.metadata.record(row, [document]))
    for each in ids:
        _tell_id(None, each, as_json=as_json)
    return OK


def _record_lines(ask: Ask, row: ChannelRow, lines: TextIO, *, as_json: bool) -> int:
    from vms_bridge.vxg import MetadataRefused  # noqa: PLC0415  # as above

    recorded = failed = last = 0
    is_whole = False
    try:
        for batch in batches(lines):
            documents: list[Document] = []
            places: list[int] = []
            for number, line in batch:
                try:
                    documents.append(document_of(line))
                    places.append(number)
                except NoDocument as error:
                    failed += 1
                    complain(f"line {number}: {error}", "")
            ids: Sequence[str | None] = ()
            try:
                ids = ask(ask.vxg.metadata.record(row, documents)) if documents else ()
            except MetadataRefused as error:
                ids = error.ids
                for at, why in error.refused:
                    failed += 1
                    ask.complain(f"line {places[at]}: it is refused: {why}", "")
            for number, each in zip(places, ids, strict=False):
                if each is not None:
                    recorded, last = recorded + 1, number
                    _tell_id(number, each, as_json=as_json)
        is_whole = True
    finally:
        where = "" if is_whole else f", up to line {last}"
        say(f"{recorded} recorded{where}{f', {failed} failed' if failed else ''}.", err=True)
    return FAILED if failed else OK


@command.command("find")
@click.option("--channel", metavar="ID|NAME", help="Of this channel (default: of all).")
@_WHERE
@_ANY
@time_options("Of moments")
@click.option("--oldest-first", is_flag=True, help="The other way round.")
@click.option("--limit", type=click.IntRange(1), default=_MOST, show_default=True, help="How many at most.")
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@form_options
@asks_vxg
def find(
    ask: Ask,
    *,
    channel: str | None,
    oldest_first: bool,
    limit: int,
    is_all: bool,
    form: str | None,
    time_zone: tzinfo | None,
    **asked: Any,  # noqa: ANN401 - what chooses
) -> None:
    """Find documents, the newest first."""
    row = None if channel is None else ask(the_channel(ask.vxg, channel))
    found = ask.vxg.metadata.each(row, _condition(asked), newest_first=not oldest_first, limit=None if is_all else limit)
    with Listing(form, _COLUMNS, lambda document: _row(document, time_zone)) as listing:
        for documents in ask.some(found):
            listing.add(documents if form is None else [said(document) for document in documents])


@command.command("delete")
@CHANNEL
@click.argument("ids", nargs=-1, metavar="[DOCUMENT]...")
@_WHERE
@_ANY
@time_options("Of moments")
@destroys
@json_option
@asks_vxg
def delete(
    ask: Ask,
    *,
    channel: str,
    ids: tuple[str, ...],
    consent: Consent,
    as_json: bool,
    time_zone: tzinfo | None,
    **asked: Any,  # noqa: ANN401 - what chooses
) -> int:
    """Delete documents of a channel, by their ids or by conditions as `find` has them."""
    where = _condition(asked)
    if bool(ids) == (where is not None):
        raise click.UsageError("name the documents by their ids, or by --where, --since and --until as `meta find` has them")
    row = ask(the_channel(ask.vxg, channel))
    if where is None:
        lines, count, detail = [f"delete document {each}" for each in ids], f"{len(ids)} documents", list[Any](ids)
    else:
        found = ask(ask.vxg.metadata.list(row, where, limit=_MOST_COUNTED))
        if not found:
            say("There are no such documents.", err=True)
            return OK
        lines = [
            f"delete document {each.id} of {shown_time(each.timestamp, time_zone)}: {_what(each)}" for each in found[:_SHOWN]
        ]
        lines += [f"delete {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        more = " or more" if len(found) == _MOST_COUNTED else ""
        count, detail = f"{len(found)}{more} documents", [said(each) for each in found]
    if not consent.given(f"Delete {count} of {row.name}?", lines, detail, form="json" if as_json else None):
        return OK
    ask(ask.vxg.metadata.delete(row, ids) if where is None else ask.vxg.metadata.delete_where(row, where))
    if as_json:
        show_json(detail)
    else:
        say(printable(f"{count} of {row.name} deleted"))
    return OK


def _condition(asked: dict[str, Any]) -> Condition | None:
    where = joined(asked["where"], is_any=asked["is_any"])
    return within(where, asked["since"], asked["until"])


def _tell_id(line: int | None, each: str, *, as_json: bool) -> None:
    if as_json:
        show_json({"id": each} if line is None else {"line": line, "id": each}, is_line=True)
    else:
        say(printable(each))


def _row(document: Document, zone: tzinfo | None) -> tuple[object, ...]:
    return document.id, shown_time(document.timestamp, zone), _what(document), shortened(document.raw)


def _what(document: Document) -> str:
    values = {**document.texts, **document.numbers, **document.floats}
    return ", ".join(f"{name}: {value}" for name, value in values.items())
