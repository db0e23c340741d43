"""The types of operators and functions, and what may be stored where: one probe for each rule."""

from __future__ import annotations

import pytest

from nestml_core.diagnostics import Severity
from nestml_core.expr import Expr
from nestml_core.pipeline import resolved_models
from nestml_core.source import Source

MODEL = """\
model m:
    parameters:
        V mV = 2 mV
        W V = 3 V
        I pA = 5 pA
        n integer = 7
        k integer = 2
        r real = 1.5
        b boolean = true
        s string = "a"
        tau ms = 10 ms
        p real = 2
    internals:
        two integer = 1 + 1
        half real = 1 / two
        kelvin K = 300 K
    state:
        x {type} = {value}
        y {type} = {value}
    function plain(a real) real:
        return a
    function volts(a V) mV:
        return a
    function nothing():
        return
    update:
        {statement}
"""
SHIFT = "x = y"


def probe(type: str, value: str, statement: str = SHIFT) -> tuple[str, str]:
    """Return the type of the value and the codes about it, the most severe first."""
    text = MODEL.format(type=type, value=value, statement=statement)
    result = resolved_models(Source("m.nestml", text))
    rank = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.HINT: 2}
    about = [d for d in result.diagnostics if d.code.id.startswith("NML2")]
    others = [d for d in result.diagnostics if d.is_error and d not in about]
    assert not others, others
    found = sorted(about, key=lambda d: (rank[d.code.severity], d.code.id))
    codes = " ".join(dict.fromkeys(d.code.id for d in found))
    if result.value is None:
        return "", codes
    return str(stored(result.value[0].state[0].value)), codes


def stored(value: Expr) -> object:
    return value.type


INT, REAL, MV = "integer", "real", "mV"

OPERATORS = [
    # value, stored in, its type, codes
    ("n + k", INT, INT, ""),
    ("n * k", INT, INT, ""),
    ("n - 1", INT, INT, ""),
    ("n + r", REAL, REAL, ""),
    ("r * k", REAL, REAL, ""),
    ("n / k", REAL, REAL, ""),
    ("n / k", INT, INT, "NML217"),
    ("r / n", REAL, REAL, ""),
    ("V * r", MV, MV, ""),
    ("n * V", MV, MV, ""),
    ("V / k", MV, MV, ""),
    ("1 / tau", "1/ms", "1/ms", ""),
    ("r / V", "1/mV", "1/mV", ""),
    ("V * I", "fW", "mV*pA", ""),
    ("I / V", "nS", "pA/mV", ""),
    ("V / V", REAL, REAL, ""),
    ("V + V", MV, MV, ""),
    ("W + V", MV, "V", ""),
    ("V - W", "V", MV, ""),
    ("V + I", MV, "", "NML202"),
    ("V - tau", MV, "", "NML202"),
    ("V + 2", MV, MV, "NML204"),
    ("r - V", MV, MV, "NML204"),
    ("n - V", MV, MV, "NML204"),
    ("n + V", MV, MV, "NML204"),
    ("n % k", INT, INT, ""),
    ("r % k", REAL, "", "NML201"),
    ("V % 2", MV, "", "NML201"),
    ("n % 0", INT, "", "NML214"),
    ("n // k", INT, INT, ""),
    ("r // k", REAL, REAL, ""),
    ("W // V", REAL, "V/mV", ""),
    ("W // 2", "V", "V", "NML216"),
    ("n // 0", INT, "", "NML214"),
    ("r / 0.0", REAL, "", "NML214"),
    ("r ** n", REAL, REAL, ""),
    ("n ** 2", INT, INT, ""),
    ("n ** two", INT, INT, ""),
    ("2 ** -1", REAL, REAL, ""),
    ("2 ** n", REAL, REAL, ""),
    ("n ** r", REAL, REAL, ""),
    ("r ** V", REAL, "", "NML208"),
    ("V ** 2", "mV**2", "mV**2", ""),
    ("V ** 0", REAL, REAL, ""),
    ("V ** (3 - 1)", "mV**2", "mV**2", ""),
    ("V ** -(1 / 2)", "mV**-(1/2)", "mV**(-1/2)", ""),
    ("V ** (7 % 4)", "mV**3", "mV**3", ""),
    ("W ** 0.5", "mV**(1/2)", "mV**(1/2)", ""),
    ("V ** two", "mV**2", "mV**2", ""),
    ("V ** half", "mV**(1/2)", "mV**(1/2)", ""),
    ("V ** p", "mV**2", "", "NML208"),
    ("V ** n", MV, "", "NML208"),
    ("(5 percent) ** r", REAL, REAL, ""),
    ("(V / W) ** r", REAL, REAL, ""),
    ("b ** 2", REAL, "", "NML201"),
    ("-V", MV, MV, ""),
    ("+n", INT, INT, ""),
    ("-b", INT, "", "NML201"),
    ("-s", INT, "", "NML201"),
    ("~n", INT, INT, ""),
    ("~r", INT, "", "NML201"),
    ("n & k", INT, INT, ""),
    ("n << 2", INT, INT, ""),
    ("b & true", "boolean", "boolean", ""),
    ("b ^ b", "boolean", "boolean", ""),
    ("b << b", "boolean", "", "NML201"),
    ("r | n", INT, "", "NML201"),
    ("n < r", "boolean", "boolean", ""),
    ("V < W", "boolean", "boolean", ""),
    ("V == V", "boolean", "boolean", ""),
    ("b == true", "boolean", "boolean", ""),
    ("b < true", "boolean", "boolean", ""),
    ('s == "b"', "boolean", "boolean", ""),
    ('s < "b"', "boolean", "boolean", ""),
    ("V > 1", "boolean", "boolean", "NML204"),
    ("V > I", "boolean", "", "NML202"),
    ("b == 1", "boolean", "", "NML201"),
    ("s == 1", "boolean", "", "NML201"),
    ("1 < n < 3", "boolean", "", "NML201"),
    ("b and n", "boolean", "", "NML201"),
    ("not n", "boolean", "", "NML201"),
    ("not b or n > 1", "boolean", "boolean", ""),
    ("b ? n : k", INT, INT, ""),
    ("b ? n : r", REAL, REAL, ""),
    ("b ? V : W", MV, MV, ""),
    ("b ? W : V", MV, "V", ""),
    ("b ? V : 0", MV, MV, "NML204"),
    ("b ? 1 : V", MV, MV, "NML204"),
    ("b ? V : I", MV, "", "NML202"),
    ('b ? 1 : "s"', REAL, "", "NML201"),
    ("b ? b : 1.5", REAL, "", "NML201"),
    ("n ? 1 : 2", INT, "", "NML205"),
    ('s + "b"', "string", "string", ""),
    ("s + 1", "string", "string", ""),
    ("V + s", "string", "string", ""),
    ("b + s", "string", "string", ""),
    ('s - "b"', "string", "", "NML201"),
    ("b + b", INT, "", "NML201"),
    ("b * 2", INT, "", "NML201"),
]

FUNCTIONS = [
    ("exp(n)", REAL, REAL, ""),
    ("exp(V)", REAL, REAL, "NML213"),
    ("exp(5 percent)", REAL, REAL, ""),
    ("ln(b)", REAL, "", "NML207"),
    ("max(1, 2.5)", REAL, REAL, ""),
    ("max(n, k)", INT, INT, ""),
    ("max(V, W)", MV, MV, ""),
    ("min(W, V)", MV, "V", ""),
    ("max(V, 2)", MV, "", "NML202"),
    ("max(V, I)", MV, "", "NML202"),
    ("max(b, b)", INT, "", "NML207"),
    ("clip(V, 1 mV, W)", MV, MV, ""),
    ("clip(V, 0, W)", MV, "", "NML202"),
    ("abs(V)", MV, MV, ""),
    ("abs(n)", INT, INT, ""),
    ("floor(r)", REAL, REAL, ""),
    ("floor(r)", INT, INT, ""),
    ("round(n)", INT, INT, ""),
    ("ceil(V)", MV, MV, "NML216"),
    ("round(V / 1 mV)", INT, INT, ""),
    ("pow(V, 2)", "mV**2", "mV**2", ""),
    ("pow(2, n)", REAL, REAL, ""),
    ("random_normal(0, 1)", REAL, REAL, ""),
    ("random_normal(V, W)", MV, MV, ""),
    ("random_normal(0, 1 mV)", MV, "", "NML202"),
    ("random_uniform(V, 2)", MV, "", "NML202"),
    ("random_poisson(3)", INT, INT, ""),
    ("steps(1 s)", INT, INT, ""),
    ("steps(V)", INT, "", "NML203"),
    ("resolution()", "ms", "ms", ""),
    ("exp(1, 2)", REAL, "", "NML206"),
    ("plain(V)", REAL, REAL, "NML219"),
    ("volts(V)", "V", MV, ""),
    ("volts(I)", MV, "", "NML203"),
    ("volts(1)", MV, "", "NML203"),
    ("volts()", MV, "", "NML206"),
    ("nothing()", REAL, "", "NML209"),
    ('print("a")', REAL, "", "NML209"),
    ("1 + nothing()", REAL, "", "NML201"),
    ("inf * 1 mV", MV, MV, ""),
]

STORED = [
    ("n", REAL, INT, ""),
    ("r", INT, INT, "NML217"),
    ("2.0", INT, INT, ""),
    ("2.5", INT, INT, "NML217"),
    ("b", REAL, REAL, "NML218"),
    ("r", "boolean", "boolean", "NML218"),
    ("n", "boolean", "", "NML203"),
    ("b", INT, "", "NML203"),
    ("W", REAL, "V", "NML219"),
    ("W", INT, "", "NML203"),
    ("W / V", INT, INT, "NML217"),
    ("r", MV, "", "NML203"),
    ("1", MV, "", "NML203"),
    ("1", "ms/s", INT, ""),
    ("r", "percent", REAL, ""),
    ("W", MV, "V", ""),
    ("V", "V", MV, ""),
    ("V", "pA", "", "NML203"),
    ("1", "string", "", "NML203"),
    ("s", REAL, "", "NML203"),
    ("s", MV, "", "NML203"),
    ("b", MV, "", "NML203"),
    ("1", "2/ms", "", "NML210"),
    ("1", "deg_C", "", "NML210"),
    ("1", "mV**0", INT, ""),
    ("kelvin", "mK", "K", ""),
]


@pytest.mark.parametrize(("value", "type", "expected", "codes"), OPERATORS)
def test_operators(value: str, type: str, expected: str, codes: str) -> None:
    assert probe(type, value) == (expected, codes)


@pytest.mark.parametrize(("value", "type", "expected", "codes"), FUNCTIONS)
def test_functions(value: str, type: str, expected: str, codes: str) -> None:
    assert probe(type, value) == (expected, codes)


@pytest.mark.parametrize(("value", "type", "expected", "codes"), STORED)
def test_what_fits_where(value: str, type: str, expected: str, codes: str) -> None:
    assert probe(type, value) == (expected, codes)


@pytest.mark.parametrize(
    ("type", "value", "statement", "codes"),
    [
        (MV, "1 mV", "x += W", ""),
        (MV, "1 mV", "x += 2", "NML203"),
        (MV, "1 mV", "x -= I", "NML203"),
        (MV, "1 mV", "x *= 2", ""),
        (MV, "1 mV", "x *= V", "NML203"),
        (MV, "1 mV", "x /= r", ""),
        (MV, "1 mV", "x //= 2", "NML216"),
        (INT, "1", "x += r", "NML217"),
        (INT, "1", "x /= 2", "NML217"),
        (INT, "1", "x //= 2", ""),
        (REAL, "1", "x += V", "NML219"),
        ("boolean", "true", "x += b", "NML201"),
        ("string", '"a"', 'x += "b"', ""),
        ("string", '"a"', "x += 1", "NML203"),
    ],
)
def test_compound_assignments(type: str, value: str, statement: str, codes: str) -> None:
    assert probe(type, value, statement)[1] == codes
