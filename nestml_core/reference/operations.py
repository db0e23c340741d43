"""What each operator and function does to values: IEEE doubles, 64-bit integers, C's rounding."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from nestml_core.expr import Binary, Call, Unary
from nestml_core.reference.exponential import expdd
from nestml_core.types import Base, Type

Function = Callable[..., Any]

INTEGER_BITS = 64
LARGEST: int = 2 ** (INTEGER_BITS - 1) - 1


def fits(value: int) -> bool:
    """Return whether ``value`` is a signed 64-bit integer."""
    return -LARGEST - 1 <= value <= LARGEST


def integer_quotient(a: int, b: int) -> int:
    """Return a / b truncated towards zero."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def integer_remainder(a: int, b: int) -> int:
    """Return what ``integer_quotient`` leaves; it has the sign of a."""
    remainder = abs(a) % abs(b)
    return -remainder if a < 0 else remainder


def truncate(x: float) -> float:
    return float(math.trunc(x)) if math.isfinite(x) else x


def quotient(a: float, b: float) -> float:
    """Return a / b as IEEE 754 has it: infinite or not a number where b is zero."""
    try:
        return a / b
    except ZeroDivisionError:
        if a == 0 or math.isnan(a):
            return math.nan
        return math.copysign(math.inf, a) * math.copysign(1.0, b)


def logarithm(function: Callable[[float], float]) -> Function:
    """Return ``function`` with minus infinity at zero."""

    def apply(x: float) -> float:
        return function(x) if x != 0 else -math.inf

    return apply


def real_quotient(a: float, b: float) -> float:
    return truncate(quotient(a, b))


def real_remainder(a: float, b: float) -> float:
    if b == 0:
        raise ZeroDivisionError
    return math.fmod(a, b)


def real_power(a: float, b: float) -> float:
    """Return a ** b; overflow is infinite, a negative base with a fractional exponent an error."""
    odd = math.isfinite(b) and abs(math.fmod(b, 2.0)) == 1.0
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and odd else math.inf
    except ValueError:
        if a == 0:
            return math.copysign(math.inf, a) if odd else math.inf
        raise


def integer_power(a: int, b: int) -> int:
    """Return a ** b truncated towards zero."""
    if b < 0:
        return math.trunc(real_power(a, b))
    if abs(a) > 1 and b >= INTEGER_BITS:
        raise ValueError("a power does not fit into 64 bits")
    return int(a**b)


def shift(move: Callable[[int, int], int]) -> Function:
    def apply(a: int, b: int) -> int:
        if not 0 <= b < INTEGER_BITS:
            raise ValueError(f"a shift by {b} bits")
        return move(a, b)

    return apply


def overflowing(function: Callable[[float], float], *, odd: bool = False) -> Function:
    """Return ``function`` with infinity where its value is too large for a double."""

    def apply(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return -math.inf if odd and x < 0 else math.inf

    return apply


def rounding(function: Callable[[float], int]) -> Function:
    def apply(x: float) -> float:
        return float(function(x)) if math.isfinite(x) else x

    return apply


def round_half_away(x: float) -> int:
    below = math.floor(abs(x))
    rounded = below + 1 if abs(x) - below >= 0.5 else below
    return rounded if x >= 0 else -rounded


def joined(a: Any, b: Any) -> str:
    return text(a) + text(b)


def text(value: Any) -> str:
    """Return a value as a message shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


_BINARY: Mapping[str, Function] = MappingProxyType(
    {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": quotient,
        "&": operator.and_,
        "|": operator.or_,
        "^": operator.xor,
        "<<": shift(operator.lshift),
        ">>": shift(operator.rshift),
        "<": operator.lt,
        "<=": operator.le,
        "==": operator.eq,
        "!=": operator.ne,
        ">=": operator.ge,
        ">": operator.gt,
    }
)
_OF_INTEGERS: Mapping[str, Function] = MappingProxyType(
    {"//": integer_quotient, "%": integer_remainder, "**": integer_power}
)
_OF_REALS: Mapping[str, Function] = MappingProxyType(
    {"//": real_quotient, "%": real_remainder, "**": real_power}
)
_UNARY: Mapping[str, Function] = MappingProxyType(
    {"-": operator.neg, "~": operator.invert, "not": operator.not_}
)
_FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "exp": overflowing(math.exp),
        "ln": logarithm(math.log),
        "log10": logarithm(math.log10),
        "expm1": overflowing(math.expm1),
        "sin": math.sin,
        "cos": math.cos,
        "tan": math.tan,
        "sinh": overflowing(math.sinh, odd=True),
        "cosh": overflowing(math.cosh),
        "tanh": math.tanh,
        "erf": math.erf,
        "erfc": math.erfc,
        "abs": abs,
        "min": min,
        "max": max,
        "expdd": expdd,
    }
)
_ROUNDING: Mapping[str, Callable[[float], int]] = MappingProxyType(
    {
        "ceil": math.ceil,
        "floor": math.floor,
        "round": round_half_away,
        "truncate": math.trunc,
    }
)


def unary(e: Unary) -> Function:
    return _UNARY[e.op]


def binary(e: Binary) -> Function:
    """Return what a strict binary operator does; ``and`` and ``or`` are not functions."""
    if e.op == "+" and e.type.base is Base.STRING:
        return joined
    if e.op in _BINARY:
        return _BINARY[e.op]
    whole = e.left.type.base is Base.INTEGER and e.right.type.base is Base.INTEGER
    if e.op == "**":
        whole = e.type.base is Base.INTEGER  # 2 ** n is real: it is a fraction for negative n
    return (_OF_INTEGERS if whole else _OF_REALS)[e.op]


def intrinsic(e: Call) -> Function | None:
    """Return the function that ``e`` calls, None if it is not an intrinsic."""
    if e.function in _ROUNDING:
        function = _ROUNDING[e.function]
        return function if e.type.base is Base.INTEGER else rounding(function)
    return _FUNCTIONS.get(e.function)


def conversion(type: Type) -> Callable[[Any], Any]:
    """Return what a value goes through when it is stored in a variable of ``type``."""
    conversions: dict[Base, Callable[[Any], Any]] = {
        Base.INTEGER: int,
        Base.BOOLEAN: bool,
        Base.STRING: text,
        Base.VOID: lambda _: None,
    }
    return conversions.get(type.base, float)
