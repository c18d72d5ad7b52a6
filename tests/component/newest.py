"""Runs the tests of set-up and flows within the newest Home Assistant, which the test plugin does not know yet.

    PYTHONPATH=. PYTHON -m tests.component.newest [ARG...]

PYTHON is that of tests/e2e/lab/homeassistant; what it lacks for tests is taken from .venv-component, behind its own packages. Two
private names that the plugin wants are mended.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ("flow", "test_init*.py", "test_setup*.py", "test_config_flow*.py")


def main() -> int:
    """Run them, and return pytest's exit code."""
    more = next((ROOT / ".venv-component" / "lib").glob("python3.*/site-packages"))
    sys.path.append(str(more))
    import httpx2  # type: ignore[import-not-found] # noqa: PLC0415 - of the newest only, and before anything imports httpx

    httpx2.alias_httpx()
    import pytest  # noqa: PLC0415 - it comes from there
    from homeassistant.components import logger  # noqa: PLC0415 - the same
    from homeassistant.const import __version__  # noqa: PLC0415 - the same

    if not hasattr(logger, "_clear_logger_overwrites"):
        setattr(logger, "_clear_logger_overwrites", lambda _hass: None)  # noqa: B010 - it has none
    print(f"within Home Assistant {__version__}")  # noqa: T201 - which one it is has to be seen
    here = Path(__file__).parent
    tests = sorted({str(path) for pattern in TESTS for path in here.glob(pattern)})
    bears = "ignore::pytest.PytestAssertRewriteWarning"  # plugins are imported by now, and nobody reads their asserts
    patiently = ("--timeout", "60")  # it gives way to the end-to-end tests
    return int(pytest.main([*(sys.argv[1:] or tests), *patiently, "-p", "no:cacheprovider", "-W", bears]))


if __name__ == "__main__":
    sys.exit(main())
