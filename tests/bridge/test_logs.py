"""Lines are whole, in one form, free of secrets; what goes wrong again and again is told seldom."""

from __future__ import annotations

import io
import json
import logging
import warnings
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.concealment import Secrets
from vms_bridge.logs import MESSAGE_CHARACTERS, JsonFormatter, TextFormatter, Trouble, configure, redact

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("vms_bridge")
    before = (list(root.handlers), root.level, ours.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.captureWarnings(capture=False)


def record(message: object, *arguments: object) -> logging.LogRecord:
    return logging.getLogger("vms_bridge.x").makeRecord("vms_bridge.x", logging.WARNING, "file.py", 1, message, arguments, None)


def test_text() -> None:
    made = record("hello %s", "you")
    made.created = 1_790_000_000.25
    assert TextFormatter().format(made) == "2026-09-21T14:13:20.250Z warning vms_bridge.x: hello you"


def test_json() -> None:
    made = record("hello %s", "ö")
    made.created = 1_790_000_000.0
    assert json.loads(JsonFormatter().format(made)) == {
        "time": "2026-09-21T14:13:20.000Z",
        "level": "warning",
        "logger": "vms_bridge.x",
        "message": "hello ö",
    }


def test_foreign_text_stays_on_its_line() -> None:
    assert "\\u202e" in TextFormatter().format(record("camera %s", "a\u202eb\u2028"))
    for form in (TextFormatter(), JsonFormatter()):
        line = form.format(record("camera %s", "a\nb\r\x1b[31m\x9b"))
        assert line.isprintable()
        assert "\\x1b" in line


@pytest.mark.parametrize("form", [TextFormatter, JsonFormatter])
def test_what_is_known_to_be_secret_is_in_no_line(form: type[TextFormatter | JsonFormatter]) -> None:
    secrets = Secrets(["correct horse"])
    formatter = form(secrets)
    made = record("%s said %r", "somebody", "correct horse")
    with pytest.raises(ValueError, match="horse") as caught:
        int("correct horse")
    made.exc_info = (caught.type, caught.value, caught.tb)
    assert "horse" not in formatter.format(made)
    secrets.keep_passing("a token of now")
    assert "of now" not in formatter.format(record("a%20token%20of%20now"))
    for length in (MESSAGE_CHARACTERS - 5, 20 * MESSAGE_CHARACTERS - 5):
        assert "corr" not in formatter.format(record(f"{'x' * length}correct horse"))


def test_a_line_is_bounded() -> None:
    assert len(TextFormatter().format(record("x" * 100_000))) < MESSAGE_CHARACTERS + 100


def test_arguments_that_do_not_fit_do_not_cost_the_line() -> None:
    assert "%d of %d" in TextFormatter().format(record("%d of %d", "x"))


def test_traceback() -> None:
    made = record("failed")
    with pytest.raises(ValueError, match="token=") as caught:
        int("token=abcdef")
    made.exc_info = (caught.type, caught.value, caught.tb)
    text = TextFormatter().format(made)
    assert "Traceback" in text
    assert "ValueError" in json.loads(JsonFormatter().format(made))["trace"]
    assert "abcdef" not in text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("GET /zm/api/events.json?token=abc.def&page=1", "GET /zm/api/events.json?token=***&page=1"),
        ("access_token=abc refresh_token=def", "access_token=*** refresh_token=***"),
        ("nph-zms?mode=single&auth=0123&user=me", "nph-zms?mode=single&auth=***&user=me"),
        ("user=me&pass=geheim&password=geheim", "user=me&pass=***&password=***"),
        ("rtsp://me:geheim@camera/1", "rtsp://me:***@camera/1"),
        ("mqtt://me@host:1883", "mqtt://me@host:1883"),
        ("http://host:8080/path?at=a@b", "http://host:8080/path?at=a@b"),
        ("Authorization: Bearer abcdef.ghi_j", "Authorization: Bearer ***"),
        ("let it in by HTTP basic authentication (http_username:)", "let it in by HTTP basic authentication (http_username:)"),
        ("Authorization: Basic YWJjOmRlZg==", "Authorization: Basic ***"),
        ('{"password": "ge\\"heim", "user": "me"}', '{"password": \'***\', "user": "me"}'),
        ("{'access_token': 'abc'}", "{'access_token': '***'}"),
        ("the token is there, the password=", "the token is there, the password="),
    ],
)
def test_redaction(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@given(
    secret=st.text(st.characters(categories=["L", "N"]), min_size=8, max_size=30),
    around=st.sampled_from(
        [
            "https://h/zm/api/x.json?token={}&a=b",
            "x?user=a&password={}",
            "https://me:{}@host/x",
            "{{'api_key': '{}'}}",
            '{{"secret": "{}"}}',
            "PASSWD={};",
        ]
    ),
    before=st.text(max_size=5),
)
def test_no_secret_in_a_line(secret: str, around: str, before: str) -> None:
    text = before + " " + around.format(secret)
    for form in (TextFormatter(), JsonFormatter()):
        assert secret not in form.format(record("%s", text))


@given(text=st.text())
def test_json_stays_json(text: str) -> None:
    assert isinstance(json.loads(JsonFormatter().format(record("%s", text))), dict)


def test_configure_levels_and_form() -> None:
    stream = io.StringIO()
    configure("info", "text", stream)
    logging.getLogger("vms_bridge.x").info("ours")
    logging.getLogger("vms_bridge.x").debug("ours, too fine")
    logging.getLogger("aiohttp.access").info("of a library")
    logging.getLogger("aiohttp.access").warning("of a library, grave")
    configure("debug", "json", stream)
    logging.getLogger("vms_bridge.x").debug("ours, fine")
    logging.getLogger("asyncio").info("of a library at debug")
    logging.getLogger("asyncio").debug("of a library, too fine")
    lines = stream.getvalue().splitlines()
    assert [line.rpartition(": ")[2] for line in lines[:2]] == ["ours", "of a library, grave"]
    assert [json.loads(line)["message"] for line in lines[2:]] == ["ours, fine", "of a library at debug"]


def test_configure_at_error_silences_libraries_too() -> None:
    stream = io.StringIO()
    configure("error", "text", stream)
    logging.getLogger("aiohttp").warning("no")
    logging.getLogger("vms_bridge").error("yes")
    assert stream.getvalue().count("\n") == 1


def test_warnings_become_lines() -> None:
    stream = io.StringIO()
    configure("info", "text", stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        configure("info", "text", stream)
        warnings.warn("old thing", UserWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert "old thing" in stream.getvalue()


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_trouble_is_told_at_once_then_seldom_then_its_end(caplog: pytest.LogCaptureFixture) -> None:
    time = Time()
    trouble = Trouble(logging.getLogger("vms_bridge.zm"), "zm", time, repeat_s=60)
    caplog.set_level(logging.INFO)
    was_on = [trouble.is_on]
    assert trouble.report("no answer", hint="is it up?", code="unreachable")
    was_on.append(trouble.is_on)
    for second in range(1, 200):
        time.now = float(second)
        trouble.report("no answer", code="unreachable")
    time.now = 7300.0
    trouble.over()
    trouble.over()
    assert [*was_on, trouble.is_on] == [False, True, False]
    assert [entry.getMessage() for entry in caplog.records] == [
        "zm: no answer. Is it up?",
        "zm: no answer (61 times in 60 s)",
        "zm: no answer (121 times in 2 min)",
        "zm: no answer (181 times in 3 min)",
        "zm: works again, after 2.0 h and 200 failures",
    ]
    assert [entry.levelno for entry in caplog.records] == [logging.WARNING] * 4 + [logging.INFO]


def test_a_new_cause_is_told_at_once_but_not_without_bound(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble(logging.getLogger("vms_bridge.zm"), "zm", Time())
    assert trouble.report("no answer", code="unreachable")
    assert trouble.report(ValueError("password"), code="auth")
    assert not trouble.report("no answer", code="unreachable")
    assert sum(trouble.report("?", code=str(number)) for number in range(100)) == 6
    trouble.over()
    assert trouble.report("no answer", code="unreachable")
    assert len(caplog.records) == 9


def test_an_option_in_a_remedy_is_written_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    Trouble(logging.getLogger("vms_bridge.zm"), "zm", Time()).report("not there", hint="url: must be its address")
    assert caplog.records[0].getMessage() == "zm: not there. url: must be its address"
