"""Plastic connections driven by the spikes of a network that the reference has run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from generated_programs import build
from nestml_cpp.options import Options
from nestml_cpp.simulation import recordables
from nestml_cpp.synapse_library import Driven
from nestml_cpp.synapses import opened, options_for

import nestml_core as nestml
from nestml_core.api import Artifact
from nestml_core.network import NetworkExperiment, NetworkTrace, Plasticity, Population

DT = 0.1
TOLERANCE = 1e-9
FORCE = 1000.0
"""The weight of spikes that make ``iaf_psc_delta`` fire at once, in mV."""

Floats = npt.NDArray[np.float64]
Make = Callable[[Plasticity], Artifact]


@dataclass(frozen=True)
class Ran:
    """A network, as the reference ran it. Its first projection is plastic, of nodes 0 and 1."""

    experiment: NetworkExperiment
    trace: NetworkTrace

    @property
    def plasticity(self) -> Plasticity:
        found = self.experiment.projections[0].plasticity
        assert found is not None
        return found


def run(
    synapse: Any,
    pre: Sequence[Sequence[float]],
    post: Sequence[Sequence[float]],
    pairs: tuple[Sequence[int], Sequence[int]],
    delay: Any,
    *,
    duration: float = 140.0,
    modulators: Sequence[Sequence[Sequence[float]]] = (),
    modulated: Callable[[tuple[Any, ...]], Mapping[str, Any]] | None = None,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    neuron: str = "iaf_psc_delta",
    force: float = FORCE,
    record: bool = True,
    **more: Any,
) -> Ran:
    """Run connections of sources with neurons that fire when ``post`` says, or a little later.

    Parameters
    ----------
    pre, post : times in ms, for each source and each neuron
    modulators : for each modulating node the times of its members
    modulated : what the inputs of the synapse are, with these nodes
    """
    net = nestml.Network(dt=DT, seed=5)
    sources = net.spike_source(pre)
    neurons = net.create(neuron, len(post))
    drivers = net.spike_source([[t - DT for t in times] for times in post])
    nodes = tuple(net.spike_source(times) for times in modulators)
    given = dict(inputs or {}) | dict(modulated(nodes) if modulated is not None else {})
    port = "spikes" if neuron == "iaf_psc_delta" else "exc_spikes"
    plastic = net.connect(
        sources,
        neurons,
        pairs=pairs,
        synapse=synapse,
        delay=delay,
        port=port,
        parameters=parameters,
        initial=initial,
        inputs=given or None,
        **more,
    )
    net.connect(drivers, neurons, rule="one_to_one", weight=force, delay=DT, port=port)
    if record:
        net.record(plastic)
    read = [x for x in given.values() if isinstance(x, str)]
    if read:
        net.record(neurons, read)
    ran = net.run(duration, progress=False)
    return Ran(ran.experiment, ran.trace)


def driven(ran: Ran, artifact: Artifact, *, seed: int = 5) -> Driven:
    """Return the connections of a network that ran, to be driven by what happened in it."""
    plasticity, projection = ran.plasticity, ran.experiment.projections[0]
    handle = opened(artifact, plasticity, DT, seed)
    sizes = ran.experiment.nodes[0].size, ran.experiment.nodes[1].size
    made = Driven(handle, projection.pre, projection.post, projection.delays, sizes)
    sources, targets = ran.trace.spikes[:2]
    made.sources_fire(sources.steps, sources.indices)
    made.targets_fire(targets.steps, targets.indices)
    for m in plasticity.modulations:
        made.modulators_fire(ran.trace.spikes[m.node].steps)
    ports = [p.symbol for p in plasticity.model.continuous_ports]
    for port, value in plasticity.constants:
        made.factor(ports.index(port), value)
    neurons = ran.experiment.nodes[1]
    assert isinstance(neurons, Population)
    for t in plasticity.third_factors:
        values = ran.trace.nodes[1][t.recordable]
        made.factor(ports.index(t.port), np.vstack([_at_begin(neurons, t.recordable), values.T]))
    return made


def _at_begin(neurons: Population, recordable: Any) -> Floats:
    """Return a recordable before the first step: state with an initial value that is known."""
    known = {"V_m": -70.0, "I_syn_exc": 0.0}
    return np.full(neurons.size, known[recordable.name])


def emitted(made: Driven, steps: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Run; return step and connection of what was emitted, in order, and the weights."""
    made.handle.keep_emitted()
    assert made.begin() is None
    assert made.advance(steps) is None
    when, who, weights = made.handle.emitted()
    order = np.lexsort((who, when))
    return np.stack([when, who])[:, order], weights[order]


def expected(ran: Ran) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the same of the reference."""
    found = ran.trace.emitted[0]
    order = np.lexsort((found.indices, found.steps))
    return np.stack([found.steps, found.indices])[:, order], found.weights[order]


class Builder:
    """Compiles synapses, each once for each set of options.

    Parameters
    ----------
    options : of the backend, for all of them
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.options = {"optimization": "1"} | options
        self.made: dict[Any, Artifact] = {}

    def __call__(self, plasticity: Plasticity) -> Artifact:
        wanted = options_for(plasticity, Options(**self.options))
        model = plasticity.model
        key = (model.name, repr(model.on_receive), wanted)
        if key not in self.made:
            place = self.folder / str(len(self.made))
            place.mkdir()
            fields = {f.name: getattr(wanted, f.name) for f in dataclasses.fields(wanted)}
            self.made[key] = build(model, place, **fields)
        return self.made[key]


def check(ran: Ran, built: Builder, *, tolerance: float = TOLERANCE) -> None:
    """Check the weights of all that is emitted, and all recordables in every step."""
    artifact = built(ran.plasticity)
    steps = ran.trace.steps
    places, weights = expected(ran)
    made = driven(ran, artifact)
    found, values = emitted(made, steps)
    np.testing.assert_array_equal(found, places)
    np.testing.assert_allclose(values, weights, rtol=tolerance, atol=tolerance)
    again = driven(ran, artifact)
    known = [r.symbol for r in recordables(ran.plasticity.model)]
    recorded = {s: again.record(known.index(s), steps) for s in ran.trace.projections[0]}
    np.testing.assert_array_equal(emitted(again, steps)[1], values)  # reading changes nothing
    for s, array in recorded.items():
        reference = ran.trace.projections[0][s]
        np.testing.assert_allclose(
            array.T, reference, rtol=tolerance, atol=tolerance, err_msg=s.name
        )
