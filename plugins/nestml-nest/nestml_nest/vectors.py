"""Vectors as ``std::array`` where the size is known, else as ``std::vector``."""

from __future__ import annotations

from nestml_core.api import Call, Expr, Ref, Symbol

AT = "nestml::at"
FILL = "nestml::fill"


def is_array(vector: Symbol) -> bool:
    return vector.length is not None


def grows(symbol: Symbol) -> bool:
    """Return whether ``symbol`` is a vector whose size is a parameter."""
    return symbol.size is not None and symbol.length is None


def type_of(vector: Symbol, element: str) -> str:
    """Return the C++ type of a vector of elements of the type ``element``."""
    if is_array(vector):
        return f"std::array<{element}, {vector.length}>"
    return f"std::vector<{element}>"


def is_whole(value: Expr) -> bool:
    """Return whether ``value`` is a vector, not one number for all its elements."""
    return isinstance(value, Ref) and value.symbol.size is not None


def filled(vector: Symbol, value: Expr, element: str) -> Expr:
    """Return a vector with ``value`` at all places, or the vector that ``value`` is."""
    if is_whole(value):
        return value
    if is_array(vector):
        return Call(f"nestml::filled<{element}, {vector.length}>", (value,))
    assert vector.size is not None
    return Call(f"nestml::filled<{element}>", (value, vector.size))
