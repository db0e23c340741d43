"""State that needs no steps: one long interval is worth many short ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from exact_systems import ValuesOf

from nestml_core.experiment import Experiment, schedule
from nestml_core.expr import Symbol
from nestml_core.pipeline import check_sources, compile_files
from nestml_core.reference import evaluate, simulate
from nestml_core.reference.instance import Instance
from nestml_core.solved import SolvedModel, Update
from nestml_core.source import Source
from nestml_core.testing import corpus
from nestml_core.verify import violations

PEER = os.environ.get("NESTML_PEER_PACKAGE", "")

STDP = """model plastic_synapse:
    state:
        w real = 1
        x real = 0
        x2 real = 0
        y real = 0
        low real = 0
        seen real = 0
        counted real = 0
    parameters:
        tau_x ms = 15 ms
        tau_y ms = 30 ms
        tau_l ms = 40 ms
        drive real = 0.3
    equations:
        kernel K = t / tau_x * exp(-t / tau_x)
        inline k real = convolve(K, post)
        x' = -x / tau_x
        x2' = (x - x2) / tau_y
        y' = -y / tau_y + post
        low' = (drive - low) / tau_l
        seen' = (x - seen) / tau_x
        counted' = -counted / tau_x
    input:
        pre <- spike
        post <- spike
    output:
        spike
    update:
        integrate_odes()
        w = w + 0.001 * seen
        counted += 1
    onReceive(pre):
        x += 1
        w -= 0.1 * y
        emit_spike(w)
    onReceive(post):
        w += 0.1 * x2 + 0.01 * low + 0.02 * k
"""


def solved(text: str) -> SolvedModel:
    program = check_sources([Source("m.nestml", text)])
    assert program.value is not None, program.diagnostics
    return program.value.models[0]


def updates(model: SolvedModel) -> list[Update]:
    """Return the updates of all event-driven state, each once."""
    linear = [f.linear for f in model.flows if f.linear is not None]
    candidates = [u for s in (*model.convolutions, *linear) for u in s.updates]
    found = {u.target: u for u in candidates if u.target in model.between.event_driven}
    assert set(found) == set(model.between.event_driven)
    return list(found.values())


def instance(model: SolvedModel, h: float) -> Instance:
    laid = schedule(Experiment(duration=h, dt=h), model).value
    assert laid is not None
    return Instance(model, laid)


def advanced(
    model: SolvedModel, state: dict[Symbol, float], h: float, times: int
) -> dict[Symbol, float]:
    """Return the event-driven state after ``times`` intervals h, as the contract says."""
    values = ValuesOf(instance(model, h))
    for _ in range(times):
        values |= state
        state = {u.target: evaluate(u.value, values).value for u in updates(model)}
    return state


def check_intervals(model: SolvedModel) -> None:
    assert violations(model) == ()
    state = {u.target: 0.7 + 0.1 * i for i, u in enumerate(updates(model))}
    for dt, times in ((0.1, 7), (0.1, 200), (1.0, 30), (0.37, 3)):
        stepped = advanced(model, state, dt, times)
        at_once = advanced(model, state, dt * times, 1)
        for x, value in stepped.items():
            assert at_once[x] == pytest.approx(value, rel=1e-13, abs=1e-13), x.name


CORPUS = [m for m in corpus.models().values() if m.between.event_driven]


@pytest.mark.parametrize("model", CORPUS, ids=lambda m: m.name)
def test_one_interval_is_many_steps(model: SolvedModel) -> None:
    check_intervals(model)


@pytest.mark.skipif(not PEER, reason="set NESTML_PEER_PACKAGE")
@pytest.mark.parametrize(
    "path", sorted(Path(PEER).glob("**/models/*/*.nestml")) if PEER else [], ids=lambda p: p.stem
)
def test_models_of_the_reference_toolchain(path: Path) -> None:
    program = compile_files([path]).value
    assert program is not None
    check_intervals(program.models[0])


def test_which_state_is_event_driven() -> None:
    """Not what `update` reads (seen, and x through it) or writes (w, counted)."""
    model = solved(STDP)
    names = [v.name for v in model.between.event_driven]
    assert names == ["y", "low", "K__X__post__0_0", "K__X__post__0_1"]
    check_intervals(model)
    without = solved(STDP.replace("        w = w + 0.001 * seen\n", ""))
    names = [v.name for v in without.between.event_driven]
    assert names[:5] == ["x", "x2", "y", "low", "seen"]
    check_intervals(without)


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("        counted += 1\n", "        if counted > 0:\n            y = 0\n", {"y"}),
        ("(drive - low) / tau_l", "(drive - low * low) / tau_l", {"low"}),
        ("(drive - low) / tau_l", "(drive * sin(t / 1 ms) - low) / tau_l", {"low"}),
        ("(drive - low) / tau_l", "(drive - low + y) / tau_l", set()),
        ("(drive - low) / tau_l", "(drive - low + w) / tau_l", {"low"}),
        ("integrate_odes()", "if w > 0:\n            integrate_odes()", {"y", "low"}),
        ("integrate_odes()", "integrate_odes(y)\n        integrate_odes()", {"y"}),
        (
            "integrate_odes()",
            "if w > 0:\n            integrate_odes(y, low)\n"
            "        else:\n            integrate_odes(y, x, low)",
            set(),
        ),
        ("drive real = 0.3", "drive real = resolution() / 1 ms", {"low"}),
        (
            "    onReceive(pre)",
            "    onCondition(k > 3):\n        w = 0\n    onReceive(pre)",
            {"K__X__post__0_0", "K__X__post__0_1"},
        ),
        (
            "    onReceive(pre)",
            "    function set() real:\n        y = 0\n        return 1\n"
            "    onCondition(set() > 3):\n        w = 0\n    onReceive(pre)",
            {"y"},
        ),
        (
            "        w = w + 0.001 * seen\n",
            "        counted = set()\n"
            "    function set() real:\n        y = 0\n        return seen\n",
            {"y"},
        ),
    ],
)
def test_what_takes_state_out(old: str, new: str, lost: set[str]) -> None:
    before = {v.name for v in solved(STDP).between.event_driven}
    assert old in STDP
    model = solved(STDP.replace(old, new))
    assert {v.name for v in model.between.event_driven} == before - lost
    check_intervals(model)


def test_events_alone_give_what_all_steps_give() -> None:
    """The traces of a synapse, advanced from spike to spike, against the stepping reference."""
    model = solved(STDP.replace("        w = w + 0.001 * seen\n", ""))
    dt, pre = 0.1, [3.0, 3.5, 9.1, 20.0]
    laid = schedule(Experiment(25.0, dt, spikes={"pre": [(t, 1.0) for t in pre]}), model).value
    assert laid is not None
    trace = simulate(model, laid).value
    assert trace is not None
    state = dict.fromkeys(model.between.event_driven, 0.0)
    x = next(v for v in state if v.name == "x")
    last = 0.0
    for t in pre:
        state = advanced(model, state, t - last, 1)
        state[x] += 1.0
        last = t
        for v, value in state.items():
            if v.name in trace.values:
                got = trace[v.name][round(t / dt) - 1]
                assert got == pytest.approx(value, rel=1e-12, abs=1e-13), v.name


def test_neurons_that_are_exact_between_spikes() -> None:
    exact = {m.name: m.between for m in corpus.models().values()}
    assert exact["iaf_psc_exp"].is_exact
    assert exact["oscillator"].is_exact
    assert not exact["izhikevich"].is_exact
    assert exact["izhikevich"].reason == "`V_m`, `U_m` must be integrated numerically"
    assert not exact["conductance"].is_exact


CLOCK = """model m:
    state:
        x real = 1
    parameters:
        tau ms = 4 ms
    equations:
        x' = t / tau**2 - x / tau
    update:
        integrate_odes()
"""


def test_time_in_linear_equations_leaves_them_exact_between_events() -> None:
    model = solved(CLOCK)
    assert model.between.is_exact
    ends = []
    for dt in (0.1, 0.5, 6.0):
        laid = schedule(Experiment(12.0, dt), model).value
        assert laid is not None
        trace = simulate(model, laid).value
        assert trace is not None
        ends.append(trace["x"][-1])
    assert ends == pytest.approx([ends[-1]] * 3, rel=1e-13)


def test_state_that_every_step_sets_is_no_clock() -> None:
    text = CLOCK.replace("x real = 1", "x real = 1\n        c ms = 0 ms").replace(
        "        x' =", "        c' = 1\n        x' = c * 0.01 / 1 ms**2 +"
    )
    text = text.replace("integrate_odes()", "c = 0 ms\n        integrate_odes()")
    assert not solved(text).between.is_exact
