"""How the whole numbers of a process stand for the quantities of its model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from nestml_core.api import INTEGER, Base, Call, Expr, SolvedModel, Symbol, integer


@dataclass(frozen=True, slots=True)
class Format:
    """A state variable: it has the value ``whole / scale + offset``, in coherent units.

    ``symbol`` is that of the model, ``whole`` that of the whole number. ``bits`` are those of the
    magnitude, 0 for what was a whole number from the start.
    """

    symbol: Symbol
    whole: Symbol
    scale: float
    offset: float = 0.0
    bits: int = 0

    @property
    def limit(self) -> int:
        """The largest magnitude."""
        return (1 << (self.bits or 31)) - 1


@dataclass(frozen=True, slots=True)
class PortFormat:
    """A port: a weight or a signal w, in coherent units, is the message ``rint(w * scale)``.

    A message of a single spike, or of a signal, is at most ``largest``.
    """

    symbol: Symbol
    whole: Symbol
    scale: float
    largest: int


@dataclass(frozen=True, slots=True)
class Integers:
    """A model in whole numbers.

    Attributes
    ----------
    model : a model like any other, all of whose variables are whole numbers; the reference
        interpreter runs it
    code : the same with shifts as NumPy writes them
    """

    model: SolvedModel
    code: SolvedModel
    dt: float
    formats: tuple[Format, ...]
    ports: tuple[PortFormat, ...]


@dataclass(frozen=True, slots=True)
class Ranges:
    """What a model is expected to hold: for each symbol the largest magnitude, coherent units."""

    largest: tuple[tuple[Symbol, float], ...]

    def of(self, symbol: Symbol) -> float:
        return dict(self.largest).get(symbol, 0.0)


def fraction(largest: float, bits: int) -> int:
    """Return the binary fraction with which numbers up to ``largest`` fill so many bits."""
    return bits - math.ceil(math.log2(largest)) if largest > 0 else bits


def clipped_to(value: Expr, limit: int) -> Expr:
    """Return ``value`` cut to the magnitude ``limit``."""
    low = Call("max", (value, integer(-limit)), INTEGER)
    return Call("min", (low, integer(limit)), INTEGER)


def format_of(symbol: Symbol, largest: float, bits: int) -> Format:
    """Return the format of a variable: so many bits for values up to ``largest``."""
    if symbol.type.base is Base.BOOLEAN:
        return Format(symbol, replace(symbol, size=None), 1.0)
    whole = Symbol(symbol.name, symbol.kind, INTEGER, symbol.span)
    if symbol.type.base is Base.INTEGER:
        return Format(symbol, whole, 1.0)
    return Format(symbol, whole, 2.0 ** fraction(largest, bits), 0.0, bits)


def port_format_of(symbol: Symbol, largest: float, bits: int) -> PortFormat:
    """Return the format of a port: so many bits for messages up to ``largest``."""
    whole = Symbol(symbol.name, symbol.kind, INTEGER, symbol.span)
    return PortFormat(symbol, whole, 2.0 ** fraction(largest, bits), (1 << bits) - 1)
