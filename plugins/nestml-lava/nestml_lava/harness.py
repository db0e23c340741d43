"""Run generated neurons under a Python that has Lava: ``python harness.py JOB_FOLDER ...``.

A program of its own, for Python 3.10: it imports nothing of this package. JOB_FOLDER holds

- ``job.json``: what to run (written by ``nestml_lava.execution``),
- ``inputs.npz``: for each in-port an array of shape (steps,), the message received in each step,

and gets ``<name>.npy`` for each recorded name, of a synapse ``emitted.npy``, too: the steps and
weights of what it emitted. After an error in the neuron the processes of Lava's
runtime wait for ever; whoever starts this program ends its process group.
"""

import importlib
import json
import os
import sys
import traceback
from typing import Any


def main(folder: str) -> None:
    import numpy as np

    with open(os.path.join(folder, "job.json"), encoding="utf-8") as file:
        job = json.load(file)
    with np.load(os.path.join(folder, "inputs.npz")) as arrays:
        inputs = {name: arrays[name] for name in arrays.files}
    if job["directory"] not in sys.path:
        sys.path.append(job["directory"])
    module = importlib.import_module(job["package"])
    if job.get("synapse"):
        run_synapse(module, job, inputs, folder)
        return
    if job["runtime"] == "stock":
        run_stock(getattr(module, job["package"]), inputs, job, folder)
        return
    recorder = module.Recorder(folder, tuple(job["record"]), job["steps"])
    neuron = getattr(module, job["package"])(
        shape=(1,), dt=job["dt"], seed=job["seed"], recorder=recorder, **job["values"]
    )
    if job["runtime"] == "inproc":
        run_in_process(module.InProcess(neuron), inputs, job["steps"])
    else:
        run_in_lava(neuron, inputs, job["steps"], job["tag"])


def run_synapse(module: Any, job: Any, inputs: Any, folder: str) -> None:
    """Run one synapse by itself: there are no neurons, and no delays."""
    import numpy as np

    process = getattr(module, job["package"])(dt=job["dt"], seed=job["seed"], **job["values"])
    model, emitted = module.InProcess(process).model, []
    rows: Any = {name: [] for name in job["record"]}
    ports = process.INTERFACE.spike_ports
    for k in range(1, job["steps"] + 1):
        counts = {port: inputs[port][k - 1] for port in ports}
        signals = {port: inputs[port][k - 1] for port in process.INTERFACE.held}
        values, weights = model.alone(k, counts, signals, tuple(rows))
        emitted += [(k, weight) for weight in weights]
        for name, value in values.items():
            rows[name].append(np.array(value))
    for name, found in rows.items():
        shape = getattr(process, name).shape
        np.save(os.path.join(folder, name + ".npy"), np.array(found).reshape(-1, *shape))
    np.save(os.path.join(folder, "emitted.npy"), np.array(emitted, float).reshape(-1, 2))


def run_in_process(neuron: Any, inputs: Any, steps: int) -> None:
    for k in range(steps):
        neuron.step(**{name: messages[k] for name, messages in inputs.items()})


def run_stock(kind: Any, inputs: Any, job: Any, folder: str) -> None:
    """Run a process that Lava's own processes make up, and have Lava's monitor record it."""
    import numpy as np
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer
    from lava.proc.monitor.process import Monitor

    steps = job["steps"]
    values, spikes = np.zeros((steps, 1)), np.zeros((steps, 1))
    neuron = kind(shape=(1,), dt=job["dt"])
    if steps:
        sources = []
        for name, messages in inputs.items():
            if messages.any():
                source = RingBuffer(data=messages[None, :])
                source.s_out.connect(getattr(neuron, name))
                sources.append(source)
        monitor = Monitor()
        monitor.probe(neuron.v, steps)
        sink = Sink(shape=(1,), buffer=steps)
        neuron.spike.connect(sink.a_in)
        config = Loihi2SimCfg(select_tag="floating_pt", select_sub_proc_model=True)
        neuron.run(RunSteps(num_steps=steps), config)
        values = neuron.to_physical(next(iter(monitor.get_data().values()))["v"])
        spikes = sink.data.get().T
        neuron.stop()
    np.save(os.path.join(folder, "v.npy"), values.reshape(steps, 1))
    np.save(os.path.join(folder, "spike.npy"), spikes)


def run_in_lava(neuron: Any, inputs: Any, steps: int, tag: str) -> None:
    """Feed ports from RingBuffers: column k is sent, and received, in step k + 1."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.source import RingBuffer

    if steps == 0:
        return
    sources = []
    for name, messages in inputs.items():
        if messages.any():
            source = RingBuffer(data=messages[None, :])
            source.s_out.connect(getattr(neuron, name))
            sources.append(source)
    neuron.run(RunSteps(num_steps=steps), Loihi2SimCfg(select_tag=tag))
    neuron.stop()


if __name__ == "__main__":
    try:
        for job_folder in sys.argv[1:]:
            main(job_folder)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # an ordinary exit would wait for Lava's processes
