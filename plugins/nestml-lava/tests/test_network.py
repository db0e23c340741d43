"""Networks of generated processes: connections, delays, sources, and running them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

ARRIVALS = """
from iaf_psc_delta import Recorder, SpikeSource, connect, iaf_psc_delta, run
recorder = Recorder({folder!r}, ("V_m",), 100)
source = SpikeSource([[1.0, 2.0, 2.0, 5.0], [3.0]])
neurons = iaf_psc_delta(shape=(2, 2), tau_m=1e9, V_th=1e6, recorder=recorder)
weights = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0], [0.0, -0.5]])
delays = np.array([[1.0, 1.0], [0.1, 1.0], [1.0, 1.0], [1.0, 2.5]])
connect(source, neurons.spikes, weights, delays)
run(neurons, 4.0)
run(neurons, 6.0)
neurons.stop()
neurons.stop()
V_m = np.load(recorder.path("V_m")).reshape(100, 4) + 70.0
print(json.dumps(np.diff(V_m, axis=0, prepend=0.0).round(6).T.tolist()))
"""


def test_spikes_arrive_after_their_delays_with_their_multiplicity(
    library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Any
) -> None:
    """In two runs of one network; a spike at t arrives at t + delay, two spikes count twice."""
    library("iaf_psc_delta")
    jumps = np.array(answer(ARRIVALS.format(folder=str(tmp_path))))
    found = [{int(k) + 1: row[k] for k in np.nonzero(row)[0]} for row in jumps]
    assert found == [{20: 1.0, 30: 2.0, 60: 1.0}, {11: 2.0, 21: 4.0, 51: 2.0}, {}, {55: -0.5}]


RECURRENT = """
from iaf_psc_delta import (
    InProcess, InProcessNetwork, Recorder, SpikeSource, connect, iaf_psc_delta, run)
n, rng = 30, np.random.default_rng(3)
weights = rng.uniform(-2.0, 3.0, (n, n)) * (rng.random((n, n)) < 0.3)
delays = 0.1 * rng.integers(1, 12, (n, n))
I_e = rng.uniform(300.0, 600.0, n)
recorder = Recorder({folder!r}, ("V_m", "spike"), 1500)
def network(recorder=None):
    neurons = iaf_psc_delta(shape=(n,), I_e=I_e, recorder=recorder)
    connect(neurons, neurons.spikes, weights, delays)
    connect(SpikeSource([50.0, 50.0]), neurons.spikes, np.full((n, 1), 3.0), 0.4)
    return neurons
neurons = network(recorder)
run(neurons, 150.0)
neurons.stop()
twin = network()
in_process = InProcessNetwork(twin)
in_process.run(150.0)
spikes = np.load(recorder.path("spike"))
alone = InProcess(iaf_psc_delta(shape=(n,), I_e=I_e))
steps = np.rint(delays / 0.1).astype(int)
sent, largest = np.zeros((1500, n)), 0.0
for k in range(1500):
    arriving = np.zeros(n)
    for i, j in zip(*np.nonzero(weights)):
        if k >= steps[i, j]:
            arriving[i] += weights[i, j] * sent[k - steps[i, j], j]
    arriving += 6.0 * (k == 503)
    sent[k] = alone.step(spikes=arriving)
    largest = max(largest, abs(alone["V_m"] - np.load(recorder.path("V_m"), "r")[k]).max())
apart = abs(in_process[twin]["V_m"] - np.load(recorder.path("V_m"))[-1]).max()
print(json.dumps([int(spikes.sum()), bool((spikes == sent).all()), largest, apart]))
"""


def test_a_recurrent_network_is_what_its_definition_says(
    library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Any
) -> None:
    """The ring of delays against a loop over all connections in every step; also in-process."""
    library("iaf_psc_delta")
    count, same, largest, apart = answer(RECURRENT.format(folder=str(tmp_path)))
    assert count > 100
    assert same
    assert largest < 1e-9
    assert apart == 0.0


COUPLED = """
from lin_rate import Recorder, connect, lin_rate, run
recorders = [Recorder({folder!r}, ("rate",), 200), Recorder({folder!r} + "/run", ("rate",), 200)]
driver = lin_rate(mu=2.0, sigma=0.0, recorder=recorders[0])
driven = lin_rate(sigma=0.0, recorder=recorders[1])
connect(driver.rate_out, driven.input_rate, [[0.5]])
run(driven, 20.0)
driven.stop()
print(json.dumps([np.load(r.path("rate"))[:, 0].tolist() for r in recorders]))
"""


def test_a_model_with_continuous_output_has_a_port_for_each_variable(
    library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Any
) -> None:
    library("lin_rate")
    values = answer(COUPLED.format(folder=str(tmp_path)))
    first, second = np.array(values)
    # What is sent at the end of step k holds in step k + 2: one step of delay, one of holding.
    drive = np.concatenate([[0.0, 0.0], first[:-2]])
    expected = np.zeros(200)
    decay = np.exp(-0.1 / 10.0)
    rate = 0.0
    for k in range(200):
        rate = rate * decay + 0.5 * drive[k] * (1.0 - decay)
        expected[k] = rate
    assert first[-1] > 1.0
    assert np.abs(second - expected).max() < 1e-12


REFUSED = """
import warnings
from iaf_psc_exp import SpikeSource, connect, iaf_psc_exp, run
source, neurons = SpikeSource([[1.0], [2.0]]), iaf_psc_exp(shape=(4,))
ones = np.ones((4, 2))
said = []
for attempt in (
    lambda: connect(source, neurons.exc_spikes, np.ones((3, 2))),
    lambda: connect(source, neurons.exc_spikes, -ones),
    lambda: connect(source, neurons.exc_spikes, ones, 0.04),
    lambda: connect(source, neurons.exc_spikes, ones, np.ones(3)),
    lambda: connect(source, neurons.exc_spikes, np.nan * ones),
    lambda: connect(iaf_psc_exp(shape=(2,), dt=0.2), neurons.exc_spikes, ones),
    lambda: connect(source, neurons, ones),
    lambda: SpikeSource([0.0]),
    lambda: run(neurons, 0.25),
):
    try:
        attempt()
        said.append("nothing")
    except (TypeError, ValueError) as problem:
        said.append(f"{type(problem).__name__}: {problem}")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    connect(source, neurons.exc_spikes, ones, 0.27)
    SpikeSource([0.33])
print(json.dumps([said, [[str(x.message), x.filename == __file__] for x in caught]]))
"""


def test_what_does_not_fit_is_an_error_before_anything_runs(
    library: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    library("iaf_psc_exp")
    said, warned = answer(REFUSED)
    assert said[0] == "ValueError: weights have the shape (3, 2), not (post, pre) = (4, 2)"
    assert said[1].startswith("ValueError: iaf_psc_exp.exc_spikes takes weights >= 0")
    assert "inh_spikes" in said[1]
    assert said[2] == "ValueError: a delay of 0.04 ms is shorter than a step of 0.1 ms"
    assert said[3].startswith("ValueError: delays have the shape (3,)")
    assert said[4] == "ValueError: weights must be finite numbers"
    assert said[5].startswith("ValueError: iaf_psc_exp.spike has steps of 0.2 ms")
    assert said[6].startswith("TypeError: connect(pre, post, ...)")
    assert said[7] == "ValueError: a spike at 0 ms: the first step ends at dt"
    assert said[8] == "ValueError: 0.25 ms is no multiple of the time step, 0.1 ms"
    assert [text for text, _ in warned] == [
        "a delay of 0.27 ms is no multiple of dt = 0.1 ms and is rounded to 0.3 ms",
        "a spike at 0.33 ms is no multiple of dt = 0.1 ms and is moved to 0.3 ms",
    ]
    assert all(here for _, here in warned)


FAILING = """
import multiprocessing, time
from exploding import exploding, run
if __name__ == "__main__":
    own = multiprocessing.Process(target=time.sleep, args=(60,))
    own.start()
    neuron = exploding()
    try:
        run(neuron, 10.0)
    except RuntimeError as problem:
        print(json.dumps([str(problem), own.is_alive()]), flush=True)
    own.terminate()
"""


@pytest.mark.usefixtures("lava")
def test_a_network_that_fails_ends(written: Callable[..., Any], script: Callable[..., Any]) -> None:
    """Its processes do not wait for ever, and the cause is on the terminal; others go on."""
    written(
        "model exploding:\n    state:\n        x real = 1\n    equations:\n"
        "        x' = x / 1e-4 ms\n    update:\n        integrate_odes()\n"
    )
    outcome = script(FAILING)
    assert outcome.status == 0, outcome.errors
    assert "true]" in outcome.output
    assert "FloatingPointError: exploding: x of neuron 0 is inf in step 1" in outcome.errors
