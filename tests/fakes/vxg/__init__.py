"""A simulated VXG Cloud VMS: its API and its store of pictures and videos on two ports, with every way to misbehave."""

from tests.fakes.vxg.server import FakeVxg
from tests.fakes.vxg.world import FakeChannel, FakeEvent, World

__all__ = ["FakeChannel", "FakeEvent", "FakeVxg", "World"]
