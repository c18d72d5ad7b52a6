"""A folder with scripts and who looks after it, with a house that runs none: for tests of that, and of doors."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from tests.bridge.scripts.house import FakeHouse
from tests.fakes.clock import FakeClock

from vms_bridge.messaging import ALWAYS_RESERVED
from vms_bridge.scripts.approvals import ApprovalOf
from vms_bridge.scripts.folder import Folder
from vms_bridge.scripts.keeper import Keeper
from vms_bridge.scripts.store import ScriptStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vms_bridge.scripting import ScriptStatus

ANN = "token t1 (Ann)"
GATE = """from vms_bridge.script import *
permissions(monitors=["zm/1"], notify=True)
settings(low=Number(3, max=9), pin=Secret())
"""


class Site:
    """A folder with a keeper."""

    def __init__(self, path: Path, of: ApprovalOf = ApprovalOf.SOURCE) -> None:
        self.path, self.house, self.clock = path / "scripts", FakeHouse(), FakeClock()
        self.path.mkdir(0o700, parents=True, exist_ok=True)
        self.database = path / "kept" / "scripts.db"
        self.store = ScriptStore(self.database, self.clock)
        self.reserved: tuple[str, ...] = ALWAYS_RESERVED
        self.keeper = Keeper(Folder(self.path), self.store, self.house, self.clock, approval=of, reserved=lambda: self.reserved)

    async def put(self, text: str = GATE, name: str = "gate") -> None:
        """Have a file there, and seen."""
        (self.path / f"{name}.py").write_text(text)
        await self.look()

    async def look(self) -> None:
        await self.keeper.look()
        await self.keeper.look()

    async def approve(self, name: str = "gate") -> None:
        await self.keeper.approve(name, sha256=self.keeper.get(name).sha256, by=ANN)

    def status(self, name: str = "gate") -> ScriptStatus:
        return self.keeper.get(name).life.status

    @contextmanager
    def unwritable(self, *tables: str) -> Iterator[None]:
        """Have nothing be written to these tables of the store, as on a disk that is full."""
        with closing(sqlite3.connect(self.database)) as database:
            for table in tables:
                for what in ("INSERT", "DELETE"):
                    refuse = "BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
                    database.execute(f"CREATE TRIGGER {table}_{what} BEFORE {what} ON {table} {refuse}")
            database.commit()
            try:
                yield
            finally:
                for table in tables:
                    for what in ("INSERT", "DELETE"):
                        database.execute(f"DROP TRIGGER {table}_{what}")
                database.commit()
