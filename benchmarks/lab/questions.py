"""What people ask the index for in the year that `year.py` makes: by one filter, by several, and what has cost most so far."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.lab.world import SYSTEM
from benchmarks.lab.year import BEGAN, BUSY, OLD_WORD, QUIET, RARE_LABEL, RARE_WORD

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

Query = dict[str, Any]
YEAR: Query = {"since": BEGAN, "until": BEGAN + timedelta(days=365)}
_ZONES = ("Driveway", "Door", "Garden", "Street", "Terrace", "Garage", "Path", "Fence", "Shed", "Pond")


def one_of(*values: str) -> frozenset[str]:
    return frozenset(values)


def monitor(key: str) -> Query:
    return {"monitors": frozenset({(SYSTEM, key)})}


def window(chance: random.Random) -> Query:
    """Return a week somewhere in the year."""
    since = BEGAN + timedelta(days=chance.uniform(0, 350))
    return {"since": since, "until": since + timedelta(days=7)}


def filters(chance: random.Random) -> Mapping[str, Query]:
    """Return a question by each filter alone, with values that people ask for."""
    score = chance.randrange(50, 98) / 100
    seconds = float(chance.randrange(1, 300))
    return {
        "nothing": {},
        "monitor, busy": monitor(BUSY),
        "monitor, quiet": monitor(QUIET),
        "ten monitors": {"monitors": frozenset((SYSTEM, str(number)) for number in range(20, 30))},
        "time": window(chance),
        "system": {"systems": one_of(SYSTEM)},
        "kind": {"kinds": one_of("continuous")},
        "label, frequent": {"labels": one_of("person")},
        "label, rare": {"labels": one_of(RARE_LABEL)},
        "zone": {"zones": one_of("Shed")},
        "plate": {"plates": one_of(f"A{chance.randrange(20_000):05}")},
        "face": {"faces": one_of(f"person {chance.randrange(30)}")},
        "score, range": {"least_score": score, "most_score": score + 0.01},
        "score, high": {"least_score": 0.98},
        "duration, range": {"least_duration_s": seconds, "most_duration_s": seconds + 1},
        "duration, longer than almost all": {"least_duration_s": 601.0},
        "duration, between two": {"least_duration_s": 600.5, "most_duration_s": 600.9},
        "word, frequent": {"words": "motion"},
        "word, rare": {"words": RARE_WORD},
        "words, three": {"words": "detected person driveway"},
        "words, by their beginnings": {"words": "mot* drive*"},
        "open": {"is_open": True},
        "over": {"is_open": False},
    }


def worst(chance: random.Random) -> Mapping[str, Query]:
    """Return the questions that cost most by what we know."""
    old = {"since": BEGAN + timedelta(days=20), "until": BEGAN + timedelta(days=50)}
    return {
        "rare label on a quiet monitor": {"labels": one_of(RARE_LABEL), **monitor(QUIET)},
        "frequent label on a quiet monitor": {"labels": one_of("person"), **monitor(QUIET)},
        "frequent word in an old window": {"words": "motion", **old},
        "word of long ago, newest first": {"words": OLD_WORD},
        "word of long ago with a label, busy monitor": {"words": OLD_WORD, "labels": one_of("bus"), **monitor(BUSY)},
        "score range on a quiet monitor": {"least_score": 0.5, "most_score": 0.51, **monitor(QUIET)},
        "scores and durations, old window": {"least_score": 0.9, "least_duration_s": 120.0, "most_duration_s": 130.0, **old},
        "scores of a kind that has none (no hit)": {"kinds": one_of("continuous"), "least_score": 0.5},
        "label and word that never meet (no hit)": {"labels": one_of("person"), "words": "continuous"},
        "long events with high scores (hardly any)": {"least_score": 0.98, "least_duration_s": 500.0},
        "short events in no time": {"least_duration_s": 0.0, "most_duration_s": 0.05},
        "label that there is not": {"labels": one_of("unicorn")},
        "time long before": {"until": BEGAN},
        "deep page": {"until": BEGAN + timedelta(days=chance.uniform(1, 5)), "labels": one_of("person", "car", "dog")},
    }


def together(chance: random.Random) -> Mapping[str, Query]:
    """Return those of the combinations that were found by hunting for the dearest, for pages and for timelines."""
    every = {**filters(chance), **more(chance)}
    return {
        name: {key: value for part in name.split(" + ") for key, value in every[part].items()}
        for name in (
            "kind, alarm + label, frequent + score, range + words, three",
            "32 of 64 monitors + duration, between two",
            "monitor, busy + score, range + words, sixteen",
            "every face + monitor, busy + over",
            "every face + every label + every zone",
            "200 plates + all monitors but one + score, low + words, sixteen",
        )
    }


def more(chance: random.Random) -> Mapping[str, Query]:
    """Return further filters, such as are asked together with others, or by programs."""
    since = BEGAN + timedelta(days=chance.uniform(0, 300))
    return {
        "32 of 64 monitors": some_monitors(chance, 32),
        "all monitors but one": some_monitors(chance, 63),
        "an hour": {"since": since, "until": since + timedelta(hours=1)},
        "half a year": {"since": BEGAN + timedelta(days=90), "until": BEGAN + timedelta(days=270)},
        "long ago": {"until": BEGAN + timedelta(days=chance.uniform(1, 30))},
        "kind, alarm": {"kinds": one_of("alarm", "forced")},
        "every label": {"labels": one_of("person", "car", "dog", "cat", "bird", "bicycle", "truck", "bus", RARE_LABEL)},
        "every zone": {"zones": frozenset(_ZONES)},
        "200 plates": {"plates": frozenset(f"{letter}{number:05}" for letter in "ABCDE" for number in range(40))},
        "every face": {"faces": frozenset(f"person {number}" for number in range(30))},
        "score, most": {"least_score": 0.51},
        "score, low": {"most_score": 0.52},
        "duration, short": {"most_duration_s": 2.0},
        "duration, long": {"least_duration_s": 120.0},
        "words, sixteen": {"words": "a* d* p* c* m* detected motion 9* 8* 7* a b* s* t* g* f*"},
        "word, of the continuous": {"words": "continuous"},
    }


def some_monitors(chance: random.Random, count: int) -> Query:
    return {"monitors": frozenset((SYSTEM, str(number)) for number in chance.sample(range(1, 65), count))}


def combined(chance: random.Random) -> tuple[str, Query]:
    """Return two to four filters that can be asked together, with their names."""
    every = {**filters(chance), **more(chance)}
    names: list[str] = []
    query: Query = {}
    wanted = chance.randrange(2, 5)
    for name in chance.sample(list(every), len(every)):
        if every[name] and query.keys().isdisjoint(every[name]) and len(names) < wanted:
            names.append(name)
            query |= every[name]
    return " + ".join(sorted(names)), query
