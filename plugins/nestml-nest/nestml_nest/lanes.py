"""Straight-line code for several neurons as C++: what arrives at them is in an arena."""

from __future__ import annotations

from nestml_core.api import LaneField, LaneFinite, LanePrinter, Lanes


class NeuronLanes(LanePrinter):
    """Print what stands in the functions of ``Lanes_``."""

    def step(self, lanes: Lanes) -> str:
        """Return the lines of a step: what arrives, the code, what is stored."""
        lines = []
        for i, port in enumerate(lanes.spike_ports):
            lines.append(f"[[maybe_unused]] const Real {port.name} = in.sum({i});")
            if port.arrived:
                lines.append(f"const Mask {port.arrived} = in.arrived({i});")
        for i, port in enumerate(lanes.continuous_ports):
            lines.append(f"[[maybe_unused]] const Real {port.name} = in.current({i});")
        lead = "".join(f"    {line}\n" for line in lines)
        stores = [
            f"{a.target.name} = {self.value_for(a.target.type, a.value)};" for a in lanes.stores
        ]
        tail = "".join(f"    {line}\n" for line in (*stores, f"return {self.expr(lanes.emitted)};"))
        return lead + self.code(lanes.body, 2) + tail


def pack(fields: tuple[LaneField, ...], to: str) -> str:
    """Return what copies values of a neuron into a lane, as lines."""
    return "".join(f"    {to}.{f.name}.put(lane, {f.member});\n" for f in fields)


def unpack(fields: tuple[LaneField, ...], source: str) -> str:
    """Return what copies values of a lane into a neuron, as lines."""
    return "".join(f"    {f.member} = {source}.{f.name}[lane];\n" for f in fields)


def numbers(fields: tuple[LaneFinite, ...]) -> str:
    """Return what asks whether variables are numbers, as lines."""
    return "".join(f"    good = good && {f.name} == {f.name};\n" for f in fields)
