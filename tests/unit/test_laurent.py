"""Roots of sums of products, and the rates of two coupled states."""

from __future__ import annotations

from fractions import Fraction

import pytest

from nestml_core.expr import Binary, Expr, Kind, Symbol, number, ref
from nestml_core.solve import laurent
from nestml_core.types import REAL

A, B, C = (ref(Symbol(name, Kind.PARAMETER)) for name in "abc")


def op(sign: str, left: Expr, right: Expr) -> Expr:
    return Binary(sign, left, right, REAL)


SUMS = [
    number(3),
    A,
    op("+", A, B),
    op("-", op("/", number(1), A), op("/", number(1), B)),
    op("+", op("*", A, A), op("/", B, op("*", number(2), C))),
    op("-", op("**", A, number(-3)), op("+", number(Fraction(1, 2)), op("*", A, C))),
    op("+", op("/", A, op("+", B, C)), number(7)),
]


@pytest.mark.parametrize("e", SUMS)
def test_roots_of_squares(e: Expr) -> None:
    atoms = laurent.Atoms()
    value = atoms.read(e)
    root = laurent.square_root(laurent.product(value, value))
    assert root is not None
    minus = laurent.plus(laurent.ZERO, value, Fraction(-1))
    assert sorted(root.terms) in (sorted(value.terms), sorted(minus.terms))
    assert sorted(atoms.read(atoms.expr(value)).terms) == sorted(value.terms)


@pytest.mark.parametrize(
    "e",
    [
        number(2),
        number(-4),
        A,
        op("-", number(0), op("*", A, A)),
        op("+", op("*", A, A), number(1)),
        op("+", op("*", A, A), op("*", A, B)),
        op("-", op("*", A, A), op("*", B, B)),
    ],
)
def test_what_has_no_root(e: Expr) -> None:
    assert laurent.square_root(laurent.Atoms().read(e)) is None


def test_zero() -> None:
    atoms = laurent.Atoms()
    assert laurent.square_root(atoms.read(op("-", A, A))) == laurent.ZERO
    assert atoms.expr(laurent.ZERO) == number(0)
