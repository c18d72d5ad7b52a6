"""The component's code against its files, as hassfest compares them: words, icons, actions, discovery, dependencies."""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.install.component import COMPONENT, calls, content, functions, is_said, keyword, rows, sources, words

if TYPE_CHECKING:
    from collections.abc import Iterator

USABLE = frozenset(
    {
        *(
            "alarm_control_panel",
            "binary_sensor",
            "button",
            "camera",
            "event",
            "image",
            "media_player",
            "notify",
            "number",
            "select",
        ),
        *("sensor", "siren", "switch", "update"),  # platforms
        *(
            "automation",
            "frontend",
            "homeassistant",
            "media_source",
            "persistent_notification",
            "stream",
            "webhook",
            "websocket_api",
        ),
    }
)
"""What hassfest lets a component use of others without naming them in its manifest, as far as it is of use here."""
_FORMS = {"async_show_form", "async_show_menu"}
_BY_HOME_ASSISTANT = {
    "already_configured",
    "already_in_progress",
    "reauth_successful",
    "reconfigure_successful",
    "unique_id_mismatch",
}
"""Ends of a flow that Home Assistant's own helpers name."""
_FIELDS_OF_HOME_ASSISTANT = {"url", "token", "name", "host", "code"}
"""Its constants, such as CONF_URL."""


def manifest() -> dict[str, Any]:
    said: dict[str, Any] = content("manifest.json")
    return said


def english() -> dict[str, Any]:
    said: dict[str, Any] = content("translations/en.json")
    return said


def test_what_is_used_of_other_integrations_is_named_in_the_manifest() -> None:
    said = manifest()
    named = {*said["dependencies"], *said["after_dependencies"]}
    assert not set(said["dependencies"]) & set(said["after_dependencies"])
    own_platforms = {name.removesuffix(".py") for name in sources()}
    found_by = {way for way in ("mqtt", "zeroconf") if way in said}
    assert not {used for tree in sources().values() for used in _used(tree)} - USABLE - named - own_platforms - found_by


def test_what_the_manifest_asks_to_be_found_by_is_answered() -> None:
    """A discovery without its step of the flow is an error that people see."""
    steps = {node.name for tree in sources().values() for node in functions(tree) if node.name.startswith("async_step_")}
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


def test_every_platform_says_how_many_updates_at_a_time() -> None:
    for name, tree in sources().items():
        if any(node.name == "async_setup_entry" for node in functions(tree)) and name != "__init__.py":
            assert "PARALLEL_UPDATES" in {ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign)}, (
                name
            )


def test_the_component_needs_nothing_of_the_bridge_and_nothing_that_home_assistant_has_not() -> None:
    allowed = {"aiohttp", "homeassistant", "multidict", "voluptuous", "yarl"}
    assert not [f"{name} imports {module}" for name, module in _imports() if module not in allowed | sys.stdlib_module_names]


def test_a_log_line_is_a_constant_with_arguments() -> None:
    """What is foreign is never a format, and never worked out for a line that nobody reads."""
    for name, call in calls():
        if name in {"debug", "info", "warning", "error", "exception"} and "LOGGER" in _written(call):
            assert call.args, _written(call)
            assert not isinstance(call.args[0], ast.JoinedStr | ast.BinOp), _written(call)


def test_what_dies_soon_is_not_used() -> None:
    assert "via_device" not in {each.arg for _, call in calls() for each in call.keywords}, "it is gone with 2027.8"


def test_every_entity_that_has_words_is_made_by_the_code() -> None:
    made = {(row.platform, row.key) for row in rows()}
    for platform, keys in english()["entity"].items():
        for key in keys:
            assert (platform, key) in made or is_said(key), f"entity.{platform}.{key}"
            assert f"{platform}.py" in sources(), f"entity.{platform}"


def test_every_error_of_the_code_has_its_words() -> None:
    said = {
        key
        for name, call in calls()
        if name.endswith(("Error", "AuthFailed", "NotReady")) and (key := keyword(call, "translation_key")) is not None
    }
    assert not said - english().get("exceptions", {}).keys()


def test_every_word_for_an_error_or_a_repair_is_used() -> None:
    for part in ("exceptions", "issues", "selector"):
        assert not [key for key in english().get(part, {}) if not is_said(key)], part


def test_every_repair_has_its_words() -> None:
    said = {key for name, call in calls() if name == "async_create_issue" and (key := keyword(call, "translation_key"))}
    assert not said - english().get("issues", {}).keys()
    for key, issue in english().get("issues", {}).items():
        assert ("description" in issue) != ("fix_flow" in issue), f"{key}: either it can be fixed, or it says what to do"


@pytest.mark.parametrize("flow", ["config", "options"])
def test_every_step_of_a_flow_has_its_words_and_no_other(flow: str) -> None:
    steps = english().get(flow, {}).get("step", {}).keys()
    assert steps <= {node.name.removeprefix("async_step_") for tree in sources().values() for node in functions(tree)}
    shown = {keyword(call, "step_id") for name, call in calls() if name in _FORMS} - {None}
    assert shown <= _said_by_forms("step")


def test_every_end_of_a_flow_has_its_words() -> None:
    known = _said_by_forms("abort")
    ends = {keyword(call, "reason") for name, call in calls() if name == "async_abort"} - {None}
    assert not ends - known
    assert not [end for end in known - _BY_HOME_ASSISTANT if not is_said(end)]


def test_every_mistake_in_a_form_has_its_words() -> None:
    known = english()["config"]["error"].keys() | english().get("options", {}).get("error", {}).keys()
    assert not [mistake for mistake in known if not is_said(mistake)]
    assert not _mistakes() - known


def test_every_field_of_a_form_is_asked_for() -> None:
    for flow in ("config", "options"):
        for name, step in english().get(flow, {}).get("step", {}).items():
            for part in (step, *step.get("sections", {}).values()):
                assert part.get("data", {}).keys() <= words() | _FIELDS_OF_HOME_ASSISTANT, f"{flow}.{name}"


def test_every_icon_is_of_something_that_the_code_has() -> None:
    for platform, keys in content("icons.json")["entity"].items():
        assert not [key for key in keys if not is_said(key)], platform


def _said_by_forms(part: str) -> set[str]:
    """Return the keys of all steps, ends or mistakes that flows and repairs have words for."""
    repairs = [issue["fix_flow"] for issue in english().get("issues", {}).values() if "fix_flow" in issue]
    return {key for form in (english()["config"], english().get("options", {}), *repairs) for key in form.get(part, {})}


def _text(name: str) -> str:
    return (COMPONENT / name).read_text(encoding="utf-8")


def _written(call: ast.Call) -> str:
    return ast.unparse(call)


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


def _mistakes() -> set[str]:
    """Return the mistakes that are said by `errors[...] = "..."`, and by `{"base": "..."}`."""
    found: set[str] = set()
    for tree in sources().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("errors["):
                values = [node.value]
            elif isinstance(node, ast.keyword) and node.arg == "errors" and isinstance(node.value, ast.Dict):
                values = node.value.values
            else:
                continue
            found |= {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}
    return found
