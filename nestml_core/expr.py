"""Expressions of a resolved model: typed, bound to symbols, in coherent units, with spans.

Equality is structural and ignores spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction
from typing import TypeAlias, TypeVar

from nestml_core.source import NOWHERE, Span
from nestml_core.types import BOOLEAN, INTEGER, REAL, STRING, Type

R = TypeVar("R")


class Kind(Enum):
    """What a name stands for."""

    STATE = "state variable"
    PARAMETER = "parameter"
    INTERNAL = "internal"
    INLINE = "inline"
    KERNEL = "kernel"
    SPIKE_PORT = "spike port"
    CONTINUOUS_PORT = "continuous port"
    DELAYED = "delayed variable"
    LOCAL = "local variable"
    ARGUMENT = "argument"
    TIME = "time"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A named thing of a model.

    ``type`` carries the declared unit, which serves documentation and the reading and writing of
    values from outside; inside, every number is in coherent units. Of a vector it is the type of
    one element.

    A vector has a ``size``: a number, or a reference to an integer parameter. The elements of a
    vector whose size is a number have symbols of their own, ``x[0]``, ``x[1]``, ...: such a symbol
    is used like a scalar, and lives at ``place`` of ``vector``.
    """

    name: str
    kind: Kind
    type: Type = REAL
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    size: Expr | None = None
    vector: Symbol | None = None
    place: int = 0

    def __hash__(self) -> int:
        return hash(self.name)  # symbols are looked up all the time; a type takes long to hash

    @property
    def identifier(self) -> str:
        """The name outside and in generated code: ``g'`` is ``g__d``, ``x[1]`` is ``x_1``."""
        plain = self.name.replace("'", "__d").replace("$", "__DOLLAR")
        return plain.replace("[", "_").replace("]", "") if "[" in plain else plain

    @property
    def owner(self) -> Symbol:
        """What is declared: the vector of an element, else the symbol itself."""
        return self if self.vector is None else self.vector

    @property
    def length(self) -> int | None:
        """The number of elements of a vector where that is known, None for all else."""
        return int(self.size.value) if isinstance(self.size, Number) else None

    @property
    def elements(self) -> tuple[Symbol, ...]:
        """The symbols of the elements of a vector of known size."""
        return tuple(self.element(k) for k in range(self.length or 0))

    def element(self, place: int) -> Symbol:
        """Return the symbol of one element of this vector."""
        return Symbol(f"{self.name}[{place}]", self.kind, self.type, self.span, None, self, place)


@dataclass(frozen=True, slots=True)
class Number:
    """An exact rational number, in coherent units."""

    value: Fraction
    type: Type = REAL
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """``inf``, ``e`` or ``pi``."""

    name: str
    type: Type = REAL
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Boolean:
    value: bool
    type: Type = BOOLEAN
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A string; escapes of the source are resolved."""

    value: str
    type: Type = STRING
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of a symbol.

    A vector as a whole can only be assigned, to a vector of the same size. A spike port stands for
    the sum of the weights that arrive in the step (a pure number).
    """

    symbol: Symbol
    type: Type = REAL
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """``op`` is one of ``-  ~  not``."""

    op: str
    operand: Expr
    type: Type = REAL
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """``op`` is one of ``+ - * / // % **  & | ^ << >>  < <= == != >= >  and or``.

    ``/`` is always the real quotient; ``//`` truncates towards zero and ``%`` is its remainder
    (with the sign of the dividend, as in C).
    """

    op: str
    left: Expr
    right: Expr
    type: Type = REAL
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    condition: Expr
    then: Expr
    otherwise: Expr
    type: Type = REAL
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an intrinsic (see ``INTRINSICS``), a random function or a function of the model."""

    function: str
    arguments: tuple[Expr, ...]
    type: Type = REAL
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Convolve:
    """``convolve(kernel, port)``: the sum of ``w_i K(t - t_i)``. Gone after ``solve``."""

    kernel: Symbol
    port: Symbol
    type: Type = REAL
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Element:
    """The element of ``vector`` at a place that is computed; counted from 0.

    Outside the vector there is nothing: a run ends there, and says so. Where the place and the
    size are plain numbers, a reference to the symbol of the element stands instead.
    """

    vector: Symbol
    index: Expr
    type: Type = REAL
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Expr: TypeAlias = (
    Number
    | Constant
    | Boolean
    | Text
    | Ref
    | Unary
    | Binary
    | Conditional
    | Call
    | Convolve
    | Element
)

INTRINSICS = {
    "exp": 1,
    "ln": 1,
    "log10": 1,
    "expm1": 1,
    "sin": 1,
    "cos": 1,
    "tan": 1,
    "sinh": 1,
    "cosh": 1,
    "tanh": 1,
    "erf": 1,
    "erfc": 1,
    "abs": 1,
    "ceil": 1,
    "floor": 1,
    "round": 1,  # halves away from zero
    "truncate": 1,  # towards zero; the conversion from real to integer
    "min": 2,
    "max": 2,
    "expdd": None,
}
"""The pure functions a solved model may call, with their number of arguments.

``expdd(h, a_1, ..., a_n)``, n >= 2, is the divided difference of ``x -> exp(x h)`` over the rates
``a_i``, equal rates allowed. Only derived constants call it, never the code of a step.
"""

RANDOM = {"random_normal": 2, "random_uniform": 2, "random_poisson": 1}
"""The random functions: (mean, std), (offset, scale), (mean)."""


def number(value: Fraction | int, span: Span = NOWHERE) -> Number:
    return Number(Fraction(value), REAL, span)


def integer(value: int, span: Span = NOWHERE) -> Number:
    return Number(Fraction(value), INTEGER, span)


def ref(symbol: Symbol, span: Span = NOWHERE) -> Ref:
    return Ref(symbol, symbol.type, span)


def children(expr: Expr) -> tuple[Expr, ...]:
    """Return the direct operands of ``expr``, left to right."""
    kind = type(expr)  # asked for very often: the commonest kinds first
    if kind is Ref or kind is Number:
        return ()
    if isinstance(expr, Binary):
        return (expr.left, expr.right)
    match expr:
        case Unary(_, operand):
            return (operand,)
        case Conditional(condition, then, otherwise):
            return (condition, then, otherwise)
        case Call(_, arguments):
            return arguments
        case Element(_, index):
            return (index,)
        case _:
            return ()


def with_children(expr: Expr, new: tuple[Expr, ...]) -> Expr:
    """Return ``expr`` with other operands; the same object if they are the same objects."""
    old = children(expr)
    if all(a is b for a, b in zip(old, new, strict=True)):
        return expr
    match expr:
        case Unary():
            return replace(expr, operand=new[0])
        case Binary():
            return replace(expr, left=new[0], right=new[1])
        case Conditional():
            return replace(expr, condition=new[0], then=new[1], otherwise=new[2])
        case Call():
            return replace(expr, arguments=new)
        case Element():
            return replace(expr, index=new[0])
        case _:
            return expr


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield ``expr`` and all expressions in it, parents first, left to right."""
    waiting = [expr]
    while waiting:
        e = waiting.pop()
        yield e
        parts = children(e)
        if parts:
            waiting.extend(parts[::-1])


def bottom_up(expr: Expr, combine: Callable[[Expr, tuple[R, ...]], R]) -> R:
    """Return what ``combine`` makes of ``expr`` and of its results for the operands.

    Iterative, so that long sums cannot exhaust the stack.
    """
    done: list[R] = []
    waiting: list[tuple[Expr, bool]] = [(expr, False)]
    while waiting:
        e, ready = waiting.pop()
        parts = children(e)
        if ready:
            split = len(done) - len(parts)
            results = tuple(done[split:])
            del done[split:]
            done.append(combine(e, results))
        elif parts:
            waiting.append((e, True))
            waiting.extend((p, False) for p in reversed(parts))
        else:
            done.append(combine(e, ()))
    return done[0]


def rewrite(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return ``expr`` with ``change`` applied to every part of it, operands before their parent."""
    return bottom_up(expr, lambda e, new: change(with_children(e, new) if new else e))


def symbols_in(expr: Expr) -> tuple[Symbol, ...]:
    """Return the symbols that ``expr`` reads, each once, in order of appearance.

    They are elements where single ones are read by number, else vectors.
    """
    found: dict[Symbol, None] = {}
    waiting = [expr]
    while waiting:
        e = waiting.pop()
        if isinstance(e, Ref):
            found[e.symbol] = None
            continue
        if isinstance(e, Element):
            found[e.vector] = None
        elif isinstance(e, Convolve):
            found[e.kernel] = None
            found[e.port] = None
        parts = children(e)
        if parts:
            waiting.extend(parts[::-1])
    return tuple(found)


def substitute(expr: Expr, values: dict[Symbol, Expr]) -> Expr:
    """Return ``expr`` with references replaced by expressions."""
    return rewrite(expr, lambda e: values.get(e.symbol, e) if isinstance(e, Ref) else e)


def is_constant(expr: Expr) -> bool:
    """Return whether ``expr`` changes only with parameters and the step size, never in a step."""
    kinds = (Kind.PARAMETER, Kind.INTERNAL, Kind.STEP)
    return all(s.kind in kinds for s in symbols_in(expr)) and not any(
        isinstance(e, Call) and e.function not in INTRINSICS for e in walk(expr)
    )


def is_random(expr: Expr) -> bool:
    """Return whether ``expr`` draws random numbers itself."""
    return any(isinstance(e, Call) and e.function in RANDOM for e in walk(expr))
