"""Vectors and delayed variables: the same numbers as the reference, and the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from generated_programs import Neuron, generate, solved

from nestml_core.experiment import Experiment, schedule
from nestml_core.reference import simulate as interpret
from nestml_core.testing import models

Make = Callable[..., Neuron]
STRICT = "-Wall -Wextra -Wpedantic -Werror"


def assert_agrees(made: Neuron, duration: float, **experiment: object) -> None:
    laid = schedule(Experiment(duration, **experiment), made.model).value  # type: ignore[arg-type]
    assert laid is not None
    expected = interpret(made.model, laid).value
    assert expected is not None
    trace = made.run(duration, **experiment)
    assert trace.spike_steps.tolist() == expected.spike_steps.tolist()
    assert list(trace.values) == list(expected.values)
    for name, values in expected.values.items():
        scale = np.maximum(1, np.abs(values))
        assert np.max(np.abs(trace[name] - values) / scale) < 1e-13, name


KINDS = """
model kinds:
    state:
        int[3] integer = 2
        double[n] mV = base
        class[2] boolean = true
        at[n] real = 1
        x_ real = 0
        x[2] real = 0.5
        total real = 0
    parameters:
        n integer = 3 [[ n < 7 ]]
        new[2] integer = 4
        base[n] mV = first
        first mV = 2.5 mV
        steps_per_ms[2] real = 1 ms / resolution()
    internals:
        delete[n] mV = base
        vector[2] real = new[1]
    function sum(from integer) real:
        local[n] real = 0.25
        i integer = 0
        result real = 0
        for i in from ... n step 1:
            local[i] += double[i] / 1 mV + i
        for i in from ... n step 1:
            result += local[i]
        return result
    equations:
        x' = (vector[0] - x) / 10 ms + (class[1] ? 0.1 : 0.0) / 1 ms
        recordable inline last real = at[n - 1] + x[1]
    update:
        integrate_odes()
        i integer = 0
        same[2] integer = new
        whole[n] mV = delete
        for i in 0 ... n step 1:
            double[i] = whole[i] * (1 - 0.01 * i) + double[i] * 0.5
            at[i] = sum(i)
        if int[same[0] - 4] > 90:
            class = false
        class[0] = not class[1]
        int[(int[0] + 1) % 3] += same[1]
        total = sum(0) + steps_per_ms[1] + (class[0] ? 1 : 0)
        if int[2] > 30:
            at = 0
            double = base
            int = 1
"""


@pytest.mark.parametrize(
    "experiment",
    [
        {},
        {"parameters": {"n": 5}},
        {"parameters": {"n": 1, "base": [7.0]}, "initial": {"double": [1.5]}},
        {"parameters": {"new": [5, 2]}, "initial": {"class": [0, 1], "at": [3.0, 2.0, 1.0]}},
        {"parameters": {"first": 1.0}, "initial": {"int": 30, "x": [1.0, -1.0]}, "dt": 0.25},
    ],
)
def test_vectors_of_all_kinds(neuron: Make, experiment: dict[str, object]) -> None:
    """Of all types, of fixed and free size, local ones too, with names that C++ knows."""
    assert_agrees(neuron(KINDS, flags=STRICT), 20.0, **experiment)


@pytest.mark.parametrize("parameters", [{"n": 0}, {"n": 7}, {"n": -4}])
def test_a_size_that_makes_no_sense(neuron: Make, parameters: dict[str, int]) -> None:
    result = neuron(KINDS).attempt(1.0, parameters=parameters)
    assert result.value is None
    (error,) = result.errors
    assert error.code.id == "CPP201"
    assert "`n`" in error.message


OUTSIDE = """
model outside:
    state:
        x[3] real = 0
        y real = 0
        k integer = 2{initial}
    parameters:
        n integer = 2
        w[n] real = 1
    function pick(i integer) real:
        z[2] real = 0
        z[i] = 1
        return z[0]
    equations:
        recordable inline r real = {inline}
    update:
        {update}
"""


@pytest.mark.parametrize(
    ("parts", "name", "size", "index"),
    [
        ({"update": "x[k + 1] = 1"}, "x", 3, 3),
        ({"update": "y = x[-k]"}, "x", 3, -2),
        ({"update": "y = pick(k)"}, "z", 2, 2),
        ({"update": "w2 real = w[k]"}, "w", 2, 2),
        ({"inline": "w[k]"}, "w", 2, 2),
        ({"initial": "\n        v real = w[k]"}, "w", 2, 2),
    ],
)
def test_outside_of_a_vector(
    neuron: Make, parts: dict[str, str], name: str, size: int, index: int
) -> None:
    """The program ends and says so, as the reference does, at the vector."""
    text = OUTSIDE.format(**{"initial": "", "inline": "y", "update": "y = 1"} | parts)
    made = neuron(text, flags=STRICT)
    result = made.attempt(1.0)
    (error,) = result.errors
    assert error.code.id == "CPP206"
    assert error.message == f"`{name}` has {size} elements, there is no `{name}[{index}]`"
    assert error.span.text.startswith(name)
    laid = schedule(Experiment(1.0), made.model).value
    assert laid is not None
    (same,) = interpret(made.model, laid).errors
    assert same.code.id == "NML939"
    assert same.message.startswith(error.message)


def test_elements_outside_that_are_not_reached(neuron: Make) -> None:
    """What a condition keeps from being evaluated does no harm."""
    text = OUTSIDE.format(
        initial="", inline="k < 2 ? w[k] : -1", update="y = k < 3 and x[k] > 0 ? x[k + 5] : 7"
    )
    assert_agrees(neuron(text), 1.0)


def test_the_header_with_vectors(cpp: Callable[..., str], tmp_path: Path) -> None:
    """Sizes are set together with vectors; an index outside is an exception."""
    generate(solved(OUTSIDE.format(initial="", inline="y", update="y = w[k]")), tmp_path)
    main = """
#include "outside.hpp"
#include <cstdio>
int main() {
  nestml::outside neuron(0.1);
  nestml::outside::Input in;
  auto p = neuron.parameters();
  p.n = 4;
  std::puts(neuron.configure(p));
  p.w.assign(4, 2.5);
  std::puts(neuron.configure(p) == nullptr ? "taken" : "refused");
  neuron.reset();
  neuron.step(in);
  std::printf("%g\\n", neuron.state().y);
  neuron.state().k = 9;
  try {
    neuron.step(in);
  } catch (const std::out_of_range& e) {
    std::puts(e.what());
  }
}
"""
    assert cpp(main).splitlines() == [
        "w: it has n elements",
        "taken",
        "2.5",
        "w[9], which has 4 elements",
    ]


@pytest.mark.parametrize("dt", [0.1, 0.25])
@pytest.mark.parametrize(
    "parameters", [{}, {"d": 0.0}, {"d": 0.24, "d_long": 0.26}, {"d": 0.1, "d_long": 59.0}]
)
def test_delays(neuron: Make, dt: float, parameters: dict[str, float]) -> None:
    text = Path(models()["delayed"].span.source.name).read_text(encoding="utf-8")
    made = neuron(text, flags=STRICT)
    spikes = {"spikes": [(5.0, 20.0), (6.0, 30.0)]}
    assert_agrees(made, 60.0, dt=dt, parameters=parameters, spikes=spikes, initial={"u": 0.5})


@pytest.mark.parametrize("d", [-0.1, 1e9, float("inf")])
def test_delays_that_no_run_can_have(neuron: Make, d: float) -> None:
    made = neuron(Path(models()["delayed"].span.source.name).read_text(encoding="utf-8"))
    result = made.attempt(1.0, parameters={"d": d})
    assert result.errors[0].code.id == "CPP201"
    laid = schedule(Experiment(1.0, parameters={"d": d}), made.model).value
    assert laid is not None
    assert interpret(made.model, laid).errors[0].code.id == "NML930"


def test_a_neuron_that_starts_anew_forgets_its_past(
    cpp: Callable[..., str], tmp_path: Path
) -> None:
    text = """
model late:
    state:
        u real = 1
        y real = 0
    parameters:
        d ms = 0.2 ms
    equations:
        inline before real = u(t - d)
    update:
        y = before
        u = u + 1
"""
    generate(solved(text), tmp_path)
    main = """
#include "late.hpp"
#include <cstdio>
void run(nestml::late& neuron) {
  nestml::late::Input in;
  for (int i = 0; i < 5; ++i) {
    neuron.step(in);
    std::printf("%g ", neuron.state().y);
  }
  std::puts("");
}
int main() {
  nestml::late neuron(0.1);
  run(neuron);
  neuron.reset();
  neuron.state().u = 10;
  run(neuron);
  auto p = neuron.parameters();
  p.d = 0.1;
  if (neuron.configure(p) != nullptr) return 1;
  run(neuron);
}
"""
    rows = [[float(x) for x in line.split()] for line in cpp(main).splitlines()]
    assert rows == [[1, 1, 1, 2, 3], [10, 10, 10, 11, 12], [15, 15, 16, 17, 18]]
