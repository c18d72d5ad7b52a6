"""How versions and installations of ZoneMinder differ, as far as a client sees it (facts from 1.34 to 1.39)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """One kind of installation."""

    version: str = "1.36.33"
    modern_modes: bool = False
    """Capturing, Analysing, Recording instead of Function."""
    strings: bool = False
    """PHP before 8.1: every number is a string."""
    booleans: bool = False
    """TINYINT(1) as JSON true and false."""
    old_times: bool = False
    """StartTime and EndTime are the columns' names."""
    state_from_one: bool = False
    """The API's alarm status counts from 1."""
    status_as_text: bool = False
    default_limit: int | None = 100
    """Rows of a list without `limit`; None: all of them, with a pagination block that makes no sense."""
    keeps_deleted: bool = False
    has_tags: bool = False
    """Since 1.37.44."""
    lists_fail_without_auth: bool = False
    """Where no login is wanted, every list of events is a TypeError of PHP 8 (zoneminder#4465)."""
    after_delete: str = "nothing"
    """What is answered to DELETE, whether it was done or not: `nothing`, or the `html` of a page that says so."""
    counters_in_monitor: bool = False
    auth: bool = True
    login_when_auth_off: str = "version"
    """Without auth, what login answers: `version` only, `nulls`, or `error`."""
    shm_size: int = 760
    shm_from_one: bool = True


V1_34 = Personality(
    version="1.34.26",
    strings=True,
    old_times=True,
    status_as_text=True,
    counters_in_monitor=True,
    shm_size=600,
    shm_from_one=False,
    after_delete="html",
)
V1_36_10 = Personality(version="1.36.10", strings=True, status_as_text=True, shm_from_one=False)
V1_36_20 = Personality(version="1.36.20", strings=True, state_from_one=True, status_as_text=True)
V1_36_33 = Personality()
V1_36_36 = Personality(version="1.36.36", default_limit=20, shm_size=768, lists_fail_without_auth=True)
V1_37_70 = Personality(
    version="1.37.70", modern_modes=True, has_tags=True, booleans=True, keeps_deleted=True, default_limit=None, shm_size=864
)
V1_38_4 = Personality(
    version="1.38.4", modern_modes=True, has_tags=True, booleans=True, keeps_deleted=True, default_limit=None, shm_size=872
)
V1_39_20 = Personality(
    version="1.39.20", modern_modes=True, has_tags=True, booleans=True, keeps_deleted=True, default_limit=None, shm_size=888
)
ALL = (V1_34, V1_36_10, V1_36_20, V1_36_33, V1_36_36, V1_37_70, V1_38_4, V1_39_20)


def by_version(version: str) -> Personality:
    """Return the personality of this version, or of the nearest one before it."""
    wanted = _numbers(version)
    return max((p for p in ALL if _numbers(p.version) <= wanted), key=lambda p: _numbers(p.version), default=V1_34)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3])
