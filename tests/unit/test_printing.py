"""Printed expressions mean what the tree says, in every language that can be run here."""

from __future__ import annotations

import ast
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestml_core.expr import Binary, Call, Conditional, Expr, Kind, Number, Symbol, Unary, ref
from nestml_core.naming import C_RESERVED, identifiers, safe
from nestml_core.printing.c import CPrinter, c_string
from nestml_core.printing.python import PythonPrinter
from nestml_core.types import BOOLEAN, INTEGER, REAL

X, Y = (Symbol(n, Kind.STATE) for n in "xy")


def real(v: str) -> Number:
    return Number(Fraction(v), REAL)


REALS = st.recursive(
    st.sampled_from([ref(X), ref(Y), real("2"), real("0.5"), real("-3")]),
    lambda inner: st.one_of(
        st.builds(Binary, st.sampled_from("+-*"), inner, inner),
        st.builds(lambda e: Unary("-", e), inner),
        st.builds(
            lambda op, a, b, c, d: Conditional(Binary(op, a, b, BOOLEAN), c, d),
            st.sampled_from(["<", ">=", "=="]),
            inner,
            inner,
            inner,
            inner,
        ),
    ),
    max_leaves=10,
)


def value(e: Expr, x: float, y: float) -> float | bool:
    match e:
        case Number(v):
            return float(v)
        case Unary(_, operand):
            return -value(operand, x, y)
        case Conditional(condition, then, otherwise):
            return value(then if value(condition, x, y) else otherwise, x, y)
        case Binary(op, left, right):
            a, b = value(left, x, y), value(right, x, y)
            results = {"+": a + b, "-": a - b, "*": a * b, "<": a < b, ">=": a >= b, "==": a == b}
            return results[op]
        case _:
            return x if e == ref(X) else y


def python_value(node: ast.expr, x: float, y: float) -> float | bool:
    """Evaluate what ``PythonPrinter`` printed, by Python's own parser."""
    match node:
        case ast.Constant(v):
            assert isinstance(v, float)
            return v
        case ast.Name(name):
            return {"x": x, "y": y}[name]
        case ast.UnaryOp(ast.USub(), operand):
            return -python_value(operand, x, y)
        case ast.IfExp(test, body, otherwise):
            return python_value(body if python_value(test, x, y) else otherwise, x, y)
        case ast.Compare(left, [op], [right]):
            a, b = python_value(left, x, y), python_value(right, x, y)
            return {ast.Lt: a < b, ast.GtE: a >= b, ast.Eq: a == b}[type(op)]
        case ast.BinOp(left, op, right):
            a, b = python_value(left, x, y), python_value(right, x, y)
            return {ast.Add: a + b, ast.Sub: a - b, ast.Mult: a * b}[type(op)]
    raise AssertionError(ast.dump(node))


@given(REALS, st.sampled_from([-1.5, 0.0, 2.0]), st.sampled_from([0.25, 3.0]))
def test_python_reads_back_what_was_printed(e: Expr, x: float, y: float) -> None:
    text = PythonPrinter().expr(e)
    assert python_value(ast.parse(text, mode="eval").body, x, y) == value(e, x, y)


@pytest.mark.parametrize(
    ("e", "text"),
    [
        (Binary("-", ref(X), Binary("-", ref(Y), ref(X))), "x - (y - x)"),
        (Binary("/", ref(X), Binary("*", ref(Y), ref(X))), "x / (y * x)"),
        (Unary("-", Unary("-", ref(X))), "-(-x)"),
        (Binary("-", ref(X), real("-2")), "x - -2.0"),
        (Binary("**", ref(X), real("2")), "x * x"),
        (Unary("-", Binary("**", ref(X), real("2"))), "-(x * x)"),
        (Binary("**", Binary("+", ref(X), ref(Y)), real("2")), "std::pow(x + y, 2.0)"),
        (
            Binary("/", Number(Fraction(1), INTEGER), Number(Fraction(2), INTEGER)),
            "static_cast<double>(1L) / 2L",
        ),
        (Binary("//", ref(X), ref(Y)), "std::trunc(x / y)"),
        (Call("expdd", (ref(X), ref(Y), real("0"))), "expdd(x, {y, 0.0})"),
        (Number(Fraction(1, 3)), "0.3333333333333333"),
        (Number(Fraction(10) ** 30), "1e+30"),
    ],
)
def test_c_text(e: Expr, text: str) -> None:
    assert CPrinter().expr(e) == text


def test_long_sums_do_not_exhaust_the_stack() -> None:
    e: Expr = ref(X)
    for _ in range(20_000):
        e = Binary("+", e, ref(Y))
    assert CPrinter().expr(e).count("+") == 20_000


def test_python_is_not_trusted_with_rounding() -> None:
    """Halves go away from zero; the backend says how, evaluating the argument once."""
    e = Call("round", (Call("random_normal", (real("0"), real("1"))),))
    assert PythonPrinter().expr(e) == "round_half_away(random_normal(0.0, 1.0))"


@given(st.text())
def test_strings_cannot_break_out_of_c(text: str) -> None:
    printed = c_string(text)
    body = printed[1:-1]
    assert all(32 <= ord(c) < 127 for c in printed)
    assert "\n" not in printed
    unescaped = bytearray()
    i = 0
    while i < len(body):
        if body[i] != "\\":
            assert body[i] != '"'
            unescaped.append(ord(body[i]))
            i += 1
        elif body[i + 1] in '"\\?':
            unescaped.append(ord(body[i + 1]))
            i += 2
        else:
            unescaped.append(int(body[i + 1 : i + 4], 8))
            i += 4
    assert bytes(unescaped).decode("utf-8", "surrogatepass") == text


def test_names_are_unique_and_free() -> None:
    symbols = [Symbol(n, Kind.STATE) for n in ("g'", "g__d", "double", "double_", "_V", "__x", "x")]
    names = identifiers(symbols, C_RESERVED, taken={"x"})
    assert len(set(names.values())) == len(symbols)
    assert names[symbols[0]] == "g__d"
    for name in names.values():
        assert name not in C_RESERVED
        assert name != "x"
        assert not name.startswith("__")
        assert not (name[0] == "_" and name[1].isupper())
    assert safe("class", C_RESERVED) == "class_"
