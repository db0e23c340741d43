"""Code made of right-hand sides says what the closures say, bit for bit."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache

import pytest

from nestml_core.experiment import Experiment, schedule
from nestml_core.expr import Call, Expr, Symbol, number
from nestml_core.pipeline import check_sources, compile_files
from nestml_core.reference.bytecode import compiled
from nestml_core.reference.failure import ARITHMETIC
from nestml_core.reference.instance import Instance
from nestml_core.solved import NonlinearSystem, SolvedModel
from nestml_core.source import Source
from nestml_core.testing import corpus

POINTS = 50

HARD = """
model hard:
    state:
        x mV = 1 mV
        y real = 0.5
        n integer = 3
    equations:
        x' = -x / 10 ms + 1 mV / ms * (sinoid(y) + min(y, 2) ** 3 - max(0.1, abs(y)) ** 0.5)
        y' = (piecewise(x / 1 mV) + ln(2 + y * y) + erf(y) + (n // 2) * 0.25 - y ** 2) / 1 ms
    update:
        integrate_odes()
        n = n + 1
    function sinoid(a real) real:
        return sin(a) * cos(a) / (1 + exp(-a / 3))
    function piecewise(a real) real:
        b real = a * a
        if b > 1 and not (a < 0) or b == 0.25:
            return exp(-b)
        elif a < -20:
            return log10(100 + b)
        return a > 0 ? b / 7 : -sinoid(b)
"""


@lru_cache
def models() -> tuple[SolvedModel, ...]:
    checked = check_sources([Source("hard.nestml", HARD)])
    assert checked.value is not None, checked.diagnostics
    own = compile_files([str(p) for p in corpus.files()])
    assert own.value is not None, own.diagnostics
    return (*checked.value.models, *own.value.models)


def nonlinear() -> list[tuple[SolvedModel, NonlinearSystem]]:
    found = [(m, f.nonlinear) for m in models() for f in m.flows]
    return [(m, n) for m, n in found if n is not None]


def outcome(evaluate: Callable[[], Sequence[float]]) -> list[str]:
    """Return values in full, or that there is none."""
    try:
        return [float(x).hex() for x in evaluate()]
    except ARITHMETIC:
        return ["no value"]


@pytest.mark.parametrize(
    ("model", "system"), nonlinear(), ids=[f"{m.name}-{i}" for i, (m, _) in enumerate(nonlinear())]
)
def test_code_and_closures_agree(model: SolvedModel, system: NonlinearSystem) -> None:
    laid = schedule(Experiment(duration=0), model).value
    assert laid is not None
    instance = Instance(model, laid)
    moving = (*system.variables, *system.companions)
    slots = [instance.slots.at(s) for s in moving]
    expressions = [d.value for d in system.derivatives] + [e for r in system.jacobian for e in r]
    functions = {f.name: f for f in model.functions}
    closures = [instance.expressions.expr(e) for e in expressions]
    code = compiled(expressions, moving, instance.slots, functions)
    if code is None:
        assert any(s.owner.size is not None for s in moving) or model.functions
        return
    fast = code
    draw = random.Random(7)
    values = instance.values + [0.0] * (len(instance.slots) - len(instance.values))
    decided = 0
    for _ in range(POINTS):
        x = [draw.gauss(0.0, 1.0) * 10.0 ** draw.uniform(-2.0, 2.0) for _ in moving]
        for slot, xi in zip(slots, x, strict=True):
            values[slot] = xi
        got = outcome(lambda x=x: fast(values, x))  # type: ignore[misc]
        if got != ["no value"]:  # then the closures are asked
            assert got == outcome(lambda: [f(values) for f in closures])
            decided += 1
    assert decided > POINTS / 2


def test_most_systems_are_compiled() -> None:
    pairs = nonlinear()
    done = 0
    for model, system in pairs:
        laid = schedule(Experiment(duration=0), model).value
        assert laid is not None
        instance = Instance(model, laid)
        functions = {f.name: f for f in model.functions}
        values = [d.value for d in system.derivatives]
        moving = (*system.variables, *system.companions)
        done += compiled(values, moving, instance.slots, functions) is not None
    assert done > 0.8 * len(pairs)


def single(expression: Expr) -> Callable[[float], float] | None:
    model = models()[0]
    laid = schedule(Experiment(duration=0), model).value
    assert laid is not None
    x = model.state[0].symbol
    made = compiled([expression], [x], Instance(model, laid).slots, {})
    return None if made is None else lambda value: made([], [value])[0]


def argument() -> Symbol:
    return models()[0].state[0].symbol


def test_what_has_no_finite_value_is_an_exception() -> None:
    exponential = single(Call("exp", (number(1000),)))
    assert exponential is not None
    with pytest.raises(OverflowError):
        exponential(1.0)


def test_a_tree_too_deep_for_the_compiler_is_left_alone() -> None:
    deep: Expr = number(1)
    for _ in range(100):
        deep = Call("sin", (deep,))
    assert single(deep) is None


def test_a_long_sum_does_not_exhaust_the_stack() -> None:
    terms: Expr = number(1)
    for _ in range(20_000):
        terms = Call("min", (terms, number(2)))
    assert single(terms) is None


def test_code_reaches_nothing_but_its_own_functions() -> None:
    made = single(Call("sin", (number(1),)))
    assert made is not None
    assert made(0.0) == math.sin(1.0)
    model = models()[0]
    laid = schedule(Experiment(duration=0), model).value
    assert laid is not None
    code = compiled([Call("sin", (number(1),))], [], Instance(model, laid).slots, {})
    assert code is not None
    assert code.__globals__.get("__builtins__") == {}  # type: ignore[attr-defined]
