"""Exact values of expressions."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models_under_test import PERFECT, changed, solved
from nestml_truenorth.affine import Affine, Opaque, Scope, Value, decimal, exact
from nestml_truenorth.text import formula

from nestml_core.api import Expr, Symbol


def value_of(text: str, **settings: float) -> Value:
    """Return the value of an expression over V_m (a variable), a = 7, b = -2, n = -7, spikes."""
    model = changed(
        (
            "        V_th mV = 50 mV\n",
            "        V_th mV = 50 mV\n        a real = 7\n        b real = -2\n"
            "        n integer = -7\n",
        ),
        (
            "        V_m' = -leak",
            f"        recordable inline wanted real = {text}\n        V_m' = -leak",
        ),
    )
    (solution,) = solved(model).models
    scope = scope_of(model, **settings)
    wanted = next(r.value for r in solution.recordables if r.symbol.name == "wanted")
    return scope.value(wanted)


def scope_of(text: str, **settings: float) -> Scope:
    (model,) = solved(text).models
    parameters = {d.symbol.name: d.symbol for d in model.parameters}
    given = {parameters[name]: exact(value) for name, value in settings.items()}
    variables = frozenset([model.state[0].symbol, *(p.symbol for p in model.spike_ports)])
    return Scope(model, Fraction(1), given, variables)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b", 5),
        ("a - b", 9),
        ("a * b", -14),
        ("a / b", Fraction(-7, 2)),
        ("a**2", 49),
        ("b**-3", Fraction(-1, 8)),
        ("-a", -7),
        ("n // 2", -3),
        ("n % 2", -1),
        ("min(a, b)", -2),
        ("max(a, b)", 7),
        ("abs(b)", 2),
        ("ceil(a / b)", -3),
        ("floor(a / b)", -4),
        ("round(a / b)", -4),
        ("round(2.5)", 3),
        ("a > b ? 1 : 2", 1),
        ("a > b and not (a < b) ? 1 : 2", 1),
        ("a < b or a == 7 ? 1 : 2", 1),
        ("a > 0 ? a : 1 / (a - 7)", 7),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("V_th / (1 mV)", 50),
        ("inf", math.inf),
        ("-inf + a", -math.inf),
        ("a / inf", 0),
        ("0 * V_m / (1 mV)", 0),
    ],
)
def test_constants(text: str, value: Fraction | float) -> None:
    assert value_of(text) == Affine(value if value in (math.inf, -math.inf) else Fraction(value))


def test_settings_replace_defaults() -> None:
    assert value_of("a + b", a=0.1) == Affine(Fraction(-19, 10))
    assert value_of("a + b", b=float("-inf")) == Affine(-math.inf)


def test_combinations_of_variables() -> None:
    value = value_of("3 * (V_m - V_th) / (2 mV) - V_m / (1 mV) + a")
    assert isinstance(value, Affine)
    assert value.constant == -68
    ((symbol, factor),) = value.terms
    assert symbol.name == "V_m"
    assert factor == Fraction(1, 2)
    assert value.factor(symbol) == Fraction(1, 2)
    assert value.without(symbol) == Affine(Fraction(-68))


def test_terms_that_cancel_are_gone() -> None:
    assert value_of("(V_m - V_m) / (1 mV) + 1") == Affine(Fraction(1))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("exp(a)", "exp(a)"),
        ("a + exp(a) * b", "exp(a)"),
        ("V_m * V_m / (1 mV * 1 mV)", "V_m * V_m"),
        ("1 mV / V_m", "1 / V_m"),
        ("abs(V_m) / (1 mV)", "abs(V_m)"),
        ("max(V_m, 0 mV) / (1 mV)", "max(V_m, 0)"),
        ("a / (b + 2)", "a / (b + 2)"),
        ("a**0.5", "a**0.5"),
        ("inf - inf", "inf - inf"),
        ("V_m > 0 mV ? 1 : 0", "V_m > 0"),
        ("inf * V_m / (1 mV)", "inf * V_m"),
    ],
)
def test_what_has_no_exact_value(text: str, part: str) -> None:
    value = value_of(text)
    assert isinstance(value, Opaque), value
    assert formula(value.expr) == part
    assert value.reason


@given(st.fractions(max_denominator=10**6))
def test_decimals_read_back(value: Fraction) -> None:
    assert Fraction(decimal(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(-5), "-5"),
        (Fraction(1, 4), "0.25"),
        (Fraction(-101, 100), "-1.01"),
        (Fraction(1, 3), "1/3"),
        (Fraction(1200), "1200"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_decimals(value: Fraction | float, text: str) -> None:
    assert decimal(value) == text


def test_exact_is_what_was_written() -> None:
    assert exact(0.1) == Fraction(1, 10)
    assert exact(-2.5e-7) == Fraction(-25, 10**8)
    assert exact(1e22) == 10**22
    assert exact(math.inf) == math.inf


def test_long_sums_do_not_exhaust_the_stack() -> None:
    value = value_of(" + ".join(["a"] * 3000))
    assert value == Affine(Fraction(21000))


def test_names_and_types() -> None:
    (model,) = solved(PERFECT).models
    expressions: list[Expr] = [d.value for d in model.parameters]
    symbols: list[Symbol] = [d.symbol for d in model.parameters]
    assert [s.name for s in symbols] == ["leak", "V_th", "V_reset", "V_min"]
    assert [formula(e) for e in expressions] == ["1", "50", "0", "0"]
