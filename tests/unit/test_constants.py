"""Constants that are computed by functions of the model."""

from __future__ import annotations

import nestml_core
from nestml_core.reference import constants

MODEL = """model m:
    state:
        x real = a

    parameters:
        n integer = 5

    internals:
        a real = factorial(n)

    update:
        x = a

    function factorial(n integer) real:
        if n <= {least}:
            return 1.0
        return n * factorial(n - 1)
"""


def test_functions_may_call_themselves() -> None:
    model = nestml_core.load(MODEL.format(least=0)).solved
    found = constants(model).value
    assert found is not None
    assert {symbol.name: value for symbol, value in found.items()} == {"n": 5, "dt": 0.1, "a": 120}
    n = model.parameters[0].symbol
    again = constants(model, {n: 6}).value
    assert again is not None
    assert list(again.values()) == [6, 0.1, 720]


def test_endless_recursion_is_reported() -> None:
    model = nestml_core.load(MODEL.format(least="n - 1")).solved
    found = constants(model)
    assert found.value is None
    assert [d.code.id for d in found.errors] == ["NML935"]
