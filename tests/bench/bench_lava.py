"""Speed of processes generated for Lava, in its runtime and without it.

``python tests/bench/bench_lava.py [--python PYTHON] [--rounds 3]``. PYTHON is one with lava-nc, by
default what the backend finds. Times are wall-clock times of a step, the best of the rounds, as
Lava waits most of the time; each has a bound, and the program fails above it. In the same run what
both ways compute is compared, the ring of delays with a product of matrices, and plastic synapses
with a loop over the spikes of some of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from nestml_core.pipeline import compile_files, generate, write_files

SECONDS = 900.0

PROGRAM = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
rounds = int(sys.argv[2])
import numpy as np
from scipy import sparse
from iaf_psc_exp import InProcess, SpikeSource, connect, iaf_psc_exp, run
from iaf_psc_exp.network import Delayed, PyDelayedModel
import stdp

def in_runtime(n, steps):
    I_e = np.linspace(300.0, 600.0, n)
    times = []
    for _ in range(rounds):
        neurons = iaf_psc_exp(shape=(n,), I_e=I_e)
        run(neurons, 0.1)
        begin = time.perf_counter()
        neurons.run(RunSteps(num_steps=steps), CONFIG)
        times.append((time.perf_counter() - begin) / steps)
        V_m = neurons.V_m.get() if n < 100 else None
        neurons.stop()
    return 1e3 * min(times), V_m

def alone(n, steps):
    I_e = np.linspace(300.0, 600.0, n)
    times = []
    for _ in range(rounds):
        neurons = InProcess(iaf_psc_exp(shape=(n,), I_e=I_e))
        neurons.step()
        begin = time.perf_counter()
        for _ in range(steps):
            neurons.step()
        times.append((time.perf_counter() - begin) / steps)
    return 1e3 * min(times), neurons["V_m"]

def ring(active, steps=200, n=1000):
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 1.5, (n, n)) * (rng.random((n, n)) < 0.1)
    delays = rng.integers(1, 10, (n, n))
    matrix = sparse.coo_matrix(weights)
    connection = Delayed(matrix, delays[matrix.row, matrix.col], (n,), (n,), 0.1)
    sent = (rng.random((steps, n)) < active).astype(float)
    parts = [(d, sparse.csr_matrix(weights * (delays == d))) for d in range(1, 10)]
    times = []
    for _ in range(rounds):
        model = PyDelayedModel(connection.proc_params)
        model.a_out, model.s_in = Sink(), Source(sent)
        begin = time.perf_counter()
        for _ in range(steps):
            model.run_spk()
        times.append((time.perf_counter() - begin) / steps)
    expected = np.zeros((steps, n))
    for d, part in parts:
        expected[d:] += (part @ sent[:-d].T).T
    return 1e3 * min(times), float(np.abs(model.a_out.received - expected).max())

def plastic(rate, steps=200, n=1000):
    rng = np.random.default_rng(2)
    mask = rng.random((n, n)) < 0.1
    delays = rng.integers(1, 16, (n, n))
    pre, post = (rng.random((2, steps, n)) < rate * 1e-4).astype(float)
    times = []
    for _ in range(rounds):
        synapses = stdp.stdp(
            pre_shape=(n,), post_shape=(n,), connected=mask, delay_ms=0.1 * delays, w=50.0
        )
        running = InProcess(synapses)
        begin = time.perf_counter()
        for k in range(steps):
            running.step(pre_spikes=pre[k], post_spikes=post[k])
        times.append((time.perf_counter() - begin) / steps)
    found, wrong = running["w"], 0.0
    for c in rng.choice(len(found), 300, replace=False):
        i, j = synapses.targets[c], synapses.sources[c]
        wrong = max(wrong, abs(found[c] - one_synapse(pre[:, j], post[:, i], delays[i, j])))
    return 1e3 * min(times), wrong

def one_synapse(pre, post, delay, w=50.0):
    x = y = 0.0
    decay = np.exp(-0.1 / 20.0)
    for k in range(len(pre)):
        x, y = x * decay, y * decay
        before = y
        if k >= delay and post[k - delay]:
            w, y = min(w + 0.01 * (100.0 - w) * x, 100.0), y + 1.0
        if pre[k]:
            w, x = max(w - 0.01 * w * before, 0.0), x + 1.0
    return w

class Sink:
    def __init__(self):
        self.received = []
    def send(self, message):
        self.received.append(message)

class Source:
    def __init__(self, sent):
        self.sent = iter(sent)
    def recv(self):
        return next(self.sent)

if __name__ == "__main__":
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    CONFIG = Loihi2SimCfg(select_tag="floating_pt")
    one, V_run = in_runtime(1, 1000)
    many, _ = in_runtime(100_000, 50)
    alone_one, V_alone = alone(1, 1000)
    alone_many, _ = alone(100_000, 50)
    few, wrong_few = ring(0.02)
    all_, wrong_all = ring(1.0)
    slow, wrong_slow = plastic(10.0)
    fast, wrong_fast = plastic(50.0)
    print(json.dumps({
        "times": [one, many, alone_one, alone_many, few, all_, slow, fast],
        "wrong": max(
            abs(float(V_run[0] - V_alone[0])), wrong_few, wrong_all, wrong_slow, wrong_fast
        ),
    }))
"""

ROWS = (
    ("one neuron, Lava's runtime", 2.0),
    ("100 000 neurons, Lava's runtime", 30.0),
    ("one neuron, in-process", 0.2),
    ("100 000 neurons, in-process", 30.0),
    ("delays, 1000 x 1000, 10 %, 2 % of the senders spike", 5.0),
    ("delays, 1000 x 1000, 10 %, all senders spike", 5.0),
    ("stdp, 1000 x 1000, 10 %, spikes at 10 Hz", 5.0),
    ("stdp, 1000 x 1000, 10 %, spikes at 50 Hz", 5.0),
)
"""What is timed, and the bound in ms a step."""


def main() -> int:
    from nestml_lava import interpreter
    from nestml_lava.backend import LavaBackend
    from nestml_lava.options import Options

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--python", default="", help="a Python with lava-nc")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    found = interpreter.find(options.python).interpreter
    if found is None:
        print(interpreter.INSTALL)
        return 2
    program = compile_files(["iaf_psc_exp", "stdp"]).value
    assert program is not None
    files = generate(program, LavaBackend(), Options()).value
    assert files is not None
    with tempfile.TemporaryDirectory() as folder:
        write_files(files, Path(folder))
        command = [found.path, "-B", "-c", PROGRAM, folder, str(options.rounds)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=folder
        )
    if done.returncode != 0:
        print(done.stderr)
        return 2
    said = json.loads(done.stdout.strip().splitlines()[-1])
    for (title, bound), ms in zip(ROWS, said["times"], strict=True):
        print(f"{title:55}{ms:9.3f} ms a step  (at most {bound:g})")
    print(f"largest difference: {said['wrong']:.2g}")
    slow = any(ms > bound for (_, bound), ms in zip(ROWS, said["times"], strict=True))
    return int(slow or said["wrong"] > 1e-9)


if __name__ == "__main__":
    sys.exit(main())
