"""A small network of everything, and what a backend makes of it, beside the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nestml_core.backend import Backend
from nestml_core.diagnostics import Result, render
from nestml_core.experiment import FloatArray
from nestml_core.expr import Symbol
from nestml_core.network import NetworkExperiment, NetworkTrace, Running, Spikes
from nestml_core.networks.execution import written_by
from nestml_core.networks.wiring import Network
from nestml_core.reference.network import simulate_network

DURATION = 120.0
PARTS = 77.7
"""Where the run that has two parts is split, in ms: at no multiple of a delay."""


def everything() -> NetworkExperiment:
    """Return a network with sources, signs, delays, plasticity, modulation and coupling."""
    random = np.random.default_rng(4)
    net = Network(dt=0.1, seed=4)
    poisson = net.poisson_source(4, "200 Hz")
    trains = net.spike_source([np.sort(random.integers(1, 1200, 9)) / 10 for _ in range(4)])
    reward = net.spike_source([[30.0, 80.0]])
    cells = net.create("iaf_psc_exp", 8, parameters={"I_e": np.linspace(250.0, 450.0, 8)})
    many = (random.integers(0, 8, 30), random.integers(0, 8, 30))
    few = (random.integers(0, 4, 12), random.integers(0, 8, 12))
    net.connect(poisson, cells, pairs=few, weight=90.0, delay=0.4, port="exc_spikes")
    weights = np.round(random.uniform(-80.0, 80.0, 30))
    net.connect(cells, cells, pairs=many, weight=weights, delay=random.integers(2, 30, 30) / 10)
    for synapse, inputs in (("stdp", None), ("stdp_dopamine", {"mod_spikes": (reward, 1.5)})):
        plastic = net.connect(
            trains,
            cells,
            pairs=few,
            synapse=synapse,
            delay=random.integers(1, 20, 12) / 10,
            initial={"w": np.round(random.uniform(20.0, 80.0, 12))},
            inputs=inputs,
            port="exc_spikes",
        )
        net.record(plastic, "w")
    net.couple(cells, cells, "V_m", "I_stim", pairs=many, weight=0.5, delay=0.3)
    net.couple(cells, cells, "V_m", "I_stim", rule="one_to_one", weight=-2.0)
    net.record(cells, "V_m")
    return net.experiment(DURATION)


def disagreements(backend: Backend[Any, Any]) -> list[str]:
    """Return where a backend differs from the reference, or from itself on threads or in parts."""
    network = everything()
    reference = simulate_network(network)
    assert reference.value is not None, [render(d) for d in reference.diagnostics]
    assert len(reference.value.spikes[-1].steps) > 20, "a network that is silent shows nothing"
    found: list[str] = []

    def trace(what: str, network: NetworkExperiment, running: Running) -> NetworkTrace | None:
        ran: Result[NetworkTrace] = backend.simulate_network(
            network, running, backend.options(), written_by(backend)
        )
        if ran.value is None or ran.errors:
            found.extend(f"{what}: {render(d)}" for d in ran.diagnostics)
        return ran.value

    one = trace("one thread", network, Running())
    two = trace("two threads", network, Running(threads=2))
    if one is None or two is None:
        return found
    found += _differences("one thread", one, reference.value, backend.supports.tolerance)
    found += _differences("two threads, not one", two, one, 0.0)
    steps = round(PARTS / network.dt)
    begin = trace("the first part", replace(network, steps=steps), Running(keeps_state=True))
    if begin is not None and begin.state is not None:
        end = trace("the second part", network, Running(start=begin.state))
        if end is not None:
            found += _differences("in two parts", _joined(begin, end), one, 0.0)
    return found


def _differences(what: str, a: NetworkTrace, b: NetworkTrace, tolerance: float) -> Iterator[str]:
    if (a.dt, a.steps) != (b.dt, b.steps):
        yield f"{what}: {a.steps} steps of {a.dt:g} ms, not {b.steps} of {b.dt:g} ms"
        return
    for kind, of_a, of_b in (("node", a.spikes, b.spikes), ("projection", a.emitted, b.emitted)):
        for k, (x, y) in enumerate(zip(of_a, of_b, strict=True)):
            if not (np.array_equal(x.steps, y.steps) and np.array_equal(x.indices, y.indices)):
                yield f"{what}: other spikes of {kind} {k}: {len(x.steps)}, not {len(y.steps)}"
            elif not np.allclose(x.weights, y.weights, rtol=tolerance, atol=tolerance):
                yield f"{what}: other weights of {kind} {k}"
    for kind, in_a, in_b in (
        ("node", a.nodes, b.nodes),
        ("projection", a.projections, b.projections),
    ):
        for k, (r, s) in enumerate(zip(in_a, in_b, strict=True)):
            yield from (f"{what}: {kind} {k}: {text}" for text in _recordings(r, s, tolerance))


def _recordings(
    a: Mapping[Symbol, FloatArray], b: Mapping[Symbol, FloatArray], tolerance: float
) -> Iterator[str]:
    if a.keys() != b.keys():
        yield f"recorded {[s.name for s in a]}, not {[s.name for s in b]}"
        return
    for symbol, exact in b.items():
        error = np.abs(a[symbol] - exact) / np.maximum(1.0, np.abs(exact))
        if not (error <= tolerance).all():
            yield f"{symbol.name}: error {error.max():.2g}, allowed {tolerance:.2g}"


def _joined(a: NetworkTrace, b: NetworkTrace) -> NetworkTrace:
    """Return two parts of a run as one."""

    def spikes(x: tuple[Spikes, ...], y: tuple[Spikes, ...]) -> tuple[Spikes, ...]:
        return tuple(
            Spikes(
                np.concatenate([p.steps, q.steps]),
                np.concatenate([p.indices, q.indices]),
                np.concatenate([p.weights, q.weights]),
            )
            for p, q in zip(x, y, strict=True)
        )

    def recorded(
        x: tuple[Mapping[Symbol, FloatArray], ...], y: tuple[Mapping[Symbol, FloatArray], ...]
    ) -> tuple[Mapping[Symbol, FloatArray], ...]:
        return tuple(
            {s: np.concatenate([p[s], q[s]], axis=1) for s in p} for p, q in zip(x, y, strict=True)
        )

    return replace(
        b,
        steps=a.steps + b.steps,
        first=a.first,
        spikes=spikes(a.spikes, b.spikes),
        emitted=spikes(a.emitted, b.emitted),
        nodes=recorded(a.nodes, b.nodes),
        projections=recorded(a.projections, b.projections),
    )
