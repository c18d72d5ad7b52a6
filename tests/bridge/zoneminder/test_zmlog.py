from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.zoneminder.named import ROOT
from tests.bridge.zoneminder.support import PASSWORD, USER
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.concealment import Secrets
from vms_bridge.errors import ConfigError
from vms_bridge.zoneminder.zm_conf import parse_conf, read_conf
from vms_bridge.zoneminder.zmlog import (
    FATAL,
    OFF,
    PANIC,
    LogFile,
    LogSettings,
    code,
    console_handler,
    debug,
    file_handler,
    log_settings,
    syslog_handler,
    zm_level,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# 1.36.33 has written these: zmc's line, and zmpkg's (Perl), which differs in how it says where.
NATIVE = "11/28/26 05:38:30.196654 zmc_m2[135].INF-zmc.cpp/220 [Starting Capture version 1.36.33]"
LINE = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} [\w-]+\[\d+\]\.(?:DB[1-9]|INF|WAR|ERR|FAT|PNC)-[^ /]+/\d+ \[.*\]")


def logger(handler: logging.Handler) -> logging.Logger:
    made = logging.getLogger("zmesdetect")
    made.handlers, made.propagate = [handler], False
    made.setLevel(1)
    return made


def settings(tmp_path: Path, **configs: str) -> LogSettings:
    return log_settings("zmesdetect_m1", {"ZM_PATH_LOGS": str(tmp_path)}, configs)


def test_a_line_is_one_of_zoneminder(tmp_path: Path) -> None:
    assert LINE.fullmatch(NATIVE)
    handler = file_handler(settings(tmp_path))
    log = logger(handler)
    log.info("%d people\nat the gate", 2)
    log.critical("that was %s", "all")
    handler.close()
    lines = (tmp_path / "zmesdetect_m1.log").read_text().splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert re.search(rf" zmesdetect_m1\[{os.getpid()}\]\.INF-test_zmlog\.py/\d+ \[2 people\\nat the gate\]$", lines[0])
    assert lines[1].endswith("[that was all]")
    assert ".FAT-" in lines[1]


@pytest.mark.parametrize(
    ("level", "number", "letters"),
    [
        (PANIC, -4, "PNC"),
        (FATAL, -3, "FAT"),
        (logging.CRITICAL, -3, "FAT"),
        (logging.ERROR, -2, "ERR"),
        (logging.WARNING, -1, "WAR"),
        (logging.INFO, 0, "INF"),
        (logging.DEBUG, 1, "DB1"),
        (debug(1), 1, "DB1"),
        (debug(3), 3, "DB3"),
        (debug(9), 9, "DB9"),
        (1, 9, "DB9"),
    ],
)
def test_levels(level: int, number: int, letters: str) -> None:
    assert (zm_level(level), code(level)) == (number, letters)


@given(st.integers(-5, 9), st.integers(1, 70))
def test_what_a_threshold_lets_through(threshold: int, level: int) -> None:
    handler = console_handler(threshold)
    assert (level >= handler.level) == (zm_level(level) <= threshold)
    handler.close()


@pytest.mark.parametrize(
    ("configs", "file", "syslog", "database"),
    [
        ({}, 0, 0, 0),
        ({"ZM_LOG_LEVEL_FILE": "-2", "ZM_LOG_LEVEL_SYSLOG": "-5", "ZM_LOG_LEVEL_DATABASE": "-1"}, -2, OFF, -1),
        # a threshold for debug lines is of no use while nothing is debugged
        ({"ZM_LOG_LEVEL_FILE": "5"}, 0, 0, 0),
        ({"ZM_LOG_LEVEL_FILE": "5", "ZM_LOG_DEBUG": "1", "ZM_LOG_DEBUG_LEVEL": "3"}, 3, 0, 0),
        ({"ZM_LOG_LEVEL_FILE": "1", "ZM_LOG_DEBUG": "1", "ZM_LOG_DEBUG_LEVEL": "3"}, 1, 0, 0),
        ({"ZM_LOG_LEVEL_FILE": "2", "ZM_LOG_DEBUG": "1", "ZM_LOG_DEBUG_TARGET": "_zmc|zma"}, 0, 0, 0),
        ({"ZM_LOG_LEVEL_FILE": "2", "ZM_LOG_DEBUG": "1", "ZM_LOG_DEBUG_TARGET": "zmc|_zmesdetect"}, 1, 0, 0),
        ({"ZM_LOG_LEVEL_FILE": "2", "ZM_LOG_DEBUG": "1", "ZM_LOG_DEBUG_TARGET": "zmesdetect_m1"}, 1, 0, 0),
        ({"ZM_LOG_LEVEL_FILE": "no", "ZM_LOG_LEVEL_SYSLOG": "99999999999", "ZM_LOG_DEBUG": "1"}, 0, 1, 0),
    ],
)  # fmt: skip
def test_thresholds(tmp_path: Path, configs: dict[str, str], file: int, syslog: int, database: int) -> None:
    found = settings(tmp_path, **configs)
    assert (found.file_level, found.syslog_level, found.database_level) == (file, syslog, database)


def test_a_file_for_what_is_debugged(tmp_path: Path) -> None:
    wanted = {"ZM_LOG_DEBUG": "1", "ZM_LOG_DEBUG_LEVEL": "4", "ZM_LOG_LEVEL_FILE": "-5"}
    found = settings(tmp_path, **wanted, ZM_LOG_DEBUG_FILE=f"{tmp_path}/debug.log")
    assert (found.file, found.file_level) == (tmp_path / "debug.log", 4)
    assert settings(tmp_path, **wanted, ZM_LOG_DEBUG_FILE=f"{tmp_path}/d+").file == tmp_path / f"d.{os.getpid():05d}"
    assert found.level == debug(4)
    handler = file_handler(found)
    log = logger(handler)
    log.log(debug(4), "seen")
    log.log(debug(5), "not seen")
    handler.close()
    assert re.findall(r"\.(DB\d)-.*\[(.*)\]", (tmp_path / "debug.log").read_text()) == [("DB4", "seen")]


def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="letters"):
        log_settings("../../etc/passwd", {"ZM_PATH_LOGS": str(tmp_path)}, {})


def test_no_secret_is_in_a_line(tmp_path: Path) -> None:
    handler = file_handler(settings(tmp_path), Secrets(["hunter2secret"]))
    log = logger(handler)
    try:
        int("hunter2secret")
    except ValueError:
        log.exception("GET https://h/zm/index.php?view=image&token=eyJhbGciOi and %s", "hunter2secret")
    handler.close()
    line = (tmp_path / "zmesdetect_m1.log").read_text()
    assert LINE.fullmatch(line.removesuffix("\n"))
    assert "literal for int() with base 10: '***'" in line
    assert "hunter2" not in line
    assert "eyJ" not in line


def test_a_record_that_does_not_fit_its_arguments_costs_no_line(tmp_path: Path) -> None:
    handler = file_handler(settings(tmp_path))
    logger(handler).info("%d people", "two")
    handler.close()
    assert "[%d people]" in (tmp_path / "zmesdetect_m1.log").read_text()


@pytest.mark.parametrize("rotate", ["moved", "removed", "told"])
def test_rotation_is_for_others(tmp_path: Path, rotate: str) -> None:
    handler = file_handler(settings(tmp_path))
    log, file = logger(handler), tmp_path / "zmesdetect_m1.log"
    log.info("before")
    if rotate == "removed":
        file.unlink()
    else:
        file.rename(tmp_path / "old.log")
    if rotate == "told":
        handler.reopen()
    log.info("after")
    handler.close()
    assert "after" in file.read_text()
    assert "before" not in file.read_text()


def test_a_file_that_cannot_be_written_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = LogFile(tmp_path / "gone" / "x.log")
    log = logger(handler)
    log.error("token=abcdef")
    log.critical("and again")
    said = capsys.readouterr().err
    assert said == f"{tmp_path}/gone/x.log can't be written: No such file or directory\n"
    (tmp_path / "gone").mkdir()
    log.error("now")
    assert "now" in (tmp_path / "gone" / "x.log").read_text()
    handler.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_new_file_is_given_to_zoneminders_user_and_an_old_one_is_not(tmp_path: Path) -> None:
    user, group = pwd.getpwnam("nobody"), grp.getgrgid(pwd.getpwnam("nobody").pw_gid)
    for number in range(2):
        handler = LogFile(tmp_path / "x.log", ("nobody", group.gr_name))
        logger(handler).info("a line")
        handler.close()
        status = (tmp_path / "x.log").stat()
        assert (status.st_uid, status.st_gid) == ((user.pw_uid, group.gr_gid) if number == 0 else (0, 0))
        assert status.st_mode & 0o777 == 0o640
        os.chown(tmp_path / "x.log", 0, 0)
    handler = LogFile(tmp_path / "y.log", ("nobody-is-called-so", "nor-is-a-group"))
    logger(handler).info("a line")
    handler.close()
    assert (tmp_path / "y.log").read_text()


def linked(target: Path, file: Path) -> None:
    target.write_text("theirs")
    file.symlink_to(target)


def also_named(target: Path, file: Path) -> None:
    target.write_text("theirs")
    file.hardlink_to(target)


def piped(target: Path, file: Path) -> None:
    target.write_text("theirs")
    os.mkfifo(file)


@pytest.mark.parametrize("trap", [linked, also_named, piped])
def test_a_trap_is_not_written_to(tmp_path: Path, capsys: pytest.CaptureFixture[str], trap: Callable[[Path, Path], None]) -> None:
    trap(tmp_path / "target", tmp_path / "x.log")
    handler = LogFile(tmp_path / "x.log", ("root", "root"))
    logger(handler).error("lost")
    handler.close()
    assert (tmp_path / "target").read_text() == "theirs"
    assert "can't be written" in capsys.readouterr().err


def test_syslog(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "log"))
        listening.settimeout(15)
        handler = syslog_handler(settings(tmp_path, ZM_LOG_LEVEL_SYSLOG="-1"), address=str(tmp_path / "log"))
        log = logger(handler)
        log.info("too little")
        log.warning("enough")
        told = listening.recv(1000)
        handler.close()
    assert told.rstrip(b"\0") == f"<12>zmesdetect_m1[{os.getpid()}]: WAR [zmesdetect_m1] [enough]".encode()


def test_syslog_that_is_not_there_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = syslog_handler(settings(tmp_path), address=str(tmp_path / "log"))
    for _ in range(2):
        logger(handler).error("password=hunter2")
    said = capsys.readouterr().err
    assert said == f"syslog at {tmp_path}/log does not take what is logged\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "log"))
        listening.settimeout(15)
        logger(handler).error("now")
        assert b"ERR [zmesdetect_m1] [now]" in listening.recv(1000)
        handler.close()


def test_console(capsys: pytest.CaptureFixture[str]) -> None:
    handler = console_handler(5)
    log = logger(handler)
    log.log(debug(5), "shown")
    log.log(debug(6), "not shown")
    assert re.fullmatch(r"\w{3} \d\d \d{4} \d\d:\d\d:\d\d\.\d{6} \[DB5\] shown\n", capsys.readouterr().err)


def test_zm_conf(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "zm.conf").write_text(
        "# ZoneMinder\n\nZM_PATH_LOGS=/var/log/zm\nZM_DB_PASS=zmpass\n ZM_WEB_USER = 'www-data' \nnonsense\n"
    )
    (tmp_path / "conf.d" / "02-paths.conf").write_text("ZM_PATH_LOGS=/logs # here\n")
    (tmp_path / "conf.d" / "01-paths.conf").write_text('ZM_PATH_LOGS=/nowhere\nZM_WEB_GROUP="apache"\n')
    (tmp_path / "conf.d" / "README").write_text("ZM_PATH_LOGS=/wrong\n")
    conf = read_conf(tmp_path)
    assert conf == {"ZM_PATH_LOGS": "/logs # here", "ZM_WEB_USER": "www-data", "ZM_WEB_GROUP": "apache"}
    assert log_settings("zmes", conf, {}).owner == ("www-data", "apache")


def test_zm_conf_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"zm\.conf: is not there"):
        read_conf(tmp_path)
    (tmp_path / "zm.conf").write_bytes(b"#" * 300_000)
    with pytest.raises(ConfigError, match="has more than"):
        read_conf(tmp_path)


@given(st.text(max_size=200))
def test_any_text_can_be_parsed(text: str) -> None:
    assert all("\n" not in name for name, _ in parse_conf(text))


async def test_the_example_of_the_page_logs_what_the_page_says(tmp_path: Path) -> None:
    text = (ROOT / "docs/migrating.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "file_handler" in block]
    async with FakeZoneMinder(World()) as fake:
        fake.settings |= {"ZM_LOG_LEVEL_FILE": "9", "ZM_LOG_DEBUG": "1", "ZM_LOG_DEBUG_LEVEL": "3", "ZM_LOG_LEVEL_SYSLOG": "-5"}
        (tmp_path / "zm.conf").write_text(f"ZM_PATH_LOGS={tmp_path}\n")
        code = code.replace('"https://host/zm", "user", "password"', repr((fake.url, USER, PASSWORD))[1:-1])
        code = code.replace("read_conf()", f"read_conf(Path({str(tmp_path)!r}))")
        await asyncio.to_thread(exec, compile(code, "hook.py", "exec"), {"Path": Path})
    log = logging.getLogger("zmesdetect")
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    lines = (tmp_path / "zmesdetect_m1.log").read_text().splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    (said,) = re.findall(r"`(\d\d/\d\d/\d\d [^`]*)`", text)
    assert lines[0].partition("].")[2] == said.partition("].")[2]
    assert lines[1].endswith("[and got it]")
    assert ".DB3-" in lines[1]
