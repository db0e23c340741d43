"""Exact derivatives of expressions, and what stands in their way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from nestml_core.expr import (
    INTRINSICS,
    RANDOM,
    Binary,
    Call,
    Conditional,
    Constant,
    Element,
    Expr,
    Number,
    Ref,
    Symbol,
    Unary,
    bottom_up,
    number,
    rewrite,
    substitute,
    symbols_in,
    walk,
)
from nestml_core.model import Function
from nestml_core.solve.algebra import ONE, ZERO, is_zero, minus, over, plus, scaled, times
from nestml_core.source import Span
from nestml_core.stmt import Branch, Declare, If, Return, Stmt
from nestml_core.types import BOOLEAN, REAL, Base

DEEPEST = 16
"""How deep functions of a model may call each other where a derivative is wanted."""

PI = Constant("pi")
Functions = Mapping[str, Function]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an expression has no derivative that can be written down."""

    span: Span
    message: str


class _Blocked(Exception):
    """Carries an obstacle out of nested calls; never leaves this module."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.message)
        self.obstacle = obstacle


def jacobian(
    values: Sequence[Expr],
    variables: Sequence[Symbol],
    functions: Functions = MappingProxyType({}),
) -> tuple[tuple[Expr, ...], ...] | Obstacle:
    """Return the derivatives of ``values`` with respect to ``variables``: one row for each value.

    Where a value is defined piecewise (conditional expressions, ``min``, ``max``, ``abs``,
    rounding), so are its derivatives; at the joints they are those of one side.

    Parameters
    ----------
    functions : of the model, by name; calls are replaced by their bodies
    """
    try:
        bodies = [without_calls(v, functions) for v in values]
    except _Blocked as found:
        return found.obstacle
    vectors = {x.owner for x in variables if x.vector is not None}
    rows: list[tuple[Expr, ...]] = []
    for body in bodies:
        for e in walk(body):
            if isinstance(e, Element) and e.vector in vectors:
                return Obstacle(e.span, f"which element of `{e.vector.name}` is read is computed")
        read = set(symbols_in(body))
        row: list[Expr] = []
        for x in variables:
            entry = derivative(body, x) if x in read else ZERO
            if isinstance(entry, Obstacle):
                return entry
            row.append(entry)
        rows.append(tuple(row))
    return tuple(rows)


def breaks(e: Expr, x: Symbol, functions: Functions = MappingProxyType({})) -> bool:
    """Return whether ``e``, which has a derivative, is defined piecewise in ``x``.

    At the joints it may jump even where its derivative is the same on both sides.
    """
    for part in walk(without_calls(e, functions)):
        match part:
            case Conditional(condition):
                pieces: tuple[Expr, ...] = (condition,)
            case Call("ceil" | "floor" | "round" | "truncate", arguments):
                pieces = arguments
            case Binary("//" | "%", left, right):
                pieces = (left, right)
            case _:
                continue
        if any(x in symbols_in(p) for p in pieces):
            return True
    return False


def derivative(e: Expr, x: Symbol) -> Expr | Obstacle:
    """Return the derivative of ``e``, which calls intrinsics only, with respect to ``x``."""

    def slope(part: Expr, slopes: tuple[Expr, ...]) -> Expr:
        if not slopes:
            return ONE if isinstance(part, Ref) and part.symbol == x else ZERO
        return ZERO if all(map(is_zero, slopes)) else _slope(part, slopes)

    try:
        return bottom_up(e, slope)
    except _Blocked as found:
        return found.obstacle


def _slope(e: Expr, slopes: tuple[Expr, ...]) -> Expr:
    """Return the derivative of ``e`` from those of its operands, not all of which are zero."""
    if e.type.base not in (Base.REAL, Base.QUANTITY):
        return ZERO  # whole numbers, truth values: piecewise constant
    match e:
        case Unary("-"):
            return scaled(Fraction(-1), slopes[0])
        case Binary():
            return _binary(e, *slopes)
        case Conditional():
            return _chosen(e.condition, slopes[1], slopes[2])
        case Call():
            return _call(e, slopes)
        case _:
            raise _Blocked(Obstacle(e.span, f"`{e.span.text}` has no derivative"))


def _binary(e: Binary, da: Expr, db: Expr) -> Expr:
    a, b = e.left, e.right
    match e.op:
        case "+":
            return plus(da, db)
        case "-":
            return minus(da, db)
        case "*":
            return plus(times(da, b), times(a, db))
        case "/":
            if is_zero(db):
                return over(da, b)
            # a'/b - (a/b) b'/b: the quotient itself is there already
            return minus(over(da, b), over(times(e, db), b))
        case "**":
            return _power(e, da, db)
        case "//":
            return ZERO
        case "%":
            return minus(da, times(Binary("//", a, b, REAL, e.span), db))
        case op:
            raise _Blocked(Obstacle(e.span, f"`{op}` has no derivative"))


def _power(e: Binary, da: Expr, db: Expr) -> Expr:
    a, b = e.left, e.right
    result: Expr = ZERO
    if not is_zero(da):
        result = times(times(b, _lowered(a, b)), da)
    if not is_zero(db):
        logarithm = ONE if a == Constant("e") else Call("ln", (a,))
        result = plus(result, times(times(e, logarithm), db))
    return result


def _lowered(a: Expr, b: Expr) -> Expr:
    """Return ``a ** (b - 1)``."""
    if isinstance(b, Number):
        exponent = b.value - 1
        if exponent in (0, 1):
            return a if exponent else ONE
        return Binary("**", a, Number(exponent, b.type, b.span), REAL)
    one = Number(Fraction(1), b.type)
    return Binary("**", a, Binary("-", b, one, b.type), REAL)


def _call(e: Call, slopes: tuple[Expr, ...]) -> Expr:
    u, du = e.arguments[0], slopes[0]
    if e.function in OF_ONE:
        return OF_ONE[e.function](e, u, du)
    match e.function:
        case "abs":
            return _chosen(Binary("<", u, ZERO, BOOLEAN), _negative(du), du)
        case "min" | "max":
            other, d_other = e.arguments[1], slopes[1]
            op = "<" if e.function == "min" else ">"
            return _chosen(Binary(op, other, u, BOOLEAN), d_other, du)
        case "ceil" | "floor" | "round" | "truncate":
            return ZERO
        case name:
            raise _Blocked(Obstacle(e.span, f"the function `{name}` has no known derivative"))


def _negative(e: Expr) -> Expr:
    return scaled(Fraction(-1), e)


def _bell(u: Expr, factor: int, du: Expr) -> Expr:
    """Return ``factor exp(-u**2) / sqrt(pi) u'``."""
    bell = Call("exp", (_negative(times(u, u)),))
    root = Binary("**", PI, number(Fraction(1, 2)))
    return scaled(Fraction(factor), over(times(bell, du), root))


OF_ONE: Mapping[str, Callable[[Expr, Expr, Expr], Expr]] = MappingProxyType(
    {
        "exp": lambda e, _, du: times(e, du),
        "expm1": lambda _, u, du: times(Call("exp", (u,)), du),
        "ln": lambda _, u, du: over(du, u),
        "log10": lambda _, u, du: over(du, times(u, Call("ln", (number(10),)))),
        "sin": lambda _, u, du: times(Call("cos", (u,)), du),
        "cos": lambda _, u, du: _negative(times(Call("sin", (u,)), du)),
        "tan": lambda e, _, du: times(plus(ONE, times(e, e)), du),
        "sinh": lambda _, u, du: times(Call("cosh", (u,)), du),
        "cosh": lambda _, u, du: times(Call("sinh", (u,)), du),
        "tanh": lambda e, _, du: times(minus(ONE, times(e, e)), du),
        "erf": lambda _, u, du: _bell(u, 2, du),
        "erfc": lambda _, u, du: _bell(u, -2, du),
    }
)
"""Derivatives of functions of one argument: from the call, its argument and the slope of that."""


def _chosen(condition: Expr, then: Expr, otherwise: Expr) -> Expr:
    return then if then == otherwise else Conditional(condition, then, otherwise, REAL)


# Functions of the model


def without_calls(e: Expr, functions: Functions, depth: int = 0) -> Expr:
    """Return ``e`` with calls of functions of the model replaced by what they return."""
    if not any(isinstance(x, Call) and x.function not in INTRINSICS for x in walk(e)):
        return e
    return rewrite(e, lambda part: _expanded(part, functions, depth))


def expanded(values: Sequence[Expr], functions: Functions) -> tuple[Expr, ...] | None:
    """Return ``values`` without calls of functions of the model; None if these do more than compute
    one expression."""
    try:
        return tuple(without_calls(v, functions) for v in values)
    except _Blocked:
        return None


def _expanded(e: Expr, functions: Functions, depth: int) -> Expr:
    if not isinstance(e, Call) or e.function in INTRINSICS:
        return e
    if e.function in RANDOM:
        raise _Blocked(Obstacle(e.span, f"`{e.function}` is random"))
    f = functions[e.function]
    if depth >= DEEPEST:
        raise _Blocked(Obstacle(e.span, f"`{f.name}` calls itself, or too many others"))
    given: dict[Symbol, Expr] = {}
    for argument, value in zip(f.arguments, e.arguments, strict=True):
        if not _keeps(argument, value):
            raise _Blocked(Obstacle(e.span, f"`{f.name}` rounds its argument `{argument.name}`"))
        given[argument] = value
    result = _returned(f.body, given)
    if result is None or not _keeps(f.result, result):
        message = f"`{f.name}` does more than compute one expression"
        raise _Blocked(Obstacle(e.span, message))
    return without_calls(result, functions, depth + 1)


def _keeps(symbol: Symbol, value: Expr) -> bool:
    """Return whether ``symbol`` takes over ``value`` as it is."""
    whole = (Base.INTEGER, Base.BOOLEAN)
    return symbol.type.base not in whole or value.type.base is symbol.type.base


def _returned(body: tuple[Stmt, ...], known: dict[Symbol, Expr]) -> Expr | None:
    """Return what a body that only declares, branches and returns gives back."""
    known = dict(known)
    for i, stmt in enumerate(body):
        match stmt:
            case Declare(symbol, value):
                value = substitute(value, known)
                if not _keeps(symbol, value):
                    return None
                known[symbol] = value
            case Return(value) if value is not None:
                return substitute(value, known)
            case If(branches, otherwise):
                return _branched(branches, otherwise, body[i + 1 :], known)
            case _:
                return None
    return None


def _branched(
    branches: tuple[Branch, ...],
    otherwise: tuple[Stmt, ...],
    rest: tuple[Stmt, ...],
    known: dict[Symbol, Expr],
) -> Expr | None:
    """Return what branches give back; one that does not return goes on with ``rest``."""
    result = _returned((*otherwise, *rest), known)
    for branch in reversed(branches):
        then = _returned((*branch.body, *rest), known)
        if then is None or result is None:
            return None
        condition = substitute(branch.condition, known)
        result = Conditional(condition, then, result, REAL, then.span)
    return result
