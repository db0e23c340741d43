"""The integrator that is chosen fits the equations, and the choice shows in the steps taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from systems_under_test import (
    ADEX,
    AT_REST,
    CONDUCTANCE,
    HODGKIN_HUXLEY,
    IZHIKEVICH,
    ROBERTSON,
    VAN_DER_POL,
    solved,
    system,
    trials,
)

from nestml_core.describe import describe
from nestml_core.loading import load
from nestml_core.pipeline import compile_files, with_integrators
from nestml_core.selection import measure, select
from nestml_core.solve import SolveOptions
from nestml_core.solved import Integrator, Method, SolvedProgram


def hodgkin_huxley(**changed: str) -> str:
    text = HODGKIN_HUXLEY
    for name, value in {**AT_REST, **changed}.items():
        text = text.replace("{" + name + "}", value)
    return text


def chosen(text: str, tolerance: float = 1e-6) -> Integrator:
    return system(select(solved(text, None, tolerance))).integrator


def verdict(integrator: Integrator) -> str:
    found = re.search(r"; (stiff|not stiff)[:,]", integrator.reason)
    return found[1] if found else integrator.reason


STIFF = {
    "sodium gate 100 times faster": hodgkin_huxley(speed="100"),
    "robertson": ROBERTSON,
    "van der pol, mu = 1000": VAN_DER_POL.replace("{mu}", "1000"),
}
NOT_STIFF = {
    "hodgkin_huxley": hodgkin_huxley(),
    "conductance": CONDUCTANCE,
    "adex, near a spike": ADEX.replace("{V}", "-45 mV"),
    "adex, from rest": ADEX.replace("{V}", "E_L"),
    "izhikevich": IZHIKEVICH,
    "van der pol, mu = 1": VAN_DER_POL.replace("{mu}", "1"),
}


@pytest.mark.parametrize("text", STIFF.values(), ids=STIFF)
def test_stiff_systems(text: str) -> None:
    integrator = chosen(text)
    assert verdict(integrator) == "stiff", integrator.reason
    assert integrator.method is Method.ROSENBROCK
    assert "RODAS" in integrator.reason
    assert "as asked for" not in integrator.reason
    assert verdict(chosen(text, 1e-9)) == "stiff"


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("text", NOT_STIFF.values(), ids=NOT_STIFF)
def test_systems_that_are_not_stiff(text: str, tolerance: float) -> None:
    integrator = chosen(text, tolerance)
    assert verdict(integrator) == "not stiff", integrator.reason
    assert integrator.method is Method.RK45


@pytest.mark.parametrize(
    ("name", "duration", "times"),
    [
        ("sodium gate 100 times faster", 20.0, 3),
        ("robertson", 3.0, 10),
        ("van der pol, mu = 1000", 0.7, 4),
    ],
)
def test_the_choice_makes_a_difference(name: str, duration: float, times: float) -> None:
    """Trial steps that the reference takes: the explicit method against the one that is chosen."""
    text = STIFF[name]
    explicit = trials(solved(text, Method.RK45, 1e-6), duration, 0.1)
    implicit = trials(select(solved(text, None, 1e-6)), duration, 0.1)
    assert explicit > times * implicit, (explicit, implicit)


def test_the_reason_gives_numbers() -> None:
    said = chosen(STIFF["robertson"]).reason
    assert re.search(r"the largest rate is \d+/ms, \d+ times the smallest", said)
    assert re.search(r"an explicit method takes about \d+ steps, of which stability", said)
    error = chosen(NOT_STIFF["hodgkin_huxley"]).expected_error
    assert re.fullmatch(
        r"at most 1e-06 \|x\| \+ 1e-06 in an internal step; "
        r"[1-9]e-\d\d of 1 \+ \|x\| in a step of 0.1 ms of a trial run",
        error,
    )


def test_the_choice_is_the_same_every_time() -> None:
    model = solved(STIFF["sodium gate 100 times faster"], None, 1e-6)
    assert select(model) == select(model)


NO_SLOPE = """
model no_slope:
    state:
        x real = 1

    equations:
        x' = -halved(x) / 1 ms

    update:
        integrate_odes()

    function halved(y real) real:
        z real = y
        z *= 0.5
        return z
"""

BROKEN = """
model broken:
    state:
        x real = -1

    equations:
        x' = ln(x) / 1 ms

    update:
        integrate_odes()
"""

UNREACHED = """
model unreached:
    state:
        x real = 1
        y real = 1

    equations:
        x' = -x / 1 ms
        y' = -y * y / 1 ms

    update:
        integrate_odes(x)
        if x < -1:
            integrate_odes(y)
"""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (NO_SLOPE, "not known, as `halved` does more than compute one expression"),
        (BROKEN, "not known, as a trial run failed: `x'` has no value"),
        (UNREACHED, "not known, as a trial run did not come to it"),
    ],
)
def test_where_there_is_no_verdict_the_usual_method_stays(text: str, why: str) -> None:
    model = select(solved(text))
    (numeric,) = [f.nonlinear for f in model.flows if f.nonlinear]
    assert numeric.integrator.method is Method.RK45
    assert why in numeric.integrator.reason


@pytest.mark.parametrize(
    ("method", "largest"),
    [(Method.FORWARD_EULER, 0.1), (Method.RUSH_LARSEN, 0.1), (Method.RK4, 1e-2)],
)
def test_the_error_of_a_method_that_was_asked_for_is_measured(
    method: Method, largest: float
) -> None:
    model = measure(solved(hodgkin_huxley(), method))
    integrator = system(model).integrator
    assert integrator.method is method
    found = re.fullmatch(r"(\S+) of 1 \+ \|x\| in a step of .*", integrator.expected_error)
    assert found is not None, integrator.expected_error
    assert 1e-2 * largest < float(found[1]) < largest


def test_a_method_that_explodes_is_said_to() -> None:
    model = measure(solved(STIFF["sodium gate 100 times faster"], Method.RK4))
    found = system(model).integrator.expected_error
    assert "not finite" in found or float(found.split()[0]) > 1


def test_linear_models_are_left_alone() -> None:
    program = compile_files(["iaf_psc_exp"]).value
    assert program is not None
    assert with_integrators(program) is program


def test_what_was_asked_for_is_done() -> None:
    program = SolvedProgram((solved(STIFF["robertson"], Method.RK45),))
    (model,) = with_integrators(program, SolveOptions(Method.RK45)).models
    assert system(model).integrator.method is Method.RK45


def test_loading_and_inspecting_show_the_choice(tmp_path: Path) -> None:
    path = tmp_path / "robertson.nestml"
    path.write_text(ROBERTSON, encoding="utf-8")
    model = load(path)
    assert system(model.solved).integrator.method is Method.ROSENBROCK
    text = describe(model.solved)
    assert "; stiff: the largest rate is" in text
    assert "error: at most 1e-09 |x| + 1e-09 in an internal step" in text
    assert "d(y') / d z = -10000 * y" in text
    assert "linear in themselves: x, z" in text
