"""What models say in unusual places: against the reference, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_programs import BACKEND, Neuron, build, solved

from nestml_core.api import Call, Experiment, Method, Number, SolvedProgram, integer
from nestml_core.experiment import schedule
from nestml_core.pipeline import check_sources
from nestml_core.reference import simulate as interpret
from nestml_core.solve import SolveOptions
from nestml_core.source import Source
from nestml_core.testing import models

Make = Callable[..., Neuron]


def assert_agrees(made: Neuron, duration: float, **experiment: Any) -> None:
    laid = schedule(Experiment(duration=duration, **experiment), made.model)
    assert laid.value is not None
    expected = interpret(made.model, laid.value).value
    assert expected is not None
    trace = made.run(duration, **experiment)
    assert trace.spike_steps.tolist() == expected.spike_steps.tolist()
    for name, values in expected.values.items():
        assert trace[name] == pytest.approx(values, rel=1e-12, abs=1e-12), name


FUNCTIONS = """
model functions_everywhere:
    state:
        x real = 1
        y real = twice(3)
    parameters:
        k real = 2
        twice_k real = twice(k)
        shifted real = scaled(3) + twice_k
        length ms = resolution() [[ length > 0 ms and k > twice(0.1) ]]
        half_length ms = length / 2
        count integer = steps(2 ms)
        early real = 1 [[ early < with_state(100) ]]
    internals:
        z real = twice(2)
    equations:
        x' = -mixed(x, y) / 10 ms - x**3 / 5 ms
        y' = (x - y) / (count * length)
    output:
        spike
    update:
        integrate_odes()
        if count_up(0.3) > 1:
            emit_spike(count_up(0.2))
    function with_state(a real) real:
        return a + y * k
    function mixed(a real, b real) real:
        return a + b * k
    function twice(a real) real:
        return 2 * a
    function scaled(a real) real:
        return twice(a) * k
    function count_up(a real) real:
        b real = a + a
        c real = 5
        return b + x
"""


@pytest.mark.parametrize(
    "parameters", [{}, {"k": 3.0}, {"twice_k": 1.0}, {"length": 0.5, "count": 7}]
)
def test_functions_in_defaults_guards_and_equations(
    neuron: Make, parameters: dict[str, float]
) -> None:
    made = neuron(FUNCTIONS, flags="-Wall -Wextra -Wpedantic -Werror")
    for dt in (0.1, 0.25):
        assert_agrees(made, 20.0, dt=dt, parameters=parameters)


def test_forward_euler(compiler: tuple[str, ...], tmp_path: Path) -> None:
    text = """
model pendulum:
    state:
        a real = 1
        w ms**-1 = 0 ms**-1
    equations:
        a' = w
        w' = -sin(a) / 4 ms**2
    update:
        integrate_odes()
"""
    options = SolveOptions(integrator=Method.FORWARD_EULER)
    program = check_sources([Source("pendulum.nestml", text)], options).value
    assert program is not None
    (model,) = program.models
    made = Neuron(model, build(model, tmp_path))
    assert_agrees(made, 20.0)
    a, w = 1.0, 0.0
    for _ in range(200):
        a, w = a + 0.1 * w, w - 0.1 * np.sin(a) / 4
    assert made.run(20.0)["a"][-1] == pytest.approx(a, rel=1e-12)


JUMPS = """
model jumping:
    state:
        x real = 1
        y real = 2
        z real = 3
    parameters:
        tau ms = 10 ms
    equations:
        kernel K = exp(-t / tau)
        x' = -x / tau + y * p
        y' = -y / tau + x * p
        z' = (x * y - z) / tau + convolve(K, q) / 1 ms + z * q
    input:
        p <- spike
        q <- spike
    output:
        spike
    update:
        integrate_odes(x, y)
        integrate_odes(z)
    onReceive(q, priority=1):
        z += 0.1 * q * 1 s
    onReceive(p, priority=2):
        z -= 0.1
    onCondition(z > 4):
        z -= 1
        emit_spike()
    onCondition(z > 3.5):
        y += 0.1
"""


def test_jumps_that_read_each_other(neuron: Make) -> None:
    made = neuron(JUMPS, flags="-Wall -Wextra -Wpedantic -Werror")
    assert_agrees(
        made,
        30.0,
        spikes={
            "p": [(1.0, 0.5), (1.0, -0.2), (7.3, 0.4)],
            "q": [(1.0, 0.3), (4.0, 0.0), (9.0, 0.2), (20.0, 0.1)],
        },
    )


def refused(text: str) -> list[str]:
    lowered = BACKEND.lower(SolvedProgram((solved(text),)), BACKEND.options())
    assert lowered.value is None
    for d in lowered.diagnostics:
        assert d.help
        assert d.span.text
    return [d.code.id for d in lowered.diagnostics]


def test_random_defaults_are_refused() -> None:
    assert refused(
        """
model m:
    state:
        x real = k
    parameters:
        k real = random_normal(0, 1)
    update:
        x = k
"""
    ) == ["CPP003"]


EFFECTS = """
model m:
    state:
        x real = 1
    parameters:
        k real = 1 [[ k < draw(1) ]]
    equations:
        x' = -x * x / 10 ms
    update:
        integrate_odes()
    function draw(a real) real:
        return a * random_uniform(0, 1)
"""


def test_effects_in_guards_are_refused() -> None:
    assert refused(EFFECTS) == ["CPP003"]


def test_effects_in_equations_are_refused() -> None:
    """The core lets none pass; a backend that is given one all the same does not compile it."""
    model = solved(EFFECTS.replace(" [[ k < draw(1) ]]", ""))
    (flow,) = model.flows
    assert flow.nonlinear is not None
    (derivative,) = flow.nonlinear.derivatives
    drawn = replace(derivative, value=Call("draw", (derivative.value,), span=derivative.value.span))
    changed = replace(flow, nonlinear=replace(flow.nonlinear, derivatives=(drawn,)))
    lowered = BACKEND.lower(SolvedProgram((replace(model, flows=(changed,)),)), BACKEND.options())
    assert [d.code.id for d in lowered.diagnostics] == ["CPP004"]


@pytest.mark.parametrize("value", [Number(Fraction(10) ** 400), integer(2**63)])
def test_numbers_that_do_not_fit_are_refused(value: Number) -> None:
    """None can be written, but a pass may make one of numbers that can."""
    model = models()["leak"]
    first = replace(model.state[0], value=value)
    program = SolvedProgram((replace(model, state=(first, *model.state[1:])),))
    lowered = BACKEND.lower(program, BACKEND.options())
    assert [d.code.id for d in lowered.diagnostics] == ["CPP002"]


def test_the_readme_lists_all_options() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    for name in BACKEND.options.__dataclass_fields__:
        assert f"| `--{name.replace('_', '-')}` |" in readme
