"""Straight-line code for several neurons as C++: where populations keep what it reads."""

from __future__ import annotations

from nestml_core.api import LaneField, LaneFinite, LanePrinter, Lanes
from nestml_cpp.ir import Settable
from nestml_cpp.printer import RUNTIME


class PopulationPrinter(LanePrinter):
    """Print what stands in the member functions of a model of a population."""

    def step(self, lanes: Lanes) -> str:
        """Return the lines of a step: what arrives, the code, what is stored."""
        lines = []
        for i, port in enumerate(lanes.spike_ports):
            lines.append(f"[[maybe_unused]] const Real {port.name} = in.sum(k, {i});")
            if port.arrived:
                lines.append(f"const Mask {port.arrived} = in.arrived(k, {i});")
        for i, port in enumerate(lanes.continuous_ports):
            lines.append(f"[[maybe_unused]] const Real {port.name} = in.current(k, {i});")
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


def finite(fields: tuple[LaneFinite, ...]) -> str:
    """Return what asks whether variables are finite, or numbers at least, as lines."""
    return "".join(
        f"    good = good && {f'{RUNTIME}is_finite({f.name})' if f.is_advanced else _equal(f)};\n"
        for f in fields
    )


def strange(fields: tuple[LaneFinite, ...]) -> str:
    """Return what makes ``sum`` no number if a variable is not as ``finite`` asks, as lines."""
    return "".join(
        f"    sum = {RUNTIME}fma({f.name}, 0.0, sum);\n"
        if f.is_advanced
        else f"    sum = sum + {RUNTIME}select_real({_equal(f)}, 0.0, {f.name});\n"
        for f in fields
    )


def numbers(fields: tuple[LaneFinite, ...]) -> str:
    """Return what asks whether variables are numbers, as lines."""
    return "".join(f"    good = good && {_equal(f)};\n" for f in fields)


def _equal(f: LaneFinite) -> str:
    return f"{f.name} == {f.name}"


def set_parameter(x: Settable, index: int, default: str) -> str:
    """Return what stores the value of a parameter, as lines."""
    lines = [f"p.{x.member} = {default};"] if default else []
    return _set(x, index, "p", "parameters", lines)


def set_initial(x: Settable, index: int) -> str:
    """Return what stores an initial value, as lines."""
    return _set(x, index, "s", "initial", [])


def _set(x: Settable, index: int, struct: str, kind: str, lines: list[str]) -> str:
    target = f"{struct}.{x.member}"
    lines = [*lines, "if (given != nullptr) {"]
    if x.is_vector:
        size = f"std::min({target}.size(), of.{kind}[{index}].size)"
        lines.append(f"  for (std::size_t j = 0; j < {size}; ++j) {{")
        lines.append(
            f"    {target}[j] = static_cast<std::decay_t<decltype({target}[0])>>(given[j]);"
        )
        lines.append("  }")
    else:
        lines.append(f"  {target} = static_cast<decltype({target})>(*given);")
    return "".join(f"    {line}\n" for line in (*lines, "}"))
