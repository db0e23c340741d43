"""Derivatives against complex steps and central differences, and what has none."""

from __future__ import annotations

import math

import pytest

from nestml_core.expr import (
    Binary,
    Call,
    Conditional,
    Constant,
    Expr,
    Kind,
    Symbol,
    Unary,
    integer,
    number,
    ref,
    walk,
)
from nestml_core.model import Function
from nestml_core.printing.nestml import NestmlPrinter
from nestml_core.reference import evaluate
from nestml_core.solve.derivative import Obstacle, breaks, derivative, jacobian
from nestml_core.source import NOWHERE
from nestml_core.stmt import Assign, Branch, Declare, If, Return
from nestml_core.types import BOOLEAN, INTEGER, REAL

X, Y = (Symbol(name, Kind.STATE) for name in "xy")
A = Symbol("a", Kind.PARAMETER)
N = Symbol("n", Kind.PARAMETER, INTEGER)
PRINTER = NestmlPrinter()


def op(a: Expr | float, o: str, b: Expr | float) -> Expr:
    return Binary(o, _expr(a), _expr(b), REAL)


def _expr(e: Expr | float) -> Expr:
    return number(int(e)) if isinstance(e, (int, float)) else e


def of(name: str, *arguments: Expr) -> Expr:
    return Call(name, arguments)


def below(a: Expr | float, b: Expr | float) -> Expr:
    return Binary("<", _expr(a), _expr(b), BOOLEAN)


def when(condition: Expr, a: Expr | float, b: Expr | float) -> Expr:
    return Conditional(condition, _expr(a), _expr(b))


x, y, a, n = ref(X), ref(Y), ref(A), ref(N)
SMOOTH = [
    op(op(x, "*", x), "+", op(x, "*", y)),
    op(op(x, "-", y), "/", op(x, "+", op(y, "*", 3))),
    op(1, "/", op(of("exp", op(x, "/", a)), "+", 1)),
    op(x, "**", 3),
    op(x, "**", n),
    op(x, "**", op(a, "-", y)),
    op(Constant("e"), "**", op(x, "*", y)),
    op(10, "**", Unary("-", x)),
    op(op(x, "-", 3), "/", op(1, "-", of("exp", op(op(3, "-", x), "/", a)))),
    of("ln", op(x, "+", y)),
    of("log10", op(x, "*", 7)),
    of("expm1", op(x, "*", y)),
    of("sin", op(x, "*", x)),
    of("cos", op(x, "/", y)),
    of("tan", op(x, "*", a)),
    of("sinh", x),
    of("cosh", op(x, "*", y)),
    of("tanh", op(x, "-", y)),
    of("erf", op(x, "*", 2)),
    of("erfc", op(x, "-", y)),
    of("abs", op(y, "-", op(x, "*", 5))),
    of("min", op(x, "*", 3), y),
    of("max", op(x, "*", 3), of("exp", y)),
    op(op(x, "*", 9), "%", op(x, "+", y)),
    op(of("floor", op(x, "*", 9)), "*", x),
    op(op(op(x, "*", 9), "//", y), "*", x),
    when(below(x, 1), op(x, "*", y), op(x, "+", y)),
    when(below(1, x), op(x, "*", y), op(of("exp", x), "*", y)),
    op(op(n, "*", x), "/", op(n, "+", x)),
]


@pytest.mark.parametrize("e", SMOOTH, ids=PRINTER.expr)
@pytest.mark.parametrize("variable", [X, Y], ids=lambda s: s.name)
def test_against_central_differences(e: Expr, variable: Symbol) -> None:
    """Richardson's extrapolation of central differences is good to ten digits here."""
    given = {X: 0.37, Y: 0.83, A: 1.7, N: 4}

    def value(shift: float) -> float:
        found = evaluate(e, {**given, variable: given[variable] + shift}).value
        assert found is not None
        return float(found)

    def slope(h: float) -> float:
        return (value(h) - value(-h)) / (2 * h)

    expected = (4 * slope(5e-4) - slope(1e-3)) / 3
    found = derivative(e, variable)
    assert not isinstance(found, Obstacle)
    got = evaluate(found, given).value
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_results_are_simple() -> None:
    gate = op(op(a, "*", op(1, "-", x)), "-", op(y, "*", x))
    assert PRINTER.expr(_ok(gate, X)) == "-a - y"
    assert PRINTER.expr(_ok(op(x, "**", 2), X)) == "2 * x"
    assert _ok(op(of("exp", a), "*", y), X) == number(0)


def _ok(e: Expr, s: Symbol) -> Expr:
    found = derivative(e, s)
    assert not isinstance(found, Obstacle)
    return found


def test_a_long_sum_needs_no_deep_recursion() -> None:
    e: Expr = x
    for _ in range(20000):
        e = op(e, "+", op(y, "*", x))
    assert not isinstance(derivative(e, X), Obstacle)


# Functions of the model


def function(body: tuple[object, ...], name: str = "f") -> Function:
    z = Symbol("z", Kind.ARGUMENT)
    result = Symbol("", Kind.LOCAL, REAL)
    return Function(name, (z,), result, body, NOWHERE)  # type: ignore[arg-type]


z = ref(Symbol("z", Kind.ARGUMENT))
w = Symbol("w", Kind.LOCAL)


def row(f: Function, e: Expr) -> tuple[Expr, ...] | Obstacle:
    found = jacobian([e], [X, Y], {f.name: f})
    return found if isinstance(found, Obstacle) else found[0]


def test_functions_of_one_expression_are_looked_into() -> None:
    f = function((Return(op(z, "*", of("exp", z))),))
    found = row(f, op(of("f", op(x, "*", 2)), "*", y))
    assert not isinstance(found, Obstacle)
    assert not any(isinstance(p, Call) and p.function == "f" for e in found for p in walk(e))
    got = evaluate(found[0], {X: 0.3, Y: 2.0}).value
    assert got == pytest.approx(2 * 2 * math.exp(0.6) * (1 + 0.6), rel=1e-14)


def test_so_are_locals_and_branches() -> None:
    f = function(
        (
            Declare(w, op(z, "*", z)),
            If((Branch(below(z, 0), (Return(Unary("-", ref(w))),)),), ()),
            Return(op(ref(w), "*", 3)),
        )
    )
    found = row(f, of("f", x))
    assert not isinstance(found, Obstacle)
    for at, slope in ((-2.0, 4.0), (2.0, 12.0)):
        assert evaluate(found[0], {X: at}).value == pytest.approx(slope)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ((Return(of("random_normal", z, z)),), "`random_normal` is random"),
        ((Return(of("f", z)),), "`f` calls itself, or too many others"),
        (
            (Declare(w, z), Assign(w, z), Return(ref(w))),
            "`f` does more than compute one expression",
        ),
        ((If((Branch(below(z, 0), ()),), ()),), "`f` does more than compute one expression"),
    ],
)
def test_obstacles(body: tuple[object, ...], why: str) -> None:
    found = row(function(body), of("f", x))
    assert isinstance(found, Obstacle)
    assert found.message == why


def test_rounded_arguments_are_an_obstacle() -> None:
    whole = Symbol("z", Kind.ARGUMENT, INTEGER)
    f = Function("f", (whole,), Symbol("", Kind.LOCAL, REAL), (Return(ref(whole)),), NOWHERE)
    found = jacobian([of("f", x)], [X], {"f": f})
    assert isinstance(found, Obstacle)
    assert found.message == "`f` rounds its argument `z`"
    assert jacobian([of("f", integer(3))], [X], {"f": f}) == ((number(0),),)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (op(y, "*", op(x, "-", 3)), False),
        (when(below(y, 0), x, op(x, "*", 2)), False),
        (when(below(x, 0), 3, 5), True),
        (of("min", x, y), False),  # has no joint but where its slope changes
        (of("floor", x), True),
        (op(x, "%", 3), True),
        (of("f", x), True),
        (of("f", y), False),
    ],
)
def test_what_may_jump_where_its_slope_does_not(value: Expr, expected: bool) -> None:
    f = function((If((Branch(below(z, 0), (Return(x),)),), ()), Return(op(x, "+", 1))))
    assert breaks(value, X, {"f": f}) is expected
