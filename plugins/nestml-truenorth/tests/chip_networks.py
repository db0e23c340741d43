"""Networks for the tests: small hand-made ones, and random legal ones."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from nestml_truenorth.chip.network import (
    DISABLED,
    FIRST_OUTPUT,
    SIZE,
    UNROUTED,
    Core,
    Corelet,
    Crossbar,
    Network,
    NeuronType,
    Reset,
    crossbar,
)
from nestml_truenorth.chip.simulator import run
from nestml_truenorth.chip.spikes import InputSpike

Target = tuple[int, int, int]
"""Destination core, axon and delay."""

OUT: Target = (FIRST_OUTPUT, 0, 1)


def column(entries: Mapping[int, int], default: int) -> tuple[int, ...]:
    return tuple(entries.get(j, default) for j in range(SIZE))


def core(
    types: Mapping[int, int],
    synapses: Iterable[tuple[int, int]] = (),
    *,
    axon_types: Mapping[int, int] = {},
    targets: Mapping[int, Target] = {},
    id: int = 0,
    seed: int = 1,
) -> Core:
    """Return a core.

    ``types``: neuron -> type number; ``synapses``: (axon, neuron) pairs; ``axon_types``: axon ->
    type; ``targets``: neuron -> target, the first output line by default.
    """
    to = {j: targets.get(j, OUT) for j in types}
    return Core(
        id=id,
        crossbar=crossbar(column(axon_types, 0), synapses),
        types=column(types, 0),
        dest_cores=column({j: t[0] for j, t in to.items()}, DISABLED),
        dest_axons=column({j: t[1] for j, t in to.items()}, 0),
        delays=column({j: t[2] for j, t in to.items()}, 1),
        seed=seed,
    )


def single(kind: NeuronType, synapses: Iterable[tuple[int, int]] = ((0, 0),)) -> Network:
    """Return one neuron, number 0 of core 0, of the given kind; its axon i has type i (0..3)."""
    types = {i: i for i in range(4)}
    return Network((kind,), (core({0: kind.number}, synapses, axon_types=types),))


def potentials(kind: NeuronType, arrivals: Sequence[int | None]) -> tuple[list[int], list[int]]:
    """Return the potentials and the ticks of the spikes of one neuron.

    ``arrivals[t]`` is the axon (and axon type) at which a spike is integrated in tick t.
    """
    network = single(kind, [(i, 0) for i in range(4)])
    inputs = [InputSpike(t - 1, 0, a) for t, a in enumerate(arrivals) if a is not None]
    result = run(network, inputs, len(arrivals), watch=[(0, 0)])
    return result.potentials[:, 0].tolist(), result.fired[:, 0].tolist()


def random_type(rng: random.Random, number: int) -> NeuronType:
    """Return neuron parameters in which every branch of the equation is likely to be taken."""
    bits = rng.choice([0, 0, 1, 3, 5])
    return NeuronType(
        number=number,
        weights=tuple(rng.randint(-40, 60) for _ in range(4)),  # type: ignore[arg-type]
        threshold=rng.randint(0, 90),
        floor=rng.randint(0, 60),
        leak=rng.randint(-9, 9),
        leak_reversal=rng.random() < 0.4,
        reset_mode=rng.choice(list(Reset)),
        reset=rng.choice([0, 0, 1, -1, 3, -7, 31]),
        saturates=rng.random() < 0.5,
        mask_bits=bits,
        potential=rng.randint(-30, 30),
    )


def random_crossbar(rng: random.Random, neurons: Sequence[int], axons: Sequence[int]) -> Crossbar:
    synapses = [(i, j) for i in axons for j in neurons if rng.random() < 0.3]
    return crossbar([rng.randrange(4) for _ in range(SIZE)], synapses)


def random_core(rng: random.Random, id: int, cores: int, types: int, used: int) -> Core:
    neurons = sorted(rng.sample(range(SIZE), used))
    axons = sorted(rng.sample(range(SIZE), used))

    def target() -> Target:
        where = rng.choice([UNROUTED, FIRST_OUTPUT, FIRST_OUTPUT - 1, *range(cores), *range(cores)])
        axon = -1 if where == UNROUTED else rng.choice(axons)
        return where, axon, rng.randint(1, 15)

    targets = {j: target() for j in neurons}
    made = core(
        {j: rng.randint(1, types) for j in neurons},
        targets=targets,
        id=id,
        seed=rng.randint(1, 2**32 - 1),
    )
    bar = random_crossbar(rng, neurons, axons)
    return replace(made, crossbar=bar, corelet=Corelet(f"part {id}", id, 0, (0, id)))


def random_network(seed: int, cores: int = 3, types: int = 6, used: int = 24) -> Network:
    """Return a legal network with recurrent connections of all delays."""
    rng = random.Random(seed)
    kinds = tuple(random_type(rng, n) for n in range(1, types + 1))
    members = tuple(random_core(rng, k, cores, types, used) for k in range(cores))
    return Network(kinds, members, f"random {seed}")


def random_inputs(network: Network, seed: int, ticks: int, a_tick: int = 6) -> list[InputSpike]:
    """Return spikes for axons that reach a neuron; some meet on one axon in one tick."""
    rng = random.Random(seed)
    axons = [(c.id, i) for c in network.cores for i, row in enumerate(c.crossbar.rows) if any(row)]
    return [
        InputSpike(t, *rng.choice(axons), rng.randint(1, 15))
        for t in range(ticks)
        for _ in range(a_tick)
    ]
