"""The codes by which the program ends (docs/decisions/0504-exit-codes.md)."""

from __future__ import annotations

OK = 0
FAILED = 1
"""`check` found a problem, the bridge had to stop, or what was asked of a running one could not be done."""
USAGE = 2
"""click's own."""
COMMAND_REFUSED = 3
"""A command was refused, and nothing was done."""
COMMAND_TIMED_OUT = 4
"""What a command does has not shown in time."""
REFUSED = 69
"""Another bridge of this instance name is at work, and each new attempt would disturb it (EX_UNAVAILABLE of sysexits.h)."""
INTERNAL = 70
"""A defect in the bridge (EX_SOFTWARE of sysexits.h)."""
MISCONFIGURED = 78
"""The configuration can't be used, so starting again is of no use (EX_CONFIG of sysexits.h)."""
INTERRUPTED = 130
