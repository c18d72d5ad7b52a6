"""Every way out of a script's process that we could think of: each is tried in a real worker, and none is open."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.scripts.escapes import cell, exhaustion, files, language, machine, memory, network, processes
from tests.bridge.scripts.escapes.attempts import DIFFERS, NOT_TRIED, Attempt, numbers
from tests.bridge.scripts.escapes.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


PARTS = {
    part.__name__.rpartition(".")[2]: part.ATTEMPTS for part in (files, network, processes, memory, machine, language, exhaustion)
}
ATTEMPTS = tuple(each for part in PARTS.values() for each in part)
_IS_OLDEST = sys.version_info[:2] == (3, 11)
_HAS_ALL_POWERS = os.getuid() == 0 and "CapEff:\t000001ffffffffff" in Path("/proc/self/status").read_text(encoding="ascii")
ALL = [each for each in ATTEMPTS if _IS_OLDEST or each.is_kernels]
"""By newer Pythons, what depends on them; the whole of it is tried by the oldest."""
KERNELS = [each for each in ATTEMPTS if each.is_kernels]

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(platform.machine() not in {"x86_64", "aarch64"}, reason="scripts do not run on this machine"),
]


def named(attempt: Attempt) -> str:
    return attempt.name


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that anybody may read, as those of pytest's are not."""
    made = Path(tempfile.mkdtemp(prefix="vms-bridge-escapes-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def code(place: Path) -> Path:
    return cell.copy_of_code(place / "code")


@pytest.fixture(scope="module")
def unprivileged(place: Path, code: Path) -> cell.Start:
    """As whoever has no rights: started by nobody."""
    (place / "python").mkdir()
    return cell.Start(python=cell.python_for_all(place / "python"), code=code, as_root=False)


@pytest.fixture(scope="module")
def root(code: Path) -> cell.Start:
    """As on most machines: started by root, whose powers it gives away."""
    return cell.Start(python=[sys.executable], code=code, as_root=True)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    return Tally(request)


def why_not(attempt: Attempt) -> str:
    """Say why it can't be made here."""
    if attempt.needs and not hasattr(sys, attempt.needs) and platform.machine() != attempt.needs:
        return f"there is no {attempt.needs} here"
    try:
        absent = [call for call, number in numbers(attempt.calls).items() if number < 0]
    except OSError:
        if "VMS_BRIDGE_REQUIRE_REAL" in os.environ:
            raise
        return "libseccomp2 is not installed"
    return f"this machine has no {absent}" if absent else ""


def is_as_expected(attempt: Attempt, verdict: cell.Verdict) -> bool:
    """Say whether it was refused, and in the way that it names."""
    return (
        verdict.worked is None
        and verdict.by in attempt.by.split("|")
        and verdict.number == attempt.number
        and attempt.text in verdict.text
    )


def ends_its_process(attempt: Attempt) -> bool:
    """Say whether it is made in a worker of its own: it is ended, or takes all that there is."""
    return attempt.by != "PermissionError" or attempt in exhaustion.ATTEMPTS


def make(attempts: Sequence[Attempt], start: cell.Start, tally: Tally, how: str) -> None:
    """Make those that leave their process as it was, one after the other in one worker, and see each of them refused."""
    if made := [each for each in attempts if not ends_its_process(each) and not why_not(each)]:
        see_refused(made, start, tally, how)


def make_alone(attempt: Attempt, start: cell.Start, tally: Tally, how: str) -> None:
    """Make it in a worker of its own, and see it refused."""
    if why := why_not(attempt):
        pytest.skip(why)
    see_refused([attempt], start, tally, how)


def see_refused(attempts: Sequence[Attempt], start: cell.Start, tally: Tally, how: str) -> None:
    outcome = cell.inside(attempts, start)
    assert outcome.level.startswith("seccomp")
    wrong = {}
    for attempt in attempts:
        verdict = outcome.verdicts.get(attempt.name)
        is_refused = verdict is not None and is_as_expected(attempt, verdict)
        tally.count(how, is_refused=is_refused)
        if not is_refused:
            wrong[attempt.name] = verdict
    assert not wrong


@pytest.mark.parametrize("part", PARTS)
def test_refused_without_privileges(part: str, unprivileged: cell.Start, tally: Tally) -> None:
    make([each for each in PARTS[part] if each in ALL], unprivileged, tally, "without privileges")


@pytest.mark.parametrize("attempt", [each for each in ALL if ends_its_process(each)], ids=named)
def test_ended_without_privileges(attempt: Attempt, unprivileged: cell.Start, tally: Tally) -> None:
    make_alone(attempt, unprivileged, tally, "without privileges")


@pytest.mark.skipif(os.getuid() != 0, reason="it takes root to start them as root")
@pytest.mark.parametrize("part", PARTS)
def test_refused_where_root_has_started_it(part: str, root: cell.Start, tally: Tally) -> None:
    make([each for each in PARTS[part] if each.is_kernels], root, tally, "started by root")


@pytest.mark.skipif(os.getuid() != 0, reason="it takes root to start them as root")
@pytest.mark.parametrize("attempt", [each for each in KERNELS if ends_its_process(each)], ids=named)
def test_ended_where_root_has_started_it(attempt: Attempt, root: cell.Start, tally: Tally) -> None:
    make_alone(attempt, root, tally, "started by root")


@pytest.mark.parametrize("part", PARTS)
def test_outside_of_the_boundary_each_makes_sense(part: str, tmp_path: Path) -> None:
    """Else it would be refused for what it is, and not by the boundary."""
    attempts = [each for each in PARTS[part] if each in ALL and each.outside != NOT_TRIED and not why_not(each)]
    verdicts = cell.outside(attempts, tmp_path)
    wrong = {}
    for attempt in attempts:
        verdict = verdicts[attempt.name]
        is_sensible = verdict.worked is not None
        if attempt.outside == DIFFERS or not _HAS_ALL_POWERS:  # without them an errno may well be the same
            is_sensible |= not _HAS_ALL_POWERS or not is_as_expected(attempt, verdict)
        if not is_sensible or verdict.by in {"SyntaxError", "NameError", "TypeError", "AttributeError"}:
            wrong[attempt.name] = verdict
    assert not wrong


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(ATTEMPTS) >= 80
    assert len({each.name for each in ATTEMPTS}) == len(ATTEMPTS)
    assert len(KERNELS) >= 60
