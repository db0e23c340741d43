"""One synapse on the reference interpreter: closed forms, order of events, what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import nestml_core as nestml
from nestml_core import Model, ModelError
from nestml_core.cli import main
from nestml_core.network import roles
from nestml_core.stimuli import standard_stimulus

PAIR = """model pair:
    parameters:
        A_plus real = 0.3
        A_minus real = 0.2
        tau_plus ms = 17 ms
        tau_minus ms = 23 ms

    state:
        w real = 1
        x real = 0
        y real = 0

    equations:
        x' = -x / tau_plus
        y' = -y / tau_minus

    input:
        pre_spikes <- spike
        post_spikes <- spike

    output:
        spike

    update:
        integrate_odes()

    onReceive(post_spikes{post}):
        y += 1
        w += A_plus * x

    onReceive(pre_spikes{pre}):
        x += 1
        w -= A_minus * y
        emit_spike(w)
"""


def pair(pre: str = "", post: str = "") -> Model:
    return nestml.load(PAIR.format(pre=pre, post=post))


def weight_of_pairs(pre: list[float], post: list[float], coincident: str = "post first") -> float:
    """Return the weight after all pairs, each for itself."""
    w = 1.0
    for i in pre:
        for s in post:
            if i < s or (i == s and coincident == "pre first"):
                w += 0.3 * math.exp(-(s - i) / 17)
            else:
                w -= 0.2 * math.exp(-(i - s) / 23)
    return w


PRE, POST = [10.0, 31.7, 32.0, 60.0], [15.0, 31.2, 44.4, 58.1]


def test_the_weight_is_the_sum_over_all_pairs() -> None:
    run = pair().simulate(80, spikes={"pre_spikes": PRE, "post_spikes": POST}, backend="reference")
    assert run.spikes == pytest.approx(PRE)
    assert run.weights is not None
    for k, t in enumerate(PRE):
        before = [s for s in POST if s <= t]
        assert run.weights[k] == pytest.approx(weight_of_pairs(PRE[: k + 1], before), rel=1e-13)
    assert run["w"][-1] == pytest.approx(weight_of_pairs(PRE, POST), rel=1e-13)


def test_what_is_recorded_flows_between_events() -> None:
    run = pair().simulate(80, spikes={"pre_spikes": PRE, "post_spikes": POST}, backend="reference")
    for name, times, tau in (("x", PRE, 17.0), ("y", POST, 23.0)):
        since = run.times[:, None] - np.array(times)
        with np.errstate(over="ignore"):
            exact = np.where(since > -1e-9, np.exp(-since / tau), 0.0).sum(axis=1)
        assert np.abs(run[name] - exact).max() < 1e-13
    assert len(set(run["w"])) == 8  # one for each event but the first, before which there is none


def test_recording_changes_nothing() -> None:
    spikes = {"pre_spikes": PRE, "post_spikes": POST}
    runs = [pair().simulate(80, spikes=spikes, record=r, backend="reference") for r in ([], ["x"])]
    assert runs[0].weights is not None
    assert runs[1].weights is not None
    assert runs[0].weights.tolist() == runs[1].weights.tolist()


@pytest.mark.parametrize(
    ("pre", "post", "first"),
    [
        ("", "", "post first"),
        (", priority=2", ", priority=1", "pre first"),
        (", priority=1", ", priority=2", "post first"),
    ],
)
def test_priorities_decide_what_comes_first(pre: str, post: str, first: str) -> None:
    spikes = {"pre_spikes": [5.0, 20.0], "post_spikes": [20.0]}
    run = pair(pre, post).simulate(30, spikes=spikes, backend="reference")
    expected = weight_of_pairs([5.0, 20.0], [20.0], first)
    assert run["w"][-1] == pytest.approx(expected, rel=1e-13)


def test_two_spikes_in_one_step_are_two_events() -> None:
    run = pair().simulate(30, spikes={"pre_spikes": [5.0, 5.0]}, backend="reference")
    assert run.spike_steps.tolist() == [50, 50]
    assert run["x"][49] == 2.0


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    spikes = {"pre_spikes": PRE, "post_spikes": POST}
    short, long = (pair().simulate(d, spikes=spikes, backend="reference") for d in (40, 80))
    for name in ("w", "x", "y"):
        assert short[name].tolist() == long[name][:400].tolist()


CLOCK = """model clock:
    state:
        begin ms = -1 ms
        length ms = -1 ms
        seen ms = -1 ms
        grid ms = -1 ms
        count integer = 0

    internals:
        P real = exp(-timestep_is / 10 ms)
        timestep_is ms = resolution()

    input:
        pre <- spike
        post_spikes <- spike

    output:
        spike

    update:
        begin = t
        length = timestep()
        count += 1

    onReceive(pre):
        seen = t
        grid = resolution()
        emit_spike(P)

    onReceive(post_spikes):
        seen = t
"""


def test_time_in_update_and_handlers() -> None:
    """`update` covers the interval from `t`, `timestep()` long; `resolution()` is the grid's."""
    model = nestml.load(CLOCK)
    spikes = {"pre": [2.0, 7.5], "post_spikes": [7.5]}
    run = model.simulate(10, dt=0.5, spikes=spikes, backend="reference")
    at = {t: k for k, t in enumerate(run.times.tolist())}
    assert run["seen"][at[2.0]] == 2.0
    assert run["begin"][at[2.0]] == 0.0
    assert run["length"][at[2.0]] == 2.0
    assert run["begin"][at[7.5]] == 2.0
    assert run["length"][at[7.5]] == 5.5
    assert run["grid"][at[7.5]] == 0.5
    # two events at 7.5, one interval: and what is recorded later has not happened
    assert run["count"][at[7.5]] == 2
    assert run["count"][-1] == 3
    assert run.weights is not None
    assert run.weights.tolist() == [math.exp(-0.05)] * 2


CONVOLVING = """model convolving:
    parameters:
        tau ms = 8 ms

    equations:
        kernel K = (t / tau) * exp(1 - t / tau)
        recordable inline trace real = convolve(K, pre) + 0.5 * convolve(K, mod)

    input:
        pre <- spike
        mod <- spike
        post_spikes <- spike

    output:
        spike

    onReceive(pre):
        emit_spike(trace)
"""


def test_convolutions_do_not_see_the_spike_that_is_being_handled() -> None:
    model = nestml.load(CONVOLVING)
    spikes = {"pre": [3.0, 9.0], "mod": [5.0, (9.0, 1.0)]}
    run = model.simulate(20, spikes=spikes, backend="reference")

    def response(since: np.ndarray) -> np.ndarray:
        return np.where(since > 0, since / 8 * np.exp(1 - since / 8), 0.0)

    exact = sum(f * response(run.times - t) for t, f in ((3, 1), (9, 1), (5, 0.5), (9, 0.5)))
    assert np.abs(run["trace"] - exact).max() < 1e-12
    assert run.weights is not None
    expected = [0.0, float(response(np.array(6.0)) + 0.5 * response(np.array(4.0)))]
    assert run.weights == pytest.approx(expected, abs=1e-12)


JUMPING = """model jumping:
    state:
        x real = 0
        z real = 0
    equations:
        x' = -x / 5 ms + 2 * pre + 3 * post_spikes
        z' = -z**3 / 10 ms
    input:
        pre <- spike
        post_spikes <- spike
    output:
        spike
    update:
        integrate_odes()
    onReceive(pre):
        z = 1
        emit_spike(x)
"""


def test_spikes_on_a_right_hand_side_count_also_in_an_interval_of_no_length() -> None:
    run = nestml.load(JUMPING).simulate(
        20, spikes={"pre": [2.0, 6.0], "post_spikes": [6.0]}, backend="reference"
    )
    assert run.weights == pytest.approx([2.0, 2 * math.exp(-0.8) + 5.0], rel=1e-13)


def test_nonlinear_equations_are_integrated_from_event_to_event() -> None:
    run = nestml.load(JUMPING).simulate(20, spikes={"pre": [2.0]}, backend="reference")
    since = run.times[20:] - 2.0
    assert np.abs(run["z"][20:] - 1 / np.sqrt(1 + since / 5)).max() < 1e-7


def test_time_passes_in_equations_from_event_to_event() -> None:
    text = JUMPING.replace("-z**3 / 10 ms", "t / 1 ms**2").replace("z = 1", "z += 1")
    run = nestml.load(text).simulate(20, spikes={"pre": [2.0, 11.3]}, backend="reference")
    spikes = np.add.outer(-run.times, [2.0, 11.3]) < 1e-9
    assert np.abs(run["z"] - run.times**2 / 2 - spikes.sum(axis=1)).max() < 1e-11


FACTOR = """model factor:
    state:
        last mV = 0 mV
        {extra}
    input:
        pre <- spike
        post_spikes <- spike
        V mV <- continuous
    output:
        spike
    onReceive(pre):
        last = V
        emit_spike(1)
    onReceive(post_spikes):
        last = V
{update}
"""


def test_a_third_factor_has_the_value_at_the_time_of_the_event() -> None:
    model = nestml.load(FACTOR.format(extra="", update=""))
    run = model.simulate(
        10,
        spikes={"pre": [2.0], "post_spikes": [3.0, 3.1]},
        currents={"V": ([0.0, 2.0, 3.1], [-70.0, -60.0, -50.0])},
        backend="reference",
    )
    at = {round(t, 1): v for t, v in zip(run.times, run["last"], strict=True)}
    assert (at[2.0], at[3.0], at[3.1]) == (-60.0, -60.0, -50.0)


def test_a_flow_that_reads_an_input_follows_it() -> None:
    """A low pass of a signal in steps has a closed form in each of them."""
    extra = "u mV = 0 mV\n    equations:\n        u' = (V - u) / 4 ms"
    model = nestml.load(FACTOR.format(extra=extra, update="    update:\n        integrate_odes()"))
    run = model.simulate(
        10, spikes={"pre": [5.0]}, currents={"V": ([2.0, 6.0], [8.0, 0.0])}, backend="reference"
    )
    rise = np.clip(run.times - 2.0, 0.0, 4.0)
    exact = 8 * (1 - np.exp(-rise / 4)) * np.exp(-np.clip(run.times - 6.0, 0.0, None) / 4)
    assert np.abs(run["u"] - exact).max() < 1e-12


MODULATED = """model modulated:
    state:
        n real = 0
        seen real = 0
    input:
        pre <- spike
        mod_a <- spike
        post_spikes <- spike
        mod_b <- spike
    output:
        spike
    onReceive(pre):
        n = 2 * n
        seen = n
        emit_spike(n)
    onReceive(mod_a):
        n += 1
    onReceive(post_spikes):
        n += 10
    onReceive(mod_b{priority}):
        n = n * n
"""


def test_modulators_come_first_in_the_order_of_the_file() -> None:
    model = nestml.load(MODULATED.format(priority=""))
    found = roles(model.solved).value
    assert found is not None
    assert [p.name for p in found.order] == ["mod_a", "mod_b", "post_spikes", "pre"]
    spikes = {p: [3.0] for p in ("pre", "mod_a", "post_spikes", "mod_b")}
    run = model.simulate(5, spikes={**spikes, "mod_a": [3.0, 3.0]}, backend="reference")
    assert run["seen"][-1] == 2 * (2**2 + 10)


RANDOM = """model random:
    parameters:
        A real = 1
    state:
        noise real = 0
    input:
        pre <- spike
    output:
        spike
    update:
        noise += random_normal(0, 1)
    onReceive(pre):
        emit_spike(random_uniform(0, 1))
"""


def test_random_numbers_depend_on_the_seed_and_not_on_what_is_recorded() -> None:
    model = nestml.load(RANDOM)
    pre = {"pre": [1.0, 2.0, 5.0, 9.0]}

    def weights(seed: int, record: list[str]) -> list[float]:
        run = model.simulate(10, spikes=pre, seed=seed, record=record, backend="reference")
        assert run.weights is not None
        return run.weights.tolist()

    assert weights(1, []) == weights(1, ["noise"])
    assert weights(1, []) != weights(2, [])
    assert all(0 <= w < 1 for w in weights(1, []))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"spikes": {"pre_spikes": [(5.0, 2.0)]}}, "error[NML902]: spikes for `pre_spikes`: a wei"),
        ({"spikes": {"pre_spike": [5.0]}}, "did you mean `pre_spikes`?"),
        ({"parameters": {"A_plus": 0.1, "A": 1}}, "`pair` has no parameter `A`"),
    ],
)
def test_what_does_not_fit_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError) as problem:
        pair().simulate(10, backend="reference", **given)
    assert said in str(problem.value)


def test_a_weight_that_is_not_finite_ends_the_run_with_its_time() -> None:
    text = RANDOM.replace("random_uniform(0, 1)", "1 / A")
    with pytest.raises(ModelError) as problem:
        nestml.load(text).simulate(
            10, spikes={"pre": [2.5]}, parameters={"A": 0.0}, backend="reference"
        )
    assert "NML933" in str(problem.value)
    assert "t = 2.5 ms" in str(problem.value)


AMBIGUOUS = MODULATED.replace("post_spikes", "other").format(priority="")


def test_a_port_that_could_be_either_is_asked_about() -> None:
    model = nestml.load(AMBIGUOUS)
    with pytest.raises(ModelError) as problem:
        model.simulate(10, backend="reference")
    assert "error[NML964]" in str(problem.value)
    assert "postsynaptic" in str(problem.value)
    named = roles(model.solved, postsynaptic="other").value
    assert named is not None
    assert [p.name for p in named.modulators] == ["mod_a", "mod_b"]


def test_delayed_variables_need_steps() -> None:
    text = JUMPING.replace("-z**3 / 10 ms", "-z(t - 3 ms) / 10 ms")
    with pytest.raises(ModelError) as problem:
        nestml.load(text).simulate(10, backend="reference")
    assert "error[NML965]" in str(problem.value)


def test_the_standard_stimulus_of_a_synapse_is_trains() -> None:
    model = pair().solved
    chosen, text = standard_stimulus(model, nestml.Experiment(duration=500.0))
    assert text == "pre_spikes: Poisson 50 Hz; post_spikes: Poisson 50 Hz"
    run = pair().run(chosen, "reference")
    assert len(run.spikes) > 10
    assert len(set(run["w"])) > 10


def test_a_synapse_runs_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    trains = ["--spikes", "pre_spikes=10,20", "--spikes", "post_spikes=15"]
    assert main(["run", "stdp", "--duration", "50ms", *trains]) == 0
    assert "2 spikes at (ms): 10, 20" in capsys.readouterr().out
    assert main(["run", "stdp", "--duration", "500ms", "--backend", "reference"]) == 0
    out = capsys.readouterr().out
    assert "stimulus: pre_spikes: Poisson 50 Hz" in out
    assert " on reference (" in out


def test_times_alone_are_spikes_of_weight_1() -> None:
    runs = [
        nestml.simulate("iaf_psc_exp", 20, spikes={"exc_spikes": train}, backend="reference")
        for train in ([2.0, "3 ms"], [(2.0, 1.0), (3.0, 1.0)])
    ]
    assert runs[0]["V_m"].tolist() == runs[1]["V_m"].tolist()
    assert runs[0]["V_m"].max() > -70
