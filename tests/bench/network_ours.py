"""A network of this compiler's C++, compiled anew, to be run from the beginning again and again."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from nestml_cpp.network import _Run
from nestml_cpp.network_compiling import Compiled, compiled
from nestml_cpp.options import Options
from network_cases import MODELS, STDP, Case, Projection

from nestml_core import Network, load
from nestml_core.api import Method, NetworkExperiment, Population, Running
from nestml_core.networks import Nodes
from nestml_core.networks.execution import written_by
from nestml_core.solve import SolveOptions
from nestml_core.targets import backend_named


@dataclass
class Built:
    """A network whose libraries are compiled.

    Attributes
    ----------
    first_seconds : of the CPU, to compile all of it where nothing is kept: the models of this
        network, and what all networks share
    compile_seconds : of the CPU, to compile its models where what all networks share is kept
    bytes_per_synapse : of connections whose weights never change
    """

    experiment: NetworkExperiment
    made: Compiled
    threads: int
    wall: bool
    first_seconds: float
    compile_seconds: float
    bytes_per_synapse: float = 0.0

    def run(self, mixed: int = 0) -> tuple[float, int]:
        """Build the network and run it; return the seconds of the run alone, and its spikes.

        With ``mixed``, a seed, neurons begin with each other's initial values.
        """
        experiment = with_mixed_values(self.experiment, mixed) if mixed else self.experiment
        with opened(experiment, self.made, self.threads) as run:
            handle = run.handle
            assert handle.begin() == 0, handle.text
            fixed = sum(len(p.pairs) for p in self.experiment.projections if p.plasticity is None)
            self.bytes_per_synapse = handle.static_bytes / max(fixed, 1)
            clock = time.perf_counter if self.wall else time.process_time
            begin = clock()
            kind = handle.advance(self.experiment.steps)
            seconds = clock() - begin
            assert kind == 0, handle.text
            spikes = sum(len(handle.spikes(k)[0]) for k in range(len(self.experiment.nodes)))
            return seconds, spikes


@contextmanager
def opened(experiment: NetworkExperiment, made: Compiled, threads: int) -> Iterator[_Run]:
    """Have a network built that has not begun."""
    run = _Run(experiment, Running(threads=threads, keeps_emitted=False), made)
    try:
        yield run
    finally:
        run.close()


def with_mixed_values(experiment: NetworkExperiment, seed: int) -> NetworkExperiment:
    (neurons,) = experiment.nodes
    assert isinstance(neurons, Population)
    order = np.random.default_rng(seed).permutation(neurons.size)
    mixed = {symbol: values[order] for symbol, values in neurons.initial.items()}
    return replace(experiment, nodes=(replace(neurons, initial=mixed),))


def built(case: Case, folder: Path, threads: int, *, wall: bool = False) -> Built:
    """Compile a network where nothing has been compiled before, and once more where another network
    has been.
    """
    experiment = described(case)
    begin = children_seconds()
    made = libraries(experiment, folder / "first")
    first = children_seconds() - begin
    other = Network(dt=0.1)
    other.create("izhikevich", 1)
    libraries(other.experiment(1.0), folder / "kept")
    begin = children_seconds()
    libraries(experiment, folder / "kept")
    return Built(experiment, made, threads, wall, first, children_seconds() - begin)


def libraries(experiment: NetworkExperiment, folder: Path) -> Compiled:
    """Compile what a network is made of, in a folder."""
    with cache(folder):
        made = compiled(experiment, Options(), written_by(backend_named("cpp")))
        assert made.value is not None, made.diagnostics
        return made.value


@contextmanager
def cache(folder: Path) -> Iterator[None]:
    """Have compiled code kept in a folder of its own."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def described(case: Case) -> NetworkExperiment:
    """Return the network as a value."""
    solving = SolveOptions(integrator=Method.EXPONENTIAL_EULER if case.is_euler else None)
    net = Network(dt=0.1)
    neurons = net.create(
        load(MODELS / f"{case.model}.nestml", solving=solving), case.neurons, initial=case.initial
    )
    for number, projection in enumerate(case.projections):
        connect(net, neurons, case, projection, number)
    return net.experiment(case.duration)


def connect(net: Network, neurons: Nodes, case: Case, p: Projection, number: int) -> None:
    ports = neurons.model.spike_ports if neurons.model is not None else ()
    port = ports[min(number, len(ports) - 1)]
    pairs = (np.asarray(p.pre), np.asarray(p.post))
    if p.is_plastic:
        net.connect(
            neurons, neurons, pairs=pairs, delay=case.delay, port=port, synapse="stdp",
            parameters=STDP, initial={"w": p.weight},
        )  # fmt: skip
    else:
        net.connect(neurons, neurons, pairs=pairs, weight=p.weight, delay=case.delay, port=port)
