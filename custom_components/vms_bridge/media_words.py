"""The words that titles in the media browser are made of, in English and German. Pure.

Home Assistant translates what the frontend shows by key; a node's title is text that comes from here, in the language of the
installation. Any other language gets English.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime, tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Those of one language; `date_form` has the places `weekday`, `day`, `month` and `year`."""

    language: str
    more: str
    latest: str
    by_label: str
    by_kind: str
    event: str
    nothing: str
    today: str
    yesterday: str
    date_form: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    kinds: Mapping[str, str]
    found: str
    """With places `query` and `count`, how many were found."""
    fields: Mapping[str, str]
    """What the filters of a search are called."""
    since: str
    before: str

    def day(self, day: date, today: date) -> str:
        """Return a day as people write it."""
        text = self.date_form.format(
            weekday=self.weekdays[day.weekday()], day=day.day, month=self.months[day.month - 1], year=day.year
        )
        near = {0: self.today, 1: self.yesterday}.get((today - day).days)
        return text if near is None else f"{near}, {text}"

    def kind(self, kind: str) -> str:
        """Return what a kind of event is called; a newer bridge's by its own word."""
        return self.kinds.get(kind) or kind.replace("_", " ").capitalize()


def clock(time: datetime, zone: tzinfo, *, seconds: bool = False) -> str:
    """Return what the clock shows then, and how far it is from UTC where it shows that twice."""
    local = time.astimezone(zone)
    text = local.strftime("%H:%M:%S" if seconds else "%H:%M")
    is_shown_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{text} (UTC{local.strftime('%z')[:5]})" if is_shown_twice else text


def duration(seconds: float) -> str:
    """Return how long something takes: `22 s`, `1:05 min`, `2:03 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02} h"


_ENGLISH: Final = Words(
    language="en",
    more="More …",
    latest="Latest",
    by_label="By label",
    by_kind="By kind",
    event="Event",
    nothing="All events",
    today="Today",
    yesterday="Yesterday",
    date_form="{weekday}, {day} {month} {year}",
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    kinds=MappingProxyType(
        {
            "alarm": "Alarm",
            "continuous": "Continuous",
            "forced": "Forced",
            "external": "External",
            "line_crossing": "Line crossed",
            "zone": "Zone entered",
            "loitering": "Loitering",
            "abandoned_object": "Object left",
            "removed_object": "Object removed",
            "input": "Input",
            "tamper": "Tampering",
            "signal_loss": "Signal lost",
            "network": "Network",
            "analytics": "Analytics",
        }
    ),
    found="Found: {query} ({count})",
    fields=MappingProxyType(
        {"label": "label", "camera": "camera", "zone": "zone", "kind": "kind", "plate": "plate", "face": "face"}
    ),
    since="since",
    before="before",
)
_GERMAN: Final = Words(
    language="de",
    more="Mehr …",
    latest="Neueste",
    by_label="Nach Objekt",
    by_kind="Nach Art",
    event="Ereignis",
    nothing="Alle Ereignisse",
    today="Heute",
    yesterday="Gestern",
    date_form="{weekday}, {day}. {month} {year}",
    weekdays=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    months=(
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ),
    kinds=MappingProxyType(
        {
            "alarm": "Alarm",
            "continuous": "Daueraufnahme",
            "forced": "Ausgelöst",
            "external": "Extern",
            "line_crossing": "Linie überquert",
            "zone": "Zone betreten",
            "loitering": "Verweilen",
            "abandoned_object": "Gegenstand zurückgelassen",
            "removed_object": "Gegenstand entfernt",
            "input": "Eingang",
            "tamper": "Manipulation",
            "signal_loss": "Signalverlust",
            "network": "Netzwerk",
            "analytics": "Analyse",
        }
    ),
    found="Gefunden: {query} ({count})",
    fields=MappingProxyType(
        {"label": "objekt", "camera": "kamera", "zone": "zone", "kind": "art", "plate": "kennzeichen", "face": "gesicht"}
    ),
    since="seit",
    before="vor",
)
_ALL: Final = {words.language: words for words in (_ENGLISH, _GERMAN)}
LANGUAGES: Final = tuple(_ALL)


def words_of(language: str) -> Words:
    """Return the words of a language, as `de` or `de-CH` names it."""
    return _ALL.get(language.replace("_", "-").partition("-")[0].lower(), _ENGLISH)
