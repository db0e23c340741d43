"""Control flow, vectorised: each neuron takes its own way, as the reference interpreter does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nestml_core.api import Experiment, Method
from nestml_core.experiment import schedule
from nestml_core.reference import simulate

MODEL = """
model winding:
    state:
        x real = 0
        n integer = 0
        flag boolean = false
        trace_ V = -0.07 V
        found real = 0
        last ms = -1 ms * inf
    equations:
        kernel K = exp(-t / tau)
        inline drive real = convolve(K, spikes)
        recordable inline total real = drive + x
        trace_' = (-70 mV - trace_) / tau + drive * 1 mV / 1 ms
    parameters:
        tau ms = 5 ms
        size integer = 3
        level real = 1.5
        on boolean = true
    input:
        spikes <- spike
    output:
        spike
    function factorial(k integer) real:
        if k <= 1:
            return 1.0
        return k * factorial(k - 1)
    function halvings(a real) integer:
        count integer = 0
        while abs(a) > 0.01:
            a /= 2
            count += 1
            if count > 8:
                return -1
        return count
    function clipped(a real) real:
        if a < 0:
            a = 0
        elif a > 10:
            return 10
        return a
    update:
        integrate_odes()
        x = clipped(x * level - 0.7 + 0.1 * size)
        found = 0
        j integer = 0
        for j in size ... -2 step -2:
            if j == 1 and halvings(x) >= 0:
                found += 10
            elif on:
                found += (x > 2) ? factorial(j + 2) : halvings(j * level)
            else:
                local real = found
                while local > 3:
                    local -= 2.5
                found = local
        found += (level > 2 or halvings(found) > 3) ? 0.5 : 0
        n = (n * 3 + size) % 17 // 2
        n = ((n & 5) | (n << 1)) ^ size
        flag = not flag and (x > 1 or n > 4)
        if flag:
            last = t
    onReceive(spikes):
        n += 1
        x += 0.5 * spikes * 1 s
    onCondition(x >= 8):
        x -= level
        emit_spike()
        if on:
            emit_spike()
    onCondition(x >= 9):
        x = 0
"""

VALUES: dict[str, list[Any]] = {
    "tau": [5.0, 2.0, 9.0, 5.0, 1.0],
    "size": [3, 4, 1, 6, 2],
    "level": [1.5, 0.2, 3.0, -1.0, 2.5],
    "on": [True, False, True, False, False],
}

PROGRAM = """
from winding import InProcess, winding
neurons = InProcess(winding(shape=(5,), **{values!r}))
weights = np.array({weights!r})
names = ("x", "n", "flag", "trace_", "found", "total", "last")
rows = []
for k in range(len(weights)):
    sent = neurons.step(spikes=weights[k])
    rows.append([sent.tolist()] + [neurons[n].astype(float).tolist() for n in names])
print(json.dumps(rows))
"""


def test_every_neuron_takes_its_own_way(
    written: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    package = written(MODEL)
    rng = np.random.default_rng(8)
    weights = np.where(rng.random((120, 5)) < 0.2, rng.integers(1, 5, (120, 5)), 0).astype(float)
    rows = answer(PROGRAM.format(values=VALUES, weights=weights.tolist()))
    model = package.artifact.program.models[0]
    names = ("x", "n", "flag", "trace_", "found", "total", "last")
    branches: set[tuple[float, ...]] = set()
    for i in range(5):
        arrived = [((k + 1) * 0.1, w) for k, w in enumerate(weights[:, i]) if w]
        experiment = Experiment(
            12.0,
            parameters={name: values[i] for name, values in VALUES.items()},
            spikes={"spikes": arrived},
        )
        laid = schedule(experiment, model)
        assert laid.value is not None
        expected = simulate(model, laid.value).value
        assert expected is not None
        counts = np.bincount(expected.spike_steps, minlength=121)[1:]
        assert [row[0][i] for row in rows] == counts.tolist()
        for place, name in enumerate(names, 1):
            factor = 1000.0 if name == "trace_" else 1.0
            got = np.array([row[place][i] for row in rows]) * factor
            np.testing.assert_allclose(got, expected[name], rtol=1e-12, atol=1e-12, err_msg=name)
        branches |= set(zip(expected["found"], expected["flag"], strict=True))
    assert len(branches) > 12, "too uniform to mean anything"


GRADED = """
model graded:
    state:
        n integer = 0
    parameters:
        w real = 2.5
    input:
        spikes <- spike
    output:
        spike
    update:
        n += 1
    onReceive(spikes):
        emit_spike(w * n)
    onCondition(n == 3):
        emit_spike(0.25)
"""

GRADED_PROGRAM = """
from graded import graded
from graded import Recorder
neurons = graded(shape=(2,), w=[2.5, -1.0], recorder=Recorder(".", ("spike",), 5))
receivers = graded(shape=(2,), recorder=None)
source = RingBuffer(data=np.array([[0.0, 1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]]))
source.s_out.connect(neurons.spikes)
from lava.proc.io.sink import RingBuffer as Sink
sink = Sink(shape=(2,), buffer=5)
neurons.spike.connect(sink.a_in)
neurons.run(RunSteps(5), CONFIG)
sent = sink.data.get().tolist()
neurons.stop()
print(json.dumps([sent, np.load("spike.npy").T.tolist()]))
"""


def test_spikes_with_weights_are_sent_as_such(
    written: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    written(GRADED)
    sent, counts = answer(GRADED_PROGRAM)
    assert sent == [[0, 5.0, 7.75, 0, 0], [0, 0, -2.75, 0, 0]]
    assert counts == [[0, 1, 2, 0, 0], [0, 0, 2, 0, 0]]


SINGLE = """
model single:
    state:
        x real = 1
    parameters:
        a real = 1
    equations:
        x' = -a * x * x / 1 ms
    update:
        integrate_odes()
"""

SINGLE_PROGRAM = """
from importlib import import_module
found = {{}}
for name in {names!r}:
    module = import_module(name)
    neurons = module.InProcess(getattr(module, name)(shape=(4,), x={x!r}, a={a!r}, dt=0.01))
    for _ in range(10):
        neurons.step()
    found[name] = neurons["x"].tolist()
print(json.dumps(found))
"""


def test_a_single_nonlinear_variable_of_several_neurons(
    written: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    """x = x_0 / (1 + a x_0 t): each neuron has a start and a rate of its own, by every method."""
    methods = {f"single_{m.value}": m for m in Method}
    for name, method in methods.items():
        written(SINGLE.replace("single", name), method)
    x, a = [1.0, 0.5, 2.0, 0.0], [1.0, 3.0, 0.5, 1.0]
    found = answer(SINGLE_PROGRAM.format(names=list(methods), x=x, a=a))
    exact = np.array(x) / (1 + np.array(a) * np.array(x) * 0.1)
    for name, method in methods.items():
        largest = {Method.RUSH_LARSEN: 1e-5}.get(method, 1e-8)
        if method in (Method.FORWARD_EULER, Method.EXPONENTIAL_EULER):
            largest = 5e-3
        assert np.abs(np.array(found[name]) - exact).max() < largest, name
