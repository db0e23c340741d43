"""The simulator against SANA-FE, an independent simulator with a TrueNorth neuron model.

SANA-FE knows thresholds without random part, the three reset modes, a saturating floor and
constant leaks. It adds spikes that meet on an axon, so here every axon has one source; and its
delays are one tick. Within that the two must agree in every spike and every potential.
"""

import random
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from chip_networks import core
from nestml_truenorth.chip.network import SIZE, Network, NeuronType, Reset
from nestml_truenorth.chip.simulator import run
from nestml_truenorth.chip.spikes import InputSpike

sanafe = pytest.importorskip(
    "sanafe", reason="sanafe is not installed (it is in the extra `test` of nestml-truenorth)"
)

TICKS = 60
USED = 24
LINES = 12
MODES = {Reset.VALUE: "hard", Reset.SUBTRACT: "soft", Reset.NONE: "saturate"}


def kinds_of_neurons(rng: random.Random, count: int) -> tuple[NeuronType, ...]:
    """Return random types of neurons of the sort that both simulators know."""
    return tuple(
        NeuronType(
            number,
            tuple(rng.randint(-60, 100) for _ in range(4)),  # type: ignore[arg-type]
            threshold=rng.randint(1, 200),
            floor=rng.randint(0, 150),
            leak=rng.randint(-6, 9),
            reset_mode=rng.choice(list(Reset)),
            reset=rng.choice([0, 0, 1, -3, 15]),
            saturates=True,
        )
        for number in range(1, count + 1)
    )


def comparable_network(seed: int) -> tuple[Network, dict[tuple[int, int], set[int]]]:
    """Return two cores that both simulators can run, and input times for some of the axons."""
    rng = random.Random(seed)
    kinds = kinds_of_neurons(rng, 8)
    free = [(k, i) for k in range(2) for i in range(2 * USED)]
    rng.shuffle(free)
    times = {free.pop(): {t for t in range(TICKS) if rng.random() < 0.4} for _ in range(LINES)}
    cores = tuple(
        core(
            {j: rng.randint(1, 8) for j in range(USED)},
            [(i, j) for i in range(2 * USED) for j in range(USED) if rng.random() < 0.25],
            axon_types={i: rng.randrange(4) for i in range(SIZE)},
            targets={j: (*free.pop(), 1) for j in range(USED)},
            id=k,
        )
        for k in range(2)
    )
    return Network(kinds, cores), times


def architecture(folder: Path) -> Any:
    """Return SANA-FE's own TrueNorth, two cores of it, with units that play input spikes."""
    text = (files("sanafe.examples") / "truenorth.yaml").read_text()
    unit = f"            - name: line[0..{LINES - 1}]\n              attributes:\n"
    unit += "                model: input\n"
    for what in ("energy_access_neuron", "energy_update_neuron", "energy_spike_out"):
        unit += f"                {what}: 0.0\n"
        unit += f"                {what.replace('energy', 'latency')}: 0.0\n"
    text = text.replace("          synapse:\n", unit + "          synapse:\n")
    text = text.replace("[0..4095]", "[0..3]").replace("width: 64", "width: 2")
    path = folder / "truenorth.yaml"
    path.write_text(text.replace("height: 64", "height: 2"))
    return sanafe.load_arch(path)


def attributes(kind: NeuronType) -> dict[str, object]:
    return {
        "threshold": kind.threshold,
        "reset": kind.reset,
        "reset_mode": MODES[kind.reset_mode],
        "reverse_threshold": -kind.floor,
        "reverse_reset_mode": "saturate",
        "leak": kind.leak,
        "leak_towards_zero": False,
        "force_update": True,
    }


def connect(source: Any, network: Network, neurons: Any, where: tuple[int, int]) -> None:
    """Connect ``source`` to what the axon ``where`` reaches."""
    kinds = {k.number: k for k in network.neuron_types}
    k, axon = where
    member = network.cores[k]
    row = int.from_bytes(member.crossbar.rows[axon], "big")
    for j in range(USED):
        if row >> (SIZE - 1 - j) & 1:
            weight = kinds[member.types[j]].weights[member.crossbar.axon_types[axon]]
            source.connect_to_neuron(neurons[k][j], {"weight": weight})


def run_there(
    network: Network, times: dict[tuple[int, int], set[int]], folder: Path
) -> tuple[list[list[int]], list[list[float]]]:
    """Return spikes (tick, core, neuron) and potentials (ticks, neurons) from SANA-FE."""
    arch = architecture(folder)
    net = sanafe.Network()
    neurons = []
    kinds = {k.number: k for k in network.neuron_types}
    for k, member in enumerate(network.cores):
        group = net.create_neuron_group(f"core{k}", USED, log_spikes=True, log_potential=True)
        for j in range(USED):
            group[j].set_attributes(
                soma_hw_name="core_soma", model_attributes=attributes(kinds[member.types[j]])
            )
            group[j].map_to_core(arch.tiles[k].cores[0])
        neurons.append(group)
    for n, (where, at) in enumerate(times.items()):
        train = [int(t in at) for t in range(TICKS)]
        line = net.create_neuron_group(
            f"line{n}", 1, soma_hw_name=f"line[{n}]", model_attributes={"spikes": train}
        )
        line[0].map_to_core(arch.tiles[where[0]].cores[0])
        connect(line[0], network, neurons, where)
    for k, member in enumerate(network.cores):
        for j in range(USED):
            connect(neurons[k][j], network, neurons, (member.dest_cores[j], member.dest_axons[j]))
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    result = chip.sim(TICKS, timing_model="simple", spike_trace=True, potential_trace=True)
    spikes = [
        [tick, int(address.group_name[4:]), address.neuron_offset]
        for tick, fired in enumerate(result["spike_trace"])
        for address in fired
    ]
    return sorted(spikes), result["potential_trace"]


@pytest.mark.parametrize("seed", range(20))
def test_same_spikes_and_potentials(seed: int, tmp_path: Path) -> None:
    network, times = comparable_network(seed)
    inputs = [InputSpike(t, *where) for where, at in times.items() for t in at]
    watch = [(k, j) for k in range(2) for j in range(USED)]
    ours = run(network, inputs, TICKS, watch=watch)
    spikes, potentials = run_there(network, times, tmp_path)
    assert len(spikes) > 50
    assert ours.fired.tolist() == spikes
    assert ours.potentials.tolist() == potentials
