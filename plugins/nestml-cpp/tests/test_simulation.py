"""Running experiments: guards, failures, messages, random numbers, and the program by hand."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from generated_programs import BACKEND, Neuron, build, program

from nestml_core.api import Artifact, Experiment, Severity
from nestml_core.experiment import schedule
from nestml_core.reference import simulate as interpret
from nestml_core.testing import models

Make = Callable[..., Neuron]

LEAK = """
model leak:
    state:
        V_m mV = E_L [[ V_m > -200 mV ]]
    parameters:
        E_L mV = -70 mV
        tau ms = 10 ms [[ tau > 0 ms and
                          \\
                          tau < limit ]]
        limit ms = 100 ms
        late real = 1 [[ late < bound ]]
    internals:
        bound real = limit / 10 ms
    equations:
        V_m' = -(V_m - E_L) / tau + drive / 1 ms
    input:
        drive mV <- continuous
    update:
        integrate_odes()
"""
LEAK = LEAK.replace("and\n                          \\\n                          ", "and ")


@pytest.mark.parametrize(
    ("experiment", "symbol", "guard"),
    [
        ({"parameters": {"tau": -1.0}}, "tau", "tau > 0 ms and tau < limit"),
        ({"parameters": {"tau": 5.0, "limit": 2.0}}, "tau", "tau > 0 ms and tau < limit"),
        ({"parameters": {"late": 11.0}}, "late", "late < bound"),
        ({"parameters": {"limit": 11.0, "late": 1.2}}, "late", "late < bound"),
        ({"initial": {"V_m": -300.0}}, "V_m", "V_m > -200 mV"),
        ({"parameters": {"E_L": -300.0}}, "V_m", "V_m > -200 mV"),
    ],
)
def test_violated_guards_are_named(
    neuron: Make, experiment: dict[str, object], symbol: str, guard: str
) -> None:
    made = neuron(LEAK)
    result = made.attempt(1.0, **experiment)
    assert result.value is None
    (d,) = result.diagnostics
    assert d.code.id == "CPP201"
    assert f"`{symbol}`" in d.message
    assert f"`{guard}`" in d.message
    assert d.span.text == guard
    laid = schedule(Experiment(duration=1.0, **experiment), made.model)  # type: ignore[arg-type]
    assert laid.value is not None
    assert interpret(made.model, laid.value).value is None, "the reference lets this pass"


def test_guards_that_hold_do_no_harm(neuron: Make) -> None:
    made = neuron(LEAK)
    trace = made.run(20.0, parameters={"tau": 5.0, "late": 9.9}, initial={"V_m": -60.0})
    assert trace["V_m"] == pytest.approx(-70 + 10 * np.exp(-trace.times / 5), rel=1e-13)


def test_what_grows_without_bounds_is_reported(neuron: Make) -> None:
    made = neuron(
        """
model explosion:
    state:
        u real = 0
        x real = 1
    equations:
        x' = x**2 / 10 ms
    update:
        integrate_odes()
"""
    )
    assert made.attempt(9.0, dt=1.0).value is not None
    result = made.attempt(20.0, dt=1.0)
    assert result.value is None
    (d,) = result.diagnostics
    assert d.code.id == "CPP202"
    assert "`x`" in d.message
    assert "step 10," in d.message
    assert "t = 10 ms" in d.message
    assert d.span.text == "x"
    assert d.help


def test_not_a_number_is_reported_and_infinity_kept(neuron: Make) -> None:
    made = neuron(
        """
model odd:
    state:
        since ms = inf * 1 ms
        last ms = -inf * 1 ms
        x real = 4.5
    equations:
        since' = 1
    update:
        integrate_odes(since)
        x -= 1
        y real = x**0.5
        if y > 100:
            x = y
        else:
            x = y**2
"""
    )
    assert made.run(3.0, dt=1.0, record=["since"])["since"].tolist() == [np.inf] * 3
    result = made.attempt(6.0, dt=1.0)
    (d,) = result.diagnostics
    assert d.code.id == "CPP202"
    assert "`x`" in d.message
    assert "step 5," in d.message


def test_dividing_a_whole_number_by_zero_is_reported(neuron: Make) -> None:
    made = neuron(
        """
model divider:
    state:
        n integer = 2
        q integer = 0
    update:
        n -= 1
        q = 7 // n
"""
    )
    assert made.run(0.1)["q"].tolist() == [7.0]
    result = made.attempt(0.2)
    assert result.value is None
    (d,) = result.diagnostics
    assert d.code.id == "CPP203"
    assert "divider" in d.message
    assert "zero" in d.message


def test_endless_recursion_is_reported(neuron: Make) -> None:
    made = neuron(
        """
model deep:
    state:
        x real = 1
    update:
        x = f(x) + 1
    function f(a real) real:
        b real = f(a + x) * a
        return b + f(b)
"""
    )
    result = made.attempt(0.1)
    assert result.value is None
    assert [d.code.id for d in result.diagnostics] == ["CPP203"]


TALKER = """
model talker:
    state:
        n integer = 0
        V_m V = -0.07 V
        big real = 1e20
    update:
        n += 1
        if n == 2:
            println("n = {n}, V_m = {V_m}, big = {big}")
            print("to be ")
            println("continued")
            warning("be\\"ware\\\\ %s")
        if n > 10:
            info("spam")
"""


def test_messages_arrive_as_diagnostics(neuron: Make) -> None:
    made = neuron(TALKER)
    result = made.attempt(0.3)
    assert result.value is not None
    assert [(d.code.severity, d.message) for d in result.diagnostics] == [
        (Severity.HINT, "n = 2, V_m = -0.07 V, big = 1e+20"),
        (Severity.HINT, "to be continued"),
        (Severity.WARNING, 'be"ware\\ %s'),
    ]
    many = made.attempt(100.0).diagnostics
    assert len(many) == 101
    assert "more" in many[-1].message


def test_same_seed_same_numbers_and_other_seeds_others(neuron: Make) -> None:
    made = neuron(
        """
model noisy:
    state:
        x real = random_normal(0, 1)
        y real = start
    internals:
        start real = random_uniform(0, 1)
    update:
        x = random_normal(0, 1)
"""
    )
    runs = {seed: made.run(5.0, seed=seed) for seed in (0, 1, 2, 2**31 - 1)}
    again = made.run(5.0, seed=1)
    assert (runs[1]["x"] == again["x"]).all()
    different = {tuple(runs[s]["x"]) + tuple(runs[s]["y"]) for s in runs}
    assert len(different) == 4
    assert 0 <= runs[1]["y"][0] < 1


def test_only_what_is_asked_for_is_recorded(neuron: Make) -> None:
    made = neuron(LEAK)
    assert dict(made.run(1.0, record=[]).values) == {}
    empty = made.run(0.0)
    assert empty["V_m"].shape == (0,)
    assert empty.spike_steps.shape == (0,)


def test_currents_hold_from_their_step_on(neuron: Make) -> None:
    """A drive of 1 mV per ms from 3 ms to 5 ms on a neuron that hardly leaks."""
    made = neuron(LEAK)
    trace = made.run(
        8.0,
        dt=1.0,
        parameters={"tau": 1e12, "limit": 1e13, "E_L": 0.0},
        currents={"drive": ([0.0, 3.0, 5.0], [0.0, 1.0, 0.0])},
    )
    assert trace["V_m"] == pytest.approx([0, 0, 0, 1, 2, 2, 2, 2], abs=1e-9)


def test_numbers_keep_all_digits_on_the_way(neuron: Make) -> None:
    made = neuron(
        """
model echo:
    state:
        x real = a
        w real = 0
    parameters:
        a real = 0
    input:
        w_in <- spike
        c real <- continuous
    update:
        x = c
    onReceive(w_in):
        w += w_in * 1 s
"""
    )
    values = [0.1, -1e-308, 5e-324, 1.7976931348623157e308, 2 / 3, -0.0]
    trace = made.run(
        6.0,
        dt=1.0,
        currents={"c": ([float(i) for i in range(6)], values)},
        spikes={"w_in": [(2, 1e-17)]},
    )
    assert trace["x"].tolist() == values
    assert trace["w"].tolist() == [0, *[1e-17] * 5]


def test_a_missing_library_is_reported(compiler: tuple[str, ...], tmp_path: Path) -> None:
    model = models()["iaf_psc_exp"]
    laid = schedule(Experiment(duration=1.0), model)
    assert laid.value is not None
    artifact = Artifact((), BACKEND.options(), tmp_path, tmp_path)  # type: ignore[arg-type]
    result = BACKEND.simulate(artifact, model, laid.value)
    assert [d.code.id for d in result.diagnostics] == ["CPP203"]


def test_the_program_by_hand(compiler: tuple[str, ...], tmp_path: Path) -> None:
    """The experiment of the README, as a table; it agrees with the run through Python."""
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- example: experiment -->\n```\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    made = Neuron(models()["iaf_psc_exp"], build(models()["iaf_psc_exp"], tmp_path))
    by_hand = program(models()["iaf_psc_exp"], tmp_path)
    experiment = tmp_path / "experiment.txt"
    experiment.write_text(found[1], encoding="utf-8")
    done = subprocess.run([by_hand, experiment], capture_output=True, text=True, check=True)
    head, *rows = done.stdout.splitlines()
    assert head == "t,V_m,I_syn_exc,spikes"
    table = np.array([[float(x) for x in row.split(",")] for row in rows])
    trace = made.run(
        200.0,
        parameters={"I_e": 400.0},
        initial={"V_m": -65.0},
        spikes={"exc_spikes": [(50.0, 100.0)]},
        currents={"I_stim": ([100.0], [50.0])},
    )
    assert (table[:, 0] == trace.times).all()
    assert (table[:, 1] == trace["V_m"]).all()
    assert (table[:, 2] == trace["I_syn_exc"]).all()
    assert (np.flatnonzero(table[:, 3]) + 1).tolist() == trace.spike_steps.tolist()
    assert len(trace.spike_steps) > 3


@pytest.fixture(scope="module")
def by_hand(compiler: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return program(models()["iaf_psc_exp"], tmp_path_factory.mktemp("by_hand"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("steps ten\n", "line 1: not a whole number: ten"),
        ("dt 0.1\nparameter C_m\n", "line 2: something is missing"),
        ("dt 0.1 # ms\n\nparameter C_m 1x", "line 3: not a number: 1x"),
        ("colour blue", "line 1: an unknown item: colour"),
        ("spike nowhere 1 1", "an unknown port"),
        ("spike exc_spikes 2 1\nspike exc_spikes 1 1", "line 2: the steps of a port must ascend"),
        ("parameter nothing 1", "unknown name: nothing"),
        ("initial nothing 1", "unknown name: nothing"),
        ("record nothing", "unknown name: nothing"),
        ("dt 0", "guard: dt"),
        ("parameter C_m -1", "guard: C_m: C_m > 0 pF"),
    ],
)
def test_mistakes_by_hand_are_explained(
    by_hand: Path, tmp_path: Path, text: str, problem: str
) -> None:
    experiment = tmp_path / "experiment.txt"
    experiment.write_text(text, encoding="utf-8")
    done = subprocess.run([by_hand, experiment], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert problem in done.stderr
    assert done.stdout == ""
