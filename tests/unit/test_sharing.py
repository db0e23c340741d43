"""Repeated parts of expressions are computed once, and mean the same."""

from __future__ import annotations

import math
import random

import pytest

from nestml_core.expr import (
    Binary,
    Call,
    Conditional,
    Expr,
    Kind,
    Symbol,
    integer,
    number,
    ref,
    walk,
)
from nestml_core.reference.expressions import Compiler, Slots, Values
from nestml_core.sharing import share
from nestml_core.solved import Definition
from nestml_core.types import BOOLEAN, INTEGER, REAL

X, Y = (Symbol(name, Kind.STATE) for name in "xy")
N = Symbol("n", Kind.STATE, INTEGER)


def op(a: Expr, o: str, b: Expr) -> Binary:
    return Binary(o, a, b, REAL)


def exp(e: Expr) -> Expr:
    return Call("exp", (e,))


def value(definitions: tuple[Definition, ...], e: Expr, given: dict[Symbol, float]) -> float:
    slots = Slots()
    compiler = Compiler(slots, lambda _: lambda _values, x: math.fabs(x))
    steps = [(compiler.slot(d.symbol), compiler.expr(d.value)) for d in definitions]
    last = compiler.expr(e)
    v: Values = [0.0] * len(slots)
    for symbol, x in given.items():
        v[slots.at(symbol)] = x
    v += [0.0] * (len(slots) - len(v))
    for slot, f in steps:
        v[slot] = f(v)
    return float(last(v))


def calls(*exprs: Expr) -> int:
    return sum(isinstance(part, Call) for e in exprs for part in walk(e))


def test_calls_are_shared_and_sums_of_two_are_not() -> None:
    both = (op(exp(op(ref(X), "-", ref(Y))), "+", ref(X)), exp(op(ref(X), "-", ref(Y))))
    definitions, new = share(both)
    assert [d.symbol.name for d in definitions] == ["shared_1"]
    assert definitions[0].value == both[1]
    assert calls(*new) == 0
    cheap = op(ref(X), "-", ref(Y))
    assert share((cheap, cheap)) == ((), (cheap, cheap))


def test_what_stands_inside_a_shared_part_only_is_not_shared_again() -> None:
    inner = op(number(1), "/", op(ref(X), "+", ref(Y)))
    definitions, _ = share((exp(inner), exp(inner)))
    assert [d.value for d in definitions] == [exp(inner)]


def test_definitions_come_before_their_uses() -> None:
    a = exp(ref(X))
    b = exp(op(a, "+", ref(Y)))
    definitions, new = share((a, b, op(b, "*", ref(X))))
    assert [d.value for d in definitions] == [a, exp(op(ref(definitions[0].symbol), "+", ref(Y)))]
    assert calls(*new) == 0


def test_taken_names_are_left_alone() -> None:
    definitions, _ = share((exp(ref(X)), exp(ref(X))), taken=("shared_1",))
    assert definitions[0].symbol.name == "shared_2"


def test_types_tell_numbers_apart() -> None:
    power = Binary("**", ref(X), integer(3), REAL)
    other = Binary("**", ref(X), number(3), REAL)
    assert share((power, other))[0] == ()


def branch(e: Expr) -> Expr:
    return Conditional(Binary(">", ref(X), number(0), BOOLEAN), e, ref(Y))


@pytest.mark.parametrize(
    "fails",
    [
        Call("own_function", (ref(X),)),
        op(Binary("//", integer(7), ref(N), INTEGER), "*", exp(ref(Y))),
    ],
)
def test_what_may_fail_stays_in_its_branch(fails: Expr) -> None:
    whole = (branch(fails), op(branch(fails), "*", number(2)))
    definitions, _ = share(whole)
    for d in definitions:
        assert isinstance(d.value, Conditional) or not any(x == fails for x in walk(d.value))
    assert share((branch(fails), branch(op(fails, "+", number(1)))))[0] in (
        (),
        tuple(d for d in share((exp(ref(Y)), exp(ref(Y))))[0]),
    )
    always, _ = share((fails, branch(op(fails, "+", number(1)))))
    assert always[-1].value == fails or any(d.value == fails for d in always)


def test_what_cannot_fail_may_leave_its_branch() -> None:
    definitions, _ = share((branch(exp(ref(Y))), branch(op(exp(ref(Y)), "+", number(1)))))
    assert [d.value for d in definitions] == [exp(ref(Y))]


def test_a_long_sum_needs_no_deep_recursion() -> None:
    e: Expr = exp(ref(X))
    for _ in range(20000):
        e = op(e, "+", exp(ref(X)))
    definitions, new = share((e,))
    assert [d.value for d in definitions] == [exp(ref(X))]
    assert calls(*new) == 0


def some(generator: random.Random, depth: int) -> Expr:
    if depth == 0:
        return generator.choice([ref(X), ref(Y), number(2), number(3)])
    match generator.randrange(6):
        case 0:
            return exp(op(number(0), "-", Call("abs", (some(generator, depth - 1),))))
        case 1:
            return branch(some(generator, depth - 1))
        case 2:
            return Call("tanh", (some(generator, depth - 1),))
        case _:
            o = generator.choice("+-*")
            return op(some(generator, depth - 1), o, some(generator, depth - 1))


@pytest.mark.parametrize("seed", range(30))
def test_the_meaning_stays(seed: int) -> None:
    generator = random.Random(seed)
    expressions = tuple(some(generator, 7) for _ in range(3))
    definitions, new = share(expressions)
    assert share(expressions) == (definitions, new)
    for given in ({X: 0.3, Y: -0.7}, {X: -1.2, Y: 0.4}):
        for e, shared in zip(expressions, new, strict=True):
            assert value(definitions, shared, given) == value((), e, given)
