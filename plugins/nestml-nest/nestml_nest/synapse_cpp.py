"""Statements as C++ inside a synapse."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from nestml_core.api import Base, Binary, CPrinter, Emit, Integrate, Number, Piece
from nestml_nest.cpp import NestPrinter


class SynapsePrinter(NestPrinter):
    """Print the statements of events. Symbols carry whole C++ names."""

    functions: ClassVar[Mapping[str, str]] = MappingProxyType(
        {**NestPrinter.functions, "expm1": CPrinter.functions["expm1"]}
    )

    def power(self, e: Binary, base: Piece, exponent: Piece) -> Piece:
        if isinstance(e.right, Number) or e.type.base is Base.INTEGER:
            return super().power(e, base, exponent)
        return Piece(f"nestml::power({base.text}, {exponent.text})")

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
