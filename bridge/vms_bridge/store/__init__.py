"""What must survive a crash, in one SQLite file."""

from vms_bridge.store.store import Store
from vms_bridge.store.values import EventCommit, Forced, NewMessage, StaleEpoch, StoredMonitor, StoredSystem

__all__ = ["EventCommit", "Forced", "NewMessage", "StaleEpoch", "Store", "StoredMonitor", "StoredSystem"]
