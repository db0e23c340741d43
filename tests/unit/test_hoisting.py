"""What leaves the step has the value it had."""

from __future__ import annotations

import pytest

from nestml_core.backend import step_expressions
from nestml_core.experiment import schedule
from nestml_core.expr import Kind, Ref, walk
from nestml_core.hoisting import hoist
from nestml_core.pipeline import check_sources
from nestml_core.reference import simulate
from nestml_core.solved import ModelKind, SolvedModel
from nestml_core.source import Source
from nestml_core.testing.corpus import cases, models, names
from nestml_core.types import INTEGER
from nestml_core.verify import violations

MODEL = """model cable:
    state:
        x real = 0.3
        y real = -0.2
        n integer = 0
    parameters:
        tau ms = 10 ms
        C pF = 250 pF
        g nS = 12 nS
        k integer = 3
        a real = 0.7
    equations:
        x' = -(x - a) / tau + g / C * (y - x) * (2 * 3) / 4 + k / 2 / tau
        y' = (x * y * g) / (C * (1 + x**2)) - exp(-1 / a) * y / tau / k
    update:
        integrate_odes()
        n = n + k // 2 - 7 % k
        y = y + 1e-3 * x * a / (C / 1 pF)
"""


def cable() -> SolvedModel:
    program = check_sources([Source("m.nestml", MODEL)]).value
    assert program is not None
    return program.models[0]


@pytest.mark.parametrize("name", ["cable", *names()])
def test_the_trace_stays(name: str) -> None:
    model = cable() if name == "cable" else models()[name]
    if model.kind is ModelKind.SYNAPSE:
        assert violations(hoist(model)) == ()
        return
    hoisted = hoist(model)
    assert violations(hoisted) == ()
    for case in cases(model, 0.1):
        laid = schedule(case.experiment, model).value
        assert laid is not None
        before, after = simulate(model, laid).value, simulate(hoisted, laid).value
        assert before is not None
        assert after is not None
        assert before.spike_steps.tolist() == after.spike_steps.tolist()
        for recorded, values in before.values.items():
            assert after[recorded] == pytest.approx(values, rel=1e-8, abs=1e-9, nan_ok=True)


def test_no_division_by_a_parameter_is_left() -> None:
    for e in step_expressions(hoist(cable())):
        for part in walk(e):
            divisor = getattr(part, "right", None)
            if getattr(part, "op", "") == "/" and isinstance(divisor, Ref):
                constant = divisor.symbol.kind in (Kind.PARAMETER, Kind.INTERNAL)
                assert not constant or divisor.type == INTEGER  # integers stay where they are


def test_equal_constants_are_one() -> None:
    added = [s.name for s in hoist(cable()).internals if s.name.startswith("constant_")]
    assert len(added) == len(set(added)) >= 4


def test_a_taken_name_is_left_alone() -> None:
    text = MODEL.replace("a real = 0.7", "a real = 0.7\n        constant_1 real = 2")
    program = check_sources([Source("m.nestml", text)]).value
    assert program is not None
    names = [s.name for s in hoist(program.models[0]).internals]
    assert "constant_1" not in names
    assert "constant_2" in names
