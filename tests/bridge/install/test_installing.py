"""What Home Assistant's Marketplace, HACS and hassfest ask of the repository, held by reading it (facts of 2026.11)."""

from __future__ import annotations

import ast
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

import vms_bridge
from tests.bridge.install.component import COMPONENT, ROOT, calls, content, sources, tracked, words

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST_KEYS = frozenset(
    {
        *("after_dependencies", "bluetooth", "categories", "codeowners", "config_flow", "connectivity", "dependencies", "dhcp"),
        *("disabled", "documentation", "domain", "homekit", "import_executor", "integration_type", "iot_class", "issue_tracker"),
        *("loggers", "mqtt", "name", "overlay", "quality_scale", "requirements", "single_config_entry", "ssdp", "usb", "version"),
        *("zeroconf",),
    }
)
"""What hassfest takes in the manifest of a custom integration."""
REQUIRED = frozenset({"codeowners", "documentation", "domain", "issue_tracker", "name", "version"})
"""What HACS and the Marketplace ask for; hassfest asks for `iot_class` besides."""
HACS_KEYS = frozenset(
    {
        *("content_in_root", "country", "filename", "hacs", "hide_default_branch", "homeassistant", "name", "persistent_directory"),
        *("render_readme", "zip_release"),
    }
)
LEAST_HOME_ASSISTANT = (2026, 9)
"""From then on there are child devices, and probatio."""
USABLE = frozenset(
    {
        *("alarm_control_panel", "binary_sensor", "button", "camera", "event", "image", "media_player", "notify", "number", "select"),
        *("sensor", "siren", "switch", "update"),  # platforms
        *("automation", "frontend", "homeassistant", "media_source", "persistent_notification", "stream", "webhook", "websocket_api"),
    }
)
"""What hassfest lets a component use of others without naming them in its manifest, as far as it is of use here."""
MOST_FILES = 50_000
MOST_BYTES = 100 * 2**20


def manifest() -> dict[str, Any]:
    said: dict[str, Any] = content("manifest.json")
    return said


def test_there_is_one_component_and_nothing_beside_it() -> None:
    folders = {name.split("/")[1] for name in tracked() if name.startswith("custom_components/")}
    assert folders == {"vms_bridge"}
    assert (COMPONENT / "__init__.py").is_file()


def test_the_repository_is_not_too_large_to_be_installed() -> None:
    files = tracked()
    assert len(files) < MOST_FILES
    assert sum((ROOT / name).stat().st_size for name in files) < MOST_BYTES


def test_no_file_is_called_as_those_of_apps() -> None:
    """The Supervisor takes every folder with a `config.yaml`, however deep it is, for an app."""
    assert not [name for name in tracked() if re.search(r"(^|/)config\.(yaml|yml|json)$", name)]
    assert not [name for name in tracked() if re.search(r"^repository\.(yaml|yml|json)$", name)]


def test_the_manifest_has_what_it_needs_and_nothing_unknown() -> None:
    said = manifest()
    assert said.keys() >= REQUIRED
    assert said.keys() <= MANIFEST_KEYS
    assert said["domain"] == COMPONENT.name == "vms_bridge"
    assert said["iot_class"] == "local_push"
    assert said["integration_type"] == "hub"
    assert said["config_flow"] is True
    assert said["requirements"] == []
    assert all(owner.startswith("@") for owner in said["codeowners"])
    assert said["documentation"].startswith("https://")
    assert said["issue_tracker"].startswith("https://")


def test_the_manifest_is_in_hassfest_order() -> None:
    keys = list(manifest())
    assert keys == ["domain", "name", *sorted(set(keys) - {"domain", "name"})]


def test_the_version_is_one_that_the_loader_takes_and_that_of_the_bridge() -> None:
    version = manifest()["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab]\d+|rc\d+|-(alpha|beta|rc)\.\d+)?", version)
    assert version == vms_bridge.__version__
    assert version in words(), "const.py does not name the bridge that it was tested with"


def test_the_documentation_leads_to_a_page_that_there_is() -> None:
    _, _, page = manifest()["documentation"].partition("/blob/main/")
    assert (ROOT / page).is_file()


def test_hacs_json_has_known_keys_only_and_no_archive() -> None:
    said = json.loads((ROOT / "hacs.json").read_text(encoding="utf-8"))
    assert said.keys() <= HACS_KEYS
    assert said["name"] == manifest()["name"]
    assert not said.get("zip_release"), "the Marketplace can't install it from its catalogue then"
    assert not said.get("content_in_root")
    assert tuple(int(part) for part in said["homeassistant"].split(".")[:2]) >= LEAST_HOME_ASSISTANT


def test_the_repository_says_what_it_is_and_how_it_may_be_used() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Home Assistant" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_is_used_of_other_integrations_is_named_in_the_manifest() -> None:
    said = manifest()
    named = {*said["dependencies"], *said["after_dependencies"]}
    assert not set(said["dependencies"]) & set(said["after_dependencies"])
    own_platforms = {name.removesuffix(".py") for name in sources()}
    found_by = {way for way in ("mqtt", "zeroconf") if way in said}
    assert not {used for tree in sources().values() for used in _used(tree)} - USABLE - named - own_platforms - found_by


def test_what_the_manifest_asks_to_be_found_by_is_answered() -> None:
    """A discovery without its step of the flow is an error that people see."""
    steps = {
        node.name for tree in sources().values() for node in _functions(tree) if node.name.startswith("async_step_")
    }
    for way in ("mqtt", "zeroconf", "dhcp", "ssdp", "usb", "bluetooth", "homekit"):
        assert (way in manifest()) == (f"async_step_{way}" in steps), way


def test_actions_have_descriptions_icons_and_words() -> None:
    has_actions = any(
        name in {"async_register_admin_service", "async_register_platform_entity_service", "async_register_entity_service"}
        or (name == "async_register" and "services" in _written(call))
        for name, call in calls()
    )
    assert has_actions == (COMPONENT / "services.yaml").exists()
    described = set(re.findall(r"^(\w+):", _text("services.yaml"), re.MULTILINE)) if has_actions else set()
    assert content("icons.json").get("services", {}).keys() == described
    for language in ("en", "de"):
        assert content(f"translations/{language}.json").get("services", {}).keys() == described


@pytest.mark.parametrize("kind", ["trigger", "condition"])
def test_triggers_and_conditions_are_described(kind: str) -> None:
    assert (COMPONENT / f"{kind}.py").exists() == (COMPONENT / f"{kind}s.yaml").exists()


def test_every_platform_says_how_many_updates_at_a_time() -> None:
    for name, tree in sources().items():
        if any(node.name == "async_setup_entry" for node in _functions(tree)) and name != "__init__.py":
            assert "PARALLEL_UPDATES" in {ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign)}, name


def test_nothing_of_core_s_own_ways_is_used() -> None:
    assert not (COMPONENT / "strings.json").exists(), "it does not work in a custom integration"
    assert "[%key" not in _text("translations/en.json")
    assert "via_device" not in {each.arg for _, call in calls() for each in call.keywords}, "it is gone with 2027.8"


def test_the_component_needs_nothing_of_the_bridge_and_nothing_that_home_assistant_has_not() -> None:
    allowed = {"aiohttp", "homeassistant", "multidict", "voluptuous", "yarl"}
    assert not [f"{name} imports {module}" for name, module in _imports() if module not in allowed | sys.stdlib_module_names]


def test_a_log_line_is_a_constant_with_arguments() -> None:
    """What is foreign is never a format, and never worked out for a line that nobody reads."""
    for name, call in calls():
        if name in {"debug", "info", "warning", "error", "exception"} and "LOGGER" in _written(call):
            assert call.args, _written(call)
            assert not isinstance(call.args[0], ast.JoinedStr | ast.BinOp), _written(call)


def _text(name: str) -> str:
    return (COMPONENT / name).read_text(encoding="utf-8")


def _written(call: ast.Call) -> str:
    return ast.unparse(call)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _imports() -> Iterator[tuple[str, str]]:
    """Yield what each module imports of others than the component: the first part of its name."""
    for name, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((name, alias.name.partition(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield name, node.module.partition(".")[0]


def _used(tree: ast.AST) -> Iterator[str]:
    """Yield what a module uses of Home Assistant's integrations when it runs: not what it names for types only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("homeassistant.components."):
            yield (node.module or "").split(".")[2]
        elif isinstance(node, ast.ImportFrom) and node.module == "homeassistant.components":
            yield from (alias.name for alias in node.names)
        yield from _used(node)
