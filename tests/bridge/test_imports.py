"""Who may import whom: the shape of the project, held by reading the source."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import vms_bridge
from vms_bridge.sinks import SINKS as SINK_KINDS

pytestmark = pytest.mark.timeout(60)  # the first test reads all files, on a machine that has other work

ROOT = Path(vms_bridge.__file__).parent
BASIC = {
    *(
        "concealment",
        "open_set",
        "ptz",
        "machines",
        "archive",
        "model",
        "errors",
        "explaining",
        "commands",
        "views",
        "history",
        "objects",
        "clock",
        "backoff",
        "keys",
        "messages",
        "bodies",
        "logs",
        "tokens",
        "links",
        "index",
        "notices",
        "measures",
        "metrics",
        "receivers",
        "buckets",
        "foreign",
        "contributing",
        "messaging",
        "marks",
        "strict_json",
        "own_entities",
        "script_errors",
        "scripting",
    ),
}
CHILD_ONLY = ("video.worker", "video.reading", "video.remux", "video.decode", "video.clip")
"""What runs in child processes of the bridge only, and alone may load PyAV: a fault of that ends a child, and not the bridge."""
CHILD_PACKAGES = ("detect.worker", "detect.models", "detect.darknet", "detect.probing")
"""What runs in the process that looks at pictures, and in commands about models, and alone may load numpy and OpenVINO."""
ALLOWED: dict[str, set[str]] = {
    "__init__": set(),
    "open_set": set(),
    "ptz": {"open_set"},
    "machines": set(),
    "model": {"machines", "open_set", "ptz"},
    "archive": {"model", "open_set"},
    "index": {"model"},
    "enriched": {"model"},
    "errors": set(),
    "explaining": {"errors"},
    "script_errors": {"errors"},
    "scripting": {"open_set"},
    "commands": BASIC,
    "contributing": {"commands", "model", "objects", "views"},
    "views": BASIC,
    "history": set(),
    "objects": set(),
    "clock": BASIC,
    "backoff": set(),
    "boundary": {"errors", "explaining", "clock", "logs"},
    "threads": set(),
    "tokens": {"model", "commands", "open_set"},
    "links": {"tokens"},
    "notices": {"model", "open_set"},
    "measures": set(),
    "metrics": {"measures"},
    "receivers": {"commands", "errors"},
    "marks": set(),
    "own_entities": {"errors", "open_set", "steps"},
    "steps": set(),
    "messaging": {"errors"},
    "buckets": {"clock"},
    "foreign": {"errors"},
    "sockets": set(),
    "spoken_times": set(),
    "keys": BASIC,
    "messages": BASIC,
    "bodies": BASIC,
    "logs": {"clock", "errors", "concealment"},
    "concealment": set(),
    "addresses": set(),
    "doors": {"addresses", "errors"},
    "tls": {"doors"},
    "strict_json": set(),
    "synced": set(),
    "part_files": {"errors"},
    "downloads": {"errors", "clock", "part_files"},
    "http_addresses": set(),
    "http_resolving": {"errors", "http_addresses", "threads"},
    "zoneminder": {"errors", "addresses", "clock", "concealment", "doors", "http", "logs", "spoken_times", "threads", "tls"}
    | {"downloads", "part_files", "synced"},
    "vxg": {"errors", "addresses", "backoff", "clock", "concealment", "doors", "http", "http_resolving", "strict_json"}
    | {"downloads", "part_files", "synced", "tls"},
    "entities": BASIC,
    "store": BASIC | {"store", "private_files", "enriched"},
    "findings": set(),
    "registry": {"errors"},
    "sinks": BASIC | {"findings", "registry"},
    "config": BASIC | {"config", "doors", "sinks", "backends", "backends.base"},
    "hub": BASIC
    | {"boundary", "enriched", "store", "clips", "backends.base", "backends.guard"}
    | {"video.child", "video.decoder", "video.sources", "video.upstream"},
    "children": {"clock", "concealment"},
    "yielding": set(),
    "confine": set(),
    "video": {"archive", "children", "errors", "clock", "backoff", "boundary", "concealment", "logs", "video"},
    **{module: {"video.jobs", "video.nal", "video.wire", "video.clip_job", "yielding", *CHILD_ONLY} for module in CHILD_ONLY},
    "clips": {
        *("archive", "model", "errors", "explaining", "index", "clock", "logs", "threads", "private_files"),
        *("measures", "metrics"),
        *("video.child", "video.clip_job", "video.wire"),
    },
    "backends": {"registry", "backends.base"},
    "backends.ladder": set(),
    "backends.base": {"model", "archive", "commands", "errors", "clock", "findings", "measures", "receivers"},
    "backends.traffic": {"errors", "clock", "measures", "metrics", "http"},
    "http": {"errors", "concealment", "doors", "http_resolving", "tls"},
    "backends.guard": {
        *("model", "archive", "commands", "errors", "explaining", "clock", "concealment", "boundary", "threads"),
        *("findings", "backends.base", "measures"),
    },
    "backends.supervisor": {
        *("model", "errors", "clock", "backoff", "concealment", "logs", "receivers", "backends.base", "backends.guard"),
    },
    "private_files": set(),
    "script": {"script", "steps", "strict_json"},
    "scripts": BASIC
    | {"addresses", "boundary", "children", "doors", "entities", "findings", "private_files", "script", "scripts", "sinks"}
    | {"http_addresses", "http_resolving", "steps", "threads", "tls"},
    "scripts.trying": BASIC
    | {"http_addresses", "private_files", "script", "scripts", "strict_json", "threads"}
    | {"hub.messaging", "hub.own_entities", "hub.questions", "hub.receivers"},
    "scripts.wire": {"strict_json"},
    "scripts.worker": {"confine", "script", "scripts.wire", "scripts.worker", "yielding"},
    "detect": BASIC | {"detect", "threads", "private_files"},
    "detect.library": BASIC
    | {"detect", "threads", "private_files", "zoneminder", "doors", "http", "video.child", "video.jobs", "video.wire"},
    "detect.models": {"errors", "private_files", "detect.models", "detect.values", "detect.config_models"},
    "detect.engine": {"errors", "clock", "backoff", "children", "threads", "detect.values", "detect.config_models"},
    "detect.probing": {"errors", "detect.values", "detect.config_models", "detect.models", "detect.worker"},
    "detect.worker": {"errors", "yielding", "confine", "detect.values", "detect.config_models", "detect.engine", "detect.models"},
    "detect.sink": BASIC | {"detect", "boundary", "threads"},
    "api.config": {"addresses", "doors", "links"},
    "mqtt.config": {"errors", "keys", "commands", "addresses", "doors"},
    "cli": BASIC
    | {"cli", "config", "app", "check", "findings", "backends", "demo", "addresses", "doors", "sockets", "spoken_times", "tls"}
    | {"detect.probing", "detect.config", "detect.config_models", "detect.values", "detect.pyzm", "detect.sizes"}
    | {"detect.darknet", "detect.check", "detect.library", "detect.models.files", "detect.results"}
    | {"zoneminder", "backends.zoneminder.config", "vxg", "backends.vxg.config", "part_files", "private_files", "strict_json"}
    | {"scripts.trying", "scripts.header", "scripts.triggers.record", "scripts.triggers.occurrences", "scripts.values"}
    | {"script.durations", "steps"},
    "__main__": {"cli"},
}
"""What a module may import, by the longest name that it falls under; a folder's name stands for all that is in it."""
SINKS = {door.removeprefix("vms_bridge.").partition(".")[0] for door in SINK_KINDS.built_in.values()}
SINK = BASIC | {"entities", "threads", "sinks", "findings", "private_files", "addresses", "doors", "tls", "sockets"}
"""What any sink may import, beside its own package."""
FREE = {"app", "check", "demo"}
"""They wire everything; only the command line (and they themselves) may import them."""
HOMES = {
    "click": {"cli"},
    "rich": {"cli"},
    "aiohttp": {"http", "http_resolving", "api", "scripts.services.http_client"},
    "paho": {"mqtt.link", "mqtt.link_client"},
    "prometheus_client": {"api.exposition"},
    "zeroconf": {"api.multicast"},
    "ifaddr": {"api.multicast"},
    "sqlite3": {
        *("store.store", "store.contributions", "store.database", "store.schema", "store.events", "store.index.unindexed"),
        *("store.index.file", "store.index.index", "store.index.reader", "store.index.writer", "store.index.dictionary"),
        *("store.index.search", "store.index.lookup", "store.index.timeline", "store.index.hits", "store.index.postings"),
        *("store.index.added", "store.index.value_counts"),
        *("scripts.store", "scripts.store_file"),
    },
    "yaml": {"config.file"},
    "av": set(CHILD_ONLY) - {"video.worker"},
    "numpy": set(CHILD_PACKAGES),
    "openvino": set(CHILD_PACKAGES),
    "yarl": {"addresses", "http", "scripts.services.http_client"},
}
"""Libraries, and the modules or folders that alone may know them. aiohttp's client is in `http`, its server in `api`."""


def _modules() -> dict[str, Path]:
    names = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        names[name] = path
    return names


MODULES = _modules()


@dataclass(frozen=True, slots=True)
class Source:
    """What these tests want to know of a file."""

    imports: list[tuple[int, str]]
    """Line and dotted name of everything that it imports, wherever in it."""
    raised: list[int]
    """The lines of what is raised within `except*`."""


@cache
def _source(path: Path) -> Source:
    """Read a file, once for all tests: reading is what takes their time."""
    found = Source([], [])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.imports.extend((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; write the whole name"
            found.imports.extend((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.TryStar):
            within = [each for handler in node.handlers for each in ast.walk(handler)]
            found.raised.extend(each.lineno for each in within if isinstance(each, ast.Raise))
    return found


def _imports(path: Path) -> list[tuple[int, str]]:
    return _source(path).imports


def _project_module(dotted: str) -> str | None:
    """Return the project's module that the imported name is in, None for other libraries."""
    first, _, rest = dotted.partition(".")
    if first != "vms_bridge":
        return None
    while rest and rest not in MODULES:
        rest = rest.rpartition(".")[0]
    return rest or "__init__"


def _covers(rule: str, module: str) -> bool:
    """Say whether `module` is what the rule names, or in that folder; `backends` is no more than its registry."""
    return module == rule or (module.startswith(f"{rule}.") and rule != "backends")


def _allowed(module: str) -> set[str] | None:
    """Return what the module may import; None means everything."""
    if any(_covers(free, module) for free in FREE):
        return None
    if module.startswith("backends.") and module not in ALLOWED:
        own = ".".join(module.split(".")[:2])
        return {
            *("model", "archive", "commands", "errors", "clock", "backoff", "concealment", "logs", "addresses", "doors", "tls"),
            *("explaining", "receivers", "measures", "metrics", "backends.base", "http", "backends.traffic"),
            *("backends.ladder", "backends.held", "backends.holding", "backends.opened", "downloads", "ptz", "machines", own),
            own.removeprefix("backends."),  # the library of the same VMS, where there is one
        }
    home = module.partition(".")[0]
    if home in SINKS - {"scripts"} and not any(_covers(rule, module) for rule in ALLOWED if "." in rule):
        return SINK | {home}
    rules = [rule for rule in ALLOWED if _covers(rule, module)]
    assert rules, f"{MODULES[module]} has no import rule: add one to {__file__}"
    longest = max(rules, key=len)
    return ALLOWED[longest] | {longest}


def _forbidden(module: str, imports: list[tuple[int, str]]) -> list[str]:
    """Say which of its imports a module may not have, by the table of who may import whom."""
    allowed = _allowed(module)
    if allowed is None:
        return []
    return [
        f"{MODULES[module].relative_to(ROOT)}:{line} may not import {MODULES[imported].relative_to(ROOT)}"
        for line, dotted in imports
        if (imported := _project_module(dotted)) not in {None, "__init__", module}
        and not any(_covers(rule, imported) for rule in allowed)
    ]


def _not_at_home(module: str, imports: list[tuple[int, str]]) -> list[str]:
    """Say which libraries a module imports that are another's to import."""
    found = []
    for line, dotted in imports:
        homes = HOMES.get(dotted.partition(".")[0], {module})
        if not any(_covers(home, module) for home in homes):
            found.append(f"{MODULES[module].relative_to(ROOT)}:{line} may not import {dotted}: only {homes} may")
    return found


def test_imports_follow_the_rules() -> None:
    assert len(MODULES) > 800
    assert not [said for module, path in MODULES.items() for said in _forbidden(module, _imports(path))]


def test_libraries_stay_at_home() -> None:
    assert not [said for module, path in MODULES.items() for said in _not_at_home(module, _imports(path))]


def test_sinks_have_one_door_and_know_neither_each_other_nor_any_backend() -> None:
    assert {door.removeprefix("vms_bridge.") for door in SINK_KINDS.built_in.values()} <= MODULES.keys()
    for module, path in MODULES.items():
        home = module.partition(".")[0]
        imported = {found.partition(".")[0] for _, dotted in _imports(path) if (found := _project_module(dotted)) is not None}
        if home != "demo":  # which listens to its own broker
            library = (
                {"detect", "scripts"} if home == "cli" else set()
            )  # verbs that look at pictures, or try scripts, without a bridge
            assert not imported & SINKS - {home} - library, f"{module} imports a sink, which only the registry loads"
        assert home not in SINKS or "backends" not in imported, f"{module} imports a backend"


def test_home_assistants_discovery_has_one_door_and_is_met_where_it_is_published_only() -> None:
    room = "mqtt.homeassistant"
    for module, path in MODULES.items():
        met = {found for _, dotted in _imports(path) if (found := _project_module(dotted)) and _covers(room, found)}
        if not _covers(room, module):
            assert met <= {room}, f"{module} comes in by a window: {met}"
            assert not met or module in {"mqtt.publications", "mqtt.replay"}, f"{module} meets Home Assistant"


def test_nothing_of_the_bridge_loads_what_is_for_its_children() -> None:
    for module, path in MODULES.items():
        imported = {found for _, dotted in _imports(path) if (found := _project_module(dotted)) is not None}
        assert module in CHILD_ONLY or not imported & set(CHILD_ONLY), f"{module} would load PyAV into the bridge"


def test_nothing_of_the_bridge_loads_what_looks_at_pictures() -> None:
    def is_childs(module: str) -> bool:
        return any(_covers(package, module) for package in CHILD_PACKAGES)

    for module, path in MODULES.items():
        imported = {found for _, dotted in _imports(path) if (found := _project_module(dotted)) is not None}
        at_home = is_childs(module) or module.startswith("cli.")  # whose verbs are programs of their own
        assert at_home or not any(is_childs(each) for each in imported), f"{module} would load numpy and OpenVINO into the bridge"


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("model", "hub"),
        ("backends.zoneminder.api", "keys"),
        ("backends.zoneminder.api", "backends.simulator.world"),
        ("mqtt.publisher", "backends.base"),
        ("mqtt.publisher", "event_log.lines"),
        ("event_log.sink", "mqtt.payloads"),
        ("event_log.sink", "store.events"),
        ("hub", "mqtt.config"),
    ],
)
def test_a_violation_is_seen(module: str, imported: str) -> None:
    assert len(_forbidden(module, [(1, f"vms_bridge.{imported}.name")])) == 1


@pytest.mark.parametrize(
    ("module", "imported"), [("hub", "store.schema"), ("backends.zoneminder.api", "backends.zoneminder.parse")]
)
def test_what_the_table_allows_is_none(module: str, imported: str) -> None:
    assert not _forbidden(module, [(1, f"vms_bridge.{imported}.name")])


def test_a_library_away_from_home_is_seen() -> None:
    assert _not_at_home("hub", [(1, "aiohttp.web"), (2, "asyncio")]) == [
        f"{MODULES['hub'].relative_to(ROOT)}:1 may not import aiohttp.web: only {HOMES['aiohttp']} may"
    ]


def test_nothing_is_raised_within_except_star(tmp_path: Path) -> None:
    # Before Python 3.11.4, as on Debian 12, it would come out in a group, which no `except` of ours catches.
    assert not [f"{path}:{line}" for path in MODULES.values() for line in _source(path).raised]
    wrong = tmp_path / "wrong.py"
    wrong.write_text("try:\n    pass\nexcept* OSError:\n    if True:\n        raise\n", encoding="utf-8")
    assert _source(wrong).raised == [5]
