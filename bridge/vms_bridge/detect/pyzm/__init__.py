"""Makes a section `detection` of what pyzm and zmeventnotification are configured by."""

from vms_bridge.detect.pyzm.convert import Conversion, convert
from vms_bridge.detect.pyzm.source import Source, of_ini, of_values

__all__ = ["Conversion", "Source", "convert", "of_ini", "of_values"]
