"""The search index: a file of its own beside the store's, made of what the store and the archives tell, and made anew if lost."""

from vms_bridge.store.index.file import remove
from vms_bridge.store.index.index import SearchIndex
from vms_bridge.store.index.unindexed import Unindexed
from vms_bridge.store.index.values import IndexedMonitor, IndexStatus

__all__ = ["IndexStatus", "IndexedMonitor", "SearchIndex", "Unindexed", "remove"]
