"""The simulator: the equation term by term, published behaviours, and a second implementation."""

import random
from dataclasses import replace

import numpy as np
import pytest
from chip_networks import OUT, core, potentials, random_inputs, random_network, single
from hypothesis import given, settings
from hypothesis import strategies as st
from nestml_truenorth.chip.network import (
    MAX_POTENTIAL,
    SIZE,
    InvalidNetwork,
    Network,
    NeuronType,
    Reset,
)
from nestml_truenorth.chip.simulator import (
    PotentialOverflow,
    Unspecified,
    outputs,
    run,
)
from nestml_truenorth.chip.spikes import InputSpike
from nestml_truenorth.chip.xorshift import advance

UNITS = (1, -1, 10, -10)


def kind(**changes: object) -> NeuronType:
    return replace(NeuronType(1, UNITS, 100, 0, saturates=True), **changes)  # type: ignore[arg-type]


def after(start: int, arrival: int | None = None, **changes: object) -> tuple[int, bool]:
    """Return the potential after a tick that begins with ``start``, and whether it fired."""
    if arrival is None:
        v, fired = potentials(kind(potential=start, **changes), [None])
        return v[0], bool(fired)
    # A spike from outside cannot arrive in tick 0, so an idle neuron waits for one tick.
    leak = int(changes.get("leak", 0))  # type: ignore[call-overload]
    v, fired = potentials(kind(potential=start - leak, **changes), [None, arrival])
    assert v[0] == start
    assert fired in ([], [1])
    return v[1], bool(fired)


class TestRandomNumbers:
    def test_first_words_of_the_default_seed(self) -> None:
        words, word = [], 0xFFFFFFFF
        for _ in range(12):
            words.append(word & 0xFF)
            word = advance(word)
        assert words == [255, 31, 255, 67, 218, 145, 236, 176, 251, 242, 15, 239]

    def test_marsaglias_shifts_on_one_bit(self) -> None:
        """1 -> 1 ^ 2^13; >> 17 gives 0; << 5 folds both bits: 1 + 2^13 + 2^5 + 2^18."""
        assert advance(1) == 1 + 2**5 + 2**13 + 2**18

    def test_zero_seed_is_refused(self) -> None:
        network = Network((kind(),), (core({0: 1}, seed=0),))
        with pytest.raises(InvalidNetwork, match="seed 0"):
            run(network)


class TestEquation:
    """Each case fails if its term is left out or a comparison is turned."""

    def test_weights_by_axon_type(self) -> None:
        assert [after(50, g)[0] for g in range(4)] == [51, 49, 60, 40]

    def test_leak_has_its_sign(self) -> None:
        assert after(50, leak=3) == (53, False)
        assert after(50, leak=-3) == (47, False)

    def test_threshold_is_reached_not_passed(self) -> None:
        assert after(99) == (99, False)
        assert after(100) == (0, True)
        assert after(99, leak=1) == (0, True)

    def test_leak_comes_before_the_threshold(self) -> None:
        assert after(99, 0, leak=-1) == (99, False)

    def test_reset_values(self) -> None:
        for reset in (0, 1, -1, 3, -7, 63):
            assert after(150, reset=reset) == (reset, True)
        for reset in (2, -2, 4, 6, 100):
            with pytest.raises(InvalidNetwork, match=rf"reset {reset} "):
                after(150, reset=reset)

    def test_subtracting_reset(self) -> None:
        assert after(103, reset_mode=Reset.SUBTRACT) == (3, True)
        assert after(250, reset_mode=Reset.SUBTRACT) == (150, True)

    def test_no_reset_has_a_ceiling(self) -> None:
        assert after(90, 2, reset_mode=Reset.NONE) == (100, True)
        assert after(95, 2, reset_mode=Reset.NONE) == (100, True)
        assert after(95, 2, reset_mode=Reset.NONE, mask_bits=3)[0] == 105
        assert after(300, reset_mode=Reset.NONE, mask_bits=3)[0] == 107

    def test_ceiling_is_for_no_reset_only(self) -> None:
        assert after(250, reset_mode=Reset.SUBTRACT, mask_bits=1)[0] > 100

    def test_floor_is_passed_not_reached(self) -> None:
        assert after(-20, floor=20, reset=7, saturates=False) == (-20, False)
        assert after(-21, floor=20, reset=7, saturates=False) == (-7, False)
        assert after(-21, floor=20, reset=7, saturates=True) == (-20, False)

    def test_negative_resets(self) -> None:
        """Below the floor: -reset, or plus floor, or nothing, by mode; floor if saturating."""
        below = {"start": -25, "floor": 20, "reset": 3}
        for mode, value in ((Reset.VALUE, -3), (Reset.SUBTRACT, -5), (Reset.NONE, -25)):
            assert after(**below, reset_mode=mode, saturates=False)[0] == value  # type: ignore[arg-type]
            assert after(**below, reset_mode=mode, saturates=True)[0] == -20  # type: ignore[arg-type]

    def test_random_part_deepens_the_floor_unless_saturating(self) -> None:
        """The first word of seed 1 is 1: with mask 1 the floor is 20, or 21 without saturation."""
        below = {"start": -21, "floor": 20, "mask_bits": 1, "reset": 3}
        assert after(**below, saturates=True)[0] == -20  # type: ignore[arg-type]
        assert after(**below, saturates=False)[0] == -21  # type: ignore[arg-type]
        subtract = {**below, "start": -22, "reset_mode": Reset.SUBTRACT, "saturates": False}
        assert after(**subtract)[0] == -1  # type: ignore[arg-type]

    def test_random_part_raises_the_threshold(self) -> None:
        """The first word of seed 1 is 1, so threshold 100 with mask 1 is 101 in tick 0."""
        assert after(100, mask_bits=1) == (100, False)
        assert after(101, mask_bits=1) == (0, True)
        assert after(103, mask_bits=1, reset_mode=Reset.SUBTRACT) == (2, True)

    def test_leak_reversal(self) -> None:
        reversal = {"leak_reversal": True, "floor": 200}
        assert after(50, leak=3, **reversal)[0] == 53
        assert after(-50, leak=3, **reversal)[0] == -53
        assert after(50, leak=-3, **reversal)[0] == 47
        assert after(-50, leak=-3, **reversal)[0] == -47

    def test_leak_reversal_rests_at_zero(self) -> None:
        assert after(0, leak=5, leak_reversal=True)[0] == 0
        assert after(2, leak=-5, leak_reversal=True, floor=9)[0] == 0
        assert after(-2, leak=-5, leak_reversal=True, floor=9)[0] == 0
        assert after(5, leak=-5, leak_reversal=True, floor=9)[0] == 0

    def test_leak_reversal_takes_the_sign_after_the_input(self) -> None:
        """From -4 up by 10 to 6: the divergent leak of 3 then goes up, to 9."""
        v, _ = potentials(kind(potential=-1, leak=3, leak_reversal=True, floor=50), [None, 2])
        assert v == [-4, 9]

    def test_potentials_beyond_20_bits_are_refused(self) -> None:
        unbounded = {"reset_mode": Reset.SUBTRACT, "threshold": 0, "leak": 200}
        assert after(MAX_POTENTIAL - 200, **unbounded)[0] == MAX_POTENTIAL
        with pytest.raises(PotentialOverflow, match="tick 0"):
            after(MAX_POTENTIAL - 199, **unbounded)

    def test_stochastic_weights_and_leaks_are_refused(self) -> None:
        for change in ({"stochastic_leak": True}, {"stochastic_weights": (True,) + (False,) * 3}):
            with pytest.raises(Unspecified, match="not published"):
                run(single(kind(**change)))


class TestSpikes:
    RELAY = NeuronType(1, (1, 0, 0, 0), 1, saturates=True)

    @pytest.mark.parametrize("delay", range(1, 16))
    def test_delays_of_spikes_on_the_chip(self, delay: int) -> None:
        """Neuron 0 fires in tick 3; neuron 1, on another core, fires ``delay`` ticks later."""
        sender = core({0: 1}, [(0, 0)], targets={0: (7, 9, delay)})
        receiver = core({1: 1}, [(9, 1)], id=7)
        network = Network((self.RELAY,), (sender, receiver))
        fired = run(network, [InputSpike(2, 0, 0)], 20).fired.tolist()
        assert fired == [[3, 0, 0], [3 + delay, 7, 1]]

    @pytest.mark.parametrize("delay", range(1, 16))
    def test_delays_of_spikes_from_outside(self, delay: int) -> None:
        fired = run(single(self.RELAY), [InputSpike(40, 0, 0, delay)], 60).fired.tolist()
        assert fired == [[40 + delay, 0, 0]]

    @pytest.mark.parametrize(("time", "delay"), [(0, 0), (0, 16), (-1, 1)])
    def test_impossible_times_from_outside(self, time: int, delay: int) -> None:
        with pytest.raises(Unspecified, match="input spike"):
            run(single(self.RELAY), [InputSpike(time, 0, 0, delay)])

    def test_spikes_on_one_axon_count_once(self) -> None:
        counter = kind()
        same = [InputSpike(0, 0, 0), InputSpike(0, 0, 0)]
        network = single(counter)
        assert run(network, same, 2, watch=[(0, 0)]).potentials[1, 0] == 1
        network = single(counter, [(0, 0), (4, 0), (5, 0)])
        apart = [InputSpike(0, 0, i) for i in (0, 4, 5)]
        assert run(network, apart, 2, watch=[(0, 0)]).potentials[1, 0] == 3

    def test_spikes_of_one_axon_from_two_delays_count_once(self) -> None:
        late_and_early = [InputSpike(0, 0, 0, 5), InputSpike(3, 0, 0, 2)]
        result = run(single(kind()), late_and_early, 7, watch=[(0, 0)])
        assert result.potentials[:, 0].tolist() == [0, 0, 0, 0, 0, 1, 1]

    def test_crossbar_selects_neurons_at_byte_borders(self) -> None:
        members = dict.fromkeys((0, 7, 8, 63, 255), 1)
        network = Network((self.RELAY,), (core(members, [(5, 7), (5, 8), (5, 255)]),))
        fired = run(network, [InputSpike(0, 0, 5)], 3).fired.tolist()
        assert fired == [[1, 0, 7], [1, 0, 8], [1, 0, 255]]

    def test_outputs_are_what_leaves_the_chip(self) -> None:
        network = Network(
            (self.RELAY,),
            (
                core(
                    dict.fromkeys(range(3), 1),
                    [(0, 0), (0, 1), (0, 2)],
                    targets={0: (-33, 17, 2), 1: (0, 200, 1), 2: (-2, -1, 1)},
                ),
            ),
        )
        result = run(network, [InputSpike(0, 0, 0)], 2)
        assert len(result.fired) == 3
        assert outputs(network, result.fired) == ((1, 0, 0, -33, 17, 2),)

    def test_disabled_neurons_neither_fire_nor_draw(self) -> None:
        """A noisy neuron that is switched off must not take a random word from the next one."""
        noisy = NeuronType(1, (0, 0, 0, 0), 0, mask_bits=8, potential=200)
        alone = Network((noisy,), (core({5: 1}, seed=99),))
        off = (-1,) * 5 + OUT[:1] + (-1,) * 250
        beside = Network((noisy,), (replace(core({2: 1, 5: 1}, seed=99), dest_cores=off),))
        assert run(alone, (), 50).fired.tolist() == run(beside, (), 50).fired.tolist()
        both = Network((noisy,), (core({2: 1, 5: 1}, seed=99),))
        fired = [row for row in run(both, (), 50).fired.tolist() if row[2] == 5]
        assert fired != run(alone, (), 50).fired.tolist()

    def test_watching_needs_an_enabled_neuron(self) -> None:
        with pytest.raises(Unspecified, match="neuron 3 of core 0"):
            run(single(self.RELAY), watch=[(0, 3)])


class TestBehaviours:
    """Published firing patterns."""

    def test_periods_and_phases_measured_on_the_chip(self) -> None:
        """Four neurons with (period, phase) 10/0, 10/9, 6/0, 5/1 (phase: one tick after firing)."""
        kinds = (
            NeuronType(1, (0, 0, 0, 0), 10, leak=1),
            NeuronType(2, (0, 0, 0, 0), 10, leak=1, potential=1),
            NeuronType(3, (0, 0, 0, 0), 11, leak=2),
            NeuronType(4, (3, 0, 0, 0), 10, leak=-1),
        )
        first = core({0: 1, 1: 2, 2: 3})
        network = Network(kinds, (first, core({7: 4}, [(3, 7)], id=1)))
        spikes = [InputSpike(t, 1, i) for t in range(100) for i in (3, 4)]
        fired = run(network, spikes, 100).fired
        found = []
        for k, j in ((0, 0), (0, 1), (0, 2), (1, 7)):
            times = fired[(fired[:, 1] == k) & (fired[:, 2] == j), 0] + 1
            (period,) = set(np.diff(times).tolist())
            found.append((period, int(times[0]) % period))
        assert found == [(10, 0), (10, 9), (6, 0), (5, 1)]

    def test_bistable_neuron(self) -> None:
        """One spike switches regular firing on (period 7), another off; zero is a fixed point."""
        bistable = NeuronType(
            1, (1, -200, 0, 0), 100, leak=15, leak_reversal=True, reset=1, saturates=True
        )
        arrivals: list[int | None] = [None] * 100
        arrivals[10], arrivals[60] = 0, 1
        v, fired = potentials(bistable, arrivals)
        assert v[:10] == [0] * 10
        assert set(np.diff(fired).tolist()) == {7}
        assert fired[0] == 16
        assert 52 < fired[-1] < 60
        assert v[60:] == [0] * 40

    @pytest.mark.parametrize(
        ("inhibition", "floor", "bursts"), [(-100, 0, "tonic"), (-20, 20, "phasic")]
    )
    def test_bursts_of_two_neurons(self, inhibition: int, floor: int, bursts: str) -> None:
        """Neuron 0 runs away once triggered; neuron 1 counts six of its spikes and stops it."""
        driver = NeuronType(
            1,
            (1, inhibition, 0, 0),
            18,
            floor,
            leak=1,
            leak_reversal=True,
            reset=1,
            saturates=True,
        )
        counter = NeuronType(2, (1, 0, 0, 0), 6, leak_reversal=True, saturates=True)
        # Axons 0 and 2: excitation of the driver and of the counter; axon 1: inhibition.
        synapses = [(0, 0), (2, 1), (1, 0)]
        targets = {0: (0, 2, 1), 1: (0, 1, 1)}
        network = Network(
            (driver, counter),
            (core({0: 1, 1: 2}, synapses, axon_types={1: 1}, targets=targets),),
        )
        triggers = [InputSpike(t, 0, 0) for t in (5, 205)]
        fired = run(network, triggers, 400).fired
        times = fired[fired[:, 2] == 0, 0]
        if bursts == "tonic":
            assert len(times) == 12
            assert set(np.diff(times[:6]).tolist()) == {17}
            assert (times[6:] - times[:6]).tolist() == [200] * 6
        else:
            assert set(np.diff(times).tolist()) == {17}
            assert len(times) == 6


def second_opinion(
    network: Network, inputs: list[InputSpike], ticks: int
) -> tuple[list[list[int]], dict[tuple[int, int], list[int]]]:
    """The same equation again, written for one neuron after the other in plain Python."""
    kinds = {k.number: k for k in network.neuron_types}
    live = [(c, j) for c in network.cores for j in range(SIZE) if c.is_enabled(j)]
    v = {(c.id, j): kinds[c.types[j]].potential for c, j in live}
    word = {c.id: c.seed for c in network.cores}
    due = {(s.time + s.delay, s.core, s.axon) for s in inputs}
    fired, traces = [], {key: [] for key in v}  # type: ignore[var-annotated]
    for t in range(ticks):
        for c, j in live:
            k = kinds[c.types[j]]
            x = v[c.id, j]
            for i in range(SIZE):
                if (t, c.id, i) in due and c.crossbar.rows[i][j // 8] & (128 >> j % 8):
                    x += k.weights[c.crossbar.axon_types[i]]
            sign = (x > 0) - (x < 0) if k.leak_reversal else 1
            y = x + sign * k.leak
            if k.leak_reversal and x * y < 0:
                y = 0
            if k.reset_mode is Reset.NONE:
                y = min(y, k.threshold + 2**k.mask_bits - 1)
            n = 0
            if k.mask_bits:
                n = word[c.id] & (2**k.mask_bits - 1)
                word[c.id] = advance(word[c.id])
            if y >= k.threshold + n:
                fired.append([t, c.id, j])
                y = (k.reset, y - k.threshold - n, y)[k.reset_mode]
                if c.dest_cores[j] >= 0:
                    due.add((t + c.delays[j], c.dest_cores[j], c.dest_axons[j]))
            elif y < -(k.floor + (0 if k.saturates else n)):
                y = -k.floor if k.saturates else (-k.reset, y + k.floor + n, y)[k.reset_mode]
            v[c.id, j] = y
            traces[c.id, j].append(y)
    return fired, traces


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_random_networks_against_a_second_implementation(seed: int) -> None:
    network = random_network(seed, cores=2, used=8)
    inputs = random_inputs(network, seed, 40, a_tick=4)
    fired, traces = second_opinion(network, inputs, 40)
    result = run(network, inputs, 40, watch=list(traces))
    assert result.fired.tolist() == fired
    for n, trace in enumerate(traces.values()):
        assert result.potentials[:, n].tolist() == trace


def test_random_networks_are_lively() -> None:
    """The comparison above says something only if its networks fire, sink and hear each other."""
    fired, sunk, routed = 0, 0, 0
    for seed in range(10):
        network = random_network(seed, cores=2, used=8)
        spikes, traces = second_opinion(network, random_inputs(network, seed, 40, a_tick=4), 40)
        fired += len(spikes)
        sunk += sum(v < 0 for trace in traces.values() for v in trace)
        cores = {c.id: c for c in network.cores}
        routed += sum(cores[k].dest_cores[j] >= 0 for _, k, j in spikes)
    assert min(fired, sunk, routed) > 200


def test_input_order_does_not_matter() -> None:
    network = random_network(3)
    inputs = random_inputs(network, 3, 60)
    shuffled = list(inputs)
    random.Random(1).shuffle(shuffled)
    assert np.array_equal(run(network, inputs, 60).fired, run(network, shuffled, 60).fired)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    network = random_network(4)
    inputs = random_inputs(network, 4, 60)
    long = run(network, inputs, 60).fired
    assert np.array_equal(run(network, inputs, 31).fired, long[long[:, 0] < 31])


def test_no_ticks() -> None:
    result = run(single(kind()), [InputSpike(0, 0, 0)], 0, watch=[(0, 0)])
    assert result.fired.shape == (0, 3)
    assert result.potentials.shape == (0, 1)
