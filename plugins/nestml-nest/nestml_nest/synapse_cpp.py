"""Statements as C++ inside a synapse."""

from __future__ import annotations

from nestml_core.api import Emit, Integrate
from nestml_nest.cpp import NestPrinter


class SynapsePrinter(NestPrinter):
    """Print the statements of events. Symbols carry whole C++ names."""

    def integrate(self, stmt: Integrate) -> list[str]:
        return [f"integrate_odes_{stmt.flow}();"]

    def emit(self, stmt: Emit) -> list[str]:
        weight = "1.0" if stmt.weight is None else self.expr(stmt.weight)
        return [f"emit_({weight});"]


def inward(unit: str) -> str:
    """Return what stands behind a value in an outer unit: the last arguments of ``replace``."""
    if not unit:
        return ""
    above, below = unit.removeprefix(", ").split(", ")
    return f" * {above} / {below}"
