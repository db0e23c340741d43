"""Several neurons at once: a step as straight-line code, and how that is printed for C++."""

from nestml_core.lanes.ir import LaneField, LaneFinite, LaneRecord, Lanes, LaneSolve
from nestml_core.lanes.printing import LanePrinter
from nestml_core.lanes.straight import straight

__all__ = [
    "LaneField",
    "LaneFinite",
    "LanePrinter",
    "LaneRecord",
    "LaneSolve",
    "Lanes",
    "straight",
]
