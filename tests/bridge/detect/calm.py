"""How properties are looked for here: on a machine that may have other things to do."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

CALM = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
SELDOM = settings(CALM, max_examples=15)
"""For what is slow to think of, such as trees."""
GARBAGE = "aZ0129.,:;%*?+-|^$()[]{}<>=!/\\\"'#& \t\n\x00é漢🐕pxsmhdre"
"""Letters of which texts are made that mean something here, or nothing anywhere: all of Unicode takes long to think of."""
