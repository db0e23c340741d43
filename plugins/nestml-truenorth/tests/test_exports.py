"""Programs as SANA-FE and RANC take them; SANA-FE runs them and must agree."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chip_networks import OUT, core, random_network, single
from nestml_truenorth.chip import exports
from nestml_truenorth.chip.exports import Unsupported
from nestml_truenorth.chip.network import SIZE, Network, NeuronType, Reset
from nestml_truenorth.chip.simulator import run
from nestml_truenorth.chip.spikes import InputSpike
from test_sanafe import architecture, kinds_of_neurons, sanafe

TICKS = 60
USED = 16
LINES = 12


def delayed_network(seed: int) -> tuple[Network, list[InputSpike]]:
    """Return two cores with delays of up to five ticks, every axon with one source."""
    rng = random.Random(seed)
    kinds = kinds_of_neurons(rng, 6)
    free = [(k, i) for k in range(2) for i in range(2 * USED)]
    rng.shuffle(free)
    inputs = [
        InputSpike(t, *where, rng.choice([1, 3]))
        for where in (free.pop() for _ in range(LINES))
        for t in range(TICKS)
        if rng.random() < 0.4
    ]
    cores = tuple(
        core(
            {j: rng.randint(1, 6) for j in range(USED)},
            [(i, j) for i in range(2 * USED) for j in range(USED) if rng.random() < 0.25],
            axon_types={i: rng.randrange(4) for i in range(SIZE)},
            targets={j: (*free.pop(), rng.randint(1, 5)) for j in range(USED)},
            id=k,
        )
        for k in range(2)
    )
    return Network(kinds, cores), inputs


def run_there(given: dict[str, Any], folder: Path) -> tuple[list[list[int]], list[list[float]]]:
    """Return spikes (tick, core, neuron) and potentials of what was exported."""
    arch = architecture(folder)
    net = sanafe.Network()
    known: dict[tuple[str, int], Any] = {}
    lines = 0
    for group in given["groups"]:
        is_core, is_input = group["name"].startswith("core"), group["name"].startswith("input")
        options: dict[str, Any] = {"log_spikes": is_core, "log_potential": is_core}
        made = net.create_neuron_group(group["name"], len(group["neurons"]), **options)
        for n, neuron in enumerate(group["neurons"]):
            soma = f"line[{lines}]" if is_input else "core_soma"
            made[n].set_attributes(soma_hw_name=soma, model_attributes=neuron["attributes"])
            made[n].map_to_core(arch.tiles[group["core"]].cores[0])
            known[group["name"], neuron["neuron"]] = made[n]
        lines += is_input
    for edge in given["edges"]:
        source, target = known[tuple(edge["from"])], known[tuple(edge["to"])]
        source.connect_to_neuron(target, {"weight": edge["weight"]})
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    result = chip.sim(given["ticks"], timing_model="simple", spike_trace=True, potential_trace=True)
    spikes = [
        [tick, int(address.group_name[4:]), address.neuron_offset]
        for tick, fired in enumerate(result["spike_trace"])
        for address in fired
        if address.group_name.startswith("core")
    ]
    return sorted(spikes), result["potential_trace"]


@pytest.mark.parametrize("seed", range(20))
def test_sanafe_runs_what_is_exported(seed: int, tmp_path: Path) -> None:
    network, inputs = delayed_network(seed)
    watch = [(k, j) for k in range(2) for j in range(USED)]
    ours = run(network, inputs, TICKS, watch=watch)
    given = json.loads(exports.sanafe_json(network, inputs, TICKS))
    spikes, potentials = run_there(given, tmp_path)
    assert len(spikes) > 30
    assert ours.fired.tolist() == spikes
    assert ours.potentials.tolist() == potentials


PLAIN = NeuronType(1, (3, -2, 1, 0), threshold=5, saturates=True)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"leak_reversal": True}, "epsilon"),
        ({"saturates": False}, "kappa"),
        ({"mask_bits": 3}, "TM"),
        ({"potential": 2}, "initial potential"),
        ({"stochastic_leak": True}, "stochastic leak"),
        ({"stochastic_weights": (True, False, False, False)}, "stochastic weights"),
    ],
)
def test_what_sanafe_lacks(change: dict[str, Any], what: str) -> None:
    exports.sanafe(single(PLAIN), (), 5)
    with pytest.raises(Unsupported, match=what):
        exports.sanafe(single(replace(PLAIN, **change)), (), 5)


def test_sanafe_adds_what_meets_on_an_axon() -> None:
    two = core({0: 1, 1: 1, 2: 1}, [(0, 2)], targets={0: (0, 0, 1), 1: (0, 0, 1), 2: OUT})
    with pytest.raises(Unsupported, match="axon 0 of core 0 has 2 sources"):
        exports.sanafe(Network((PLAIN,), (two,)), (), 5)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"leak_reversal": True}, "epsilon"),
        ({"floor": 3}, "kappa"),
        ({"mask_bits": 3}, "TM"),
        ({"reset_mode": Reset.NONE}, "gamma = 2"),
        ({"stochastic_leak": True}, "stochastic leak"),
        ({"stochastic_weights": (True, False, False, False)}, "stochastic weights"),
    ],
)
def test_what_ranc_lacks(change: dict[str, Any], what: str) -> None:
    exports.ranc(single(PLAIN), (), 5)
    with pytest.raises(Unsupported, match=what):
        exports.ranc(single(replace(PLAIN, **change)), (), 5)


def test_ranc_fields() -> None:
    plain = random_network(5)
    kinds = tuple(
        replace(
            k,
            leak_reversal=False,
            mask_bits=0,
            saturates=False,
            reset_mode=Reset.VALUE if k.reset_mode is Reset.NONE else k.reset_mode,
        )
        for k in plain.neuron_types
    )
    network = replace(plain, neuron_types=kinds)
    given, config = exports.ranc(network, [InputSpike(2, 1, 9, 3), InputSpike(0, 2, 4)], 8)
    assert (config["num_cores_x"], config["num_cores_y"]) == (2, 2)
    assert given["packets"][5] == [
        {"destination_core": [0, 1], "destination_axon": 9, "destination_tick": 0}
    ]
    at = {0: (1, 0), 1: (0, 1), 2: (1, 1)}
    for member, made in zip(network.cores, given["cores"], strict=True):
        assert tuple(made["coordinates"]) == at[member.id]
        enabled = [j for j in range(SIZE) if member.is_enabled(j)]
        assert len(made["neurons"]) == len(made["connections"]) == len(enabled)
        for j, neuron, column in zip(enabled, made["neurons"], made["connections"], strict=True):
            kind = kinds[member.types[j] - 1]
            assert neuron["negative_threshold"] == -kind.floor
            assert neuron["destination_tick"] == member.delays[j] - 1
            assert sum(column) == sum(r[j // 8] >> 7 - j % 8 & 1 for r in member.crossbar.rows)
            if member.dest_cores[j] >= 0:
                x, y = neuron["destination_core_offset"]
                there = (at[member.id][0] + x, at[member.id][1] + y)
                assert there == at[member.dest_cores[j]]
