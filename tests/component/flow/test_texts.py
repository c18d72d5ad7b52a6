"""Whatever the forms and repairs show has words, in each language, with the same placeholders."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge import config_flow, errors, options_flow, repairs
from homeassistant.data_entry_flow import section
from pytest_homeassistant_custom_component.common import MockConfigEntry

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

COMPONENT = Path(config_flow.__file__).parent
LANGUAGES = ("en", "de")
OURS = ("config", "options", "selector", "issues")
ERRORS_OF_FORMS = (
    "use_https",
    "use_http",
    "invalid_code",
    "wrong_code",
    "pairing_closed",
    "too_many_tries",
    "invalid_token",
    "token_unknown",
)
MENUS = {
    "method": config_flow._WAYS,
    "reauth_confirm": config_flow._WAYS,
    "unproved": config_flow._WAYS,
    "reconfigure": [config_flow.ADDRESS, *config_flow._WAYS],
}
FORMS = {
    "user": config_flow._USER_SCHEMA,
    "address": config_flow._URL_SCHEMA,
    "pair": config_flow._CODE_SCHEMA,
    "token": config_flow._TOKEN_SCHEMA,
    "certificate": config_flow._NOTHING,
    "read_only": config_flow._NOTHING,
}


def texts(language: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((COMPONENT / "translations" / f"{language}.json").read_text(encoding="utf-8"))
    return said


def flat(said: dict[str, Any], path: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in said.items():
        found |= flat(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return found


def ours(language: str) -> dict[str, str]:
    return {path: text for path, text in flat(texts(language)).items() if path.split(".")[0] in OURS}


def kinds(error: type[errors.BridgeError]) -> list[type[errors.BridgeError]]:
    return [error, *(kind for below in error.__subclasses__() for kind in kinds(below) if kind.__module__ == errors.__name__)]


def test_every_language_says_the_same_things() -> None:
    english = ours("en")
    for language in LANGUAGES:
        said = ours(language)
        assert said.keys() == english.keys()
        for path, text in said.items():
            assert text.strip(), path
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", english[path])), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_holds_an_address_or_html(language: str) -> None:
    for path, text in ours(language).items():  # hassfest refuses both
        assert "://" not in text, path
        assert not re.search(r"<\w", text), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_placeholder_is_filled_in(language: str) -> None:
    flow = config_flow.VmsBridgeConfigFlow()
    for path, text in ours(language).items():
        if path.startswith("config.") and path not in {"config.flow_title", "config.abort.address_changed"}:
            assert set(re.findall(r"{(\w+)}", text)) <= flow._placeholders().keys(), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_has_words(language: str) -> None:
    said = texts(language)["config"]["error"]
    expected = {kind.key for kind in kinds(errors.BridgeError)} | set(ERRORS_OF_FORMS)
    assert said.keys() == expected
    assert len(set(said.values())) == len(said), "two errors in the same words"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_and_field_has_words(language: str) -> None:
    steps = texts(language)["config"]["step"]
    assert steps.keys() == FORMS.keys() | MENUS.keys()
    for step, schema in FORMS.items():
        fields = {str(field) for field in schema.schema}
        assert steps[step].get("data", {}).keys() == fields, step
        assert steps[step].get("data_description", {}).keys() == fields, step
        assert steps[step]["title"], step
    for step, choices in MENUS.items():
        assert list(steps[step]["menu_options"]) == choices


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_option_has_words(hass: HomeAssistant, language: str) -> None:
    schema = options_flow.schema_of(hass, MockConfigEntry(domain="vms_bridge")).schema
    said = texts(language)["options"]["step"]["init"]["sections"]
    assert said.keys() == {str(name) for name in schema}
    for name, part in schema.items():
        assert isinstance(part, section)
        fields = {str(field) for field in part.schema.schema}
        assert said[str(name)]["data"].keys() == said[str(name)]["data_description"].keys() == fields


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_issue_has_words(language: str) -> None:
    kinds_of_issues = {repairs.BRIDGE_TOO_OLD, repairs.BRIDGE_TOO_NEW, repairs.CERTIFICATE, repairs.NO_CLAIM}
    assert kinds_of_issues <= texts(language)["issues"].keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_abort_has_words(language: str) -> None:
    source = (COMPONENT / "config_flow.py").read_text(encoding="utf-8")
    reasons = set(re.findall(r'(?:reason|error)="(\w+)"', source))
    usual = {"already_configured", "already_in_progress", "reauth_successful", "reconfigure_successful"}
    assert texts(language)["config"]["abort"].keys() == reasons | usual


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_choice_has_words(language: str) -> None:
    said = texts(language)["selector"]
    assert said["method"]["options"].keys() == set(config_flow._WAYS)
    assert said["prefer"]["options"].keys() == {"h264", "mjpeg"}
