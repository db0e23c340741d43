"""Vectors of a model as ``std::array`` where the size is known, else as ``std::vector``."""

from __future__ import annotations

from dataclasses import replace

from nestml_core.api import REAL, Base, Call, Expr, Number, Ref, Symbol

RUNTIME = "nestml_runtime::"


def is_array(symbol: Symbol) -> bool:
    return symbol.length is not None


def type_of(symbol: Symbol, element: str) -> str:
    """Return the C++ type of a vector of elements of the type ``element``."""
    if is_array(symbol):
        return f"std::array<{element}, {symbol.length}>"
    return f"std::vector<{element}>"


def is_whole(value: Expr) -> bool:
    """Return whether ``value`` is a vector, not one number for all its elements."""
    return isinstance(value, Ref) and value.symbol.size is not None


def filled(symbol: Symbol, value: Expr, element: str) -> Expr:
    """Return a vector with ``value`` at all places, or the vector that ``value`` is."""
    if is_whole(value):
        return value
    if isinstance(value, Number) and symbol.type.base in (Base.REAL, Base.QUANTITY):
        value = replace(value, type=REAL)
    if is_array(symbol):
        return Call(f"{RUNTIME}filled<{element}, {symbol.length}>", (value,))
    assert symbol.size is not None
    return Call(f"{RUNTIME}filled<{element}>", (value, symbol.size))
