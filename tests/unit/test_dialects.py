"""What a number with a unit means in NESTML 9 and in NESTML 8."""

from __future__ import annotations

import pytest

from nestml_core.expr import Binary, Expr
from nestml_core.pipeline import resolved_models
from nestml_core.resolve.literals import NEW_DIALECT, OLD_DIALECT
from nestml_core.resolve.typing import constant
from nestml_core.source import Source


def initial(type: str, value: str, dialect: str) -> tuple[Expr, str]:
    """Return the initial value of a state variable, and the codes of what is said about it."""
    text = f"model m:\n    state:\n        x {type} = {value}\n"
    result = resolved_models(Source("m.nestml", text), dialect)
    assert result.value is not None, result.diagnostics
    codes = " ".join(d.code.id for d in result.diagnostics if not d.is_hint)
    return result.value[0].state[0].value, codes


def number(e: Expr) -> float | None:
    """Return the value of an expression of numbers, powers and products."""
    match e:
        case Binary("**" | "*" as op, left, right):
            a, b = number(left), number(right)
            if a is None or b is None:
                return None
            return a**b if op == "**" else a * b
        case _:
            value = constant(e)
            return None if value is None else float(value)


@pytest.mark.parametrize(
    ("type", "value", "new", "old", "said_of_old"),
    [
        ("mV", "3 mV", 3, 3, ""),
        ("V", "3 V", 3000, 3000, ""),
        ("mV**2", "3 mV**2", 3, 9, "NML215"),
        ("V**2", "3 V**2", 3e6, 9e6, "NML215"),
        ("mV**2", "1 mV**2", 1, 1, ""),
        ("mV**2", "(3 mV)**2", 9, 9, ""),
        ("mV**2", "3 * 1 mV**2", 3, 3, ""),
        ("1/ms", "2 ms**-1", 2, 0.5, "NML215"),
        ("V/s", "3 V/s", 3, 3, "NML107"),
        ("mV*nS", "3 mV*(nS)", 3, 3, "NML107"),
        ("1/ms", "3 1/ms", 3, 3, ""),
        ("mV**2", "3 (mV**2)", 3, 3, ""),
    ],
)
def test_numbers(type: str, value: str, new: float, old: float, said_of_old: str) -> None:
    assert [number(initial(type, value, d)[0]) for d in (NEW_DIALECT, OLD_DIALECT)] == [
        pytest.approx(new),
        pytest.approx(old),
    ]
    assert initial(type, value, NEW_DIALECT)[1] == ""
    assert initial(type, value, OLD_DIALECT)[1] == said_of_old


def test_how_far_a_unit_reaches() -> None:
    """``a / 2 mV*ms`` divides by the whole quantity in 9, and by 2 mV alone in 8."""
    assert number(initial("1/ms", "6 mV / 2 mV*ms", NEW_DIALECT)[0]) == 3
    assert number(initial("ms", "6 mV / 2 mV*ms", OLD_DIALECT)[0]) == 3


def test_a_power_is_explained_only_where_it_may_be_old() -> None:
    assert initial("mV**2", "3 mV**2", NEW_DIALECT)[1] == ""
    assert initial("mV**2", "3 mV**2 + 1 mV * mV", NEW_DIALECT)[1] == ""
    assert initial("mV**2", "3 mV**2 + (1 * mV)**2", NEW_DIALECT)[1] == "NML107 NML215"
