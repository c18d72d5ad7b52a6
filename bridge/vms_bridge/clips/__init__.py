"""Clips of any time range, made when they are asked for: what goes into them, how they are made, and where they wait."""

from vms_bridge.clips.clips import ClipRules, Clips

__all__ = ["ClipRules", "Clips"]
