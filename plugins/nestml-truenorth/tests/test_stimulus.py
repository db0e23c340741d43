"""Numbers of counts as sets of axons, and events of an experiment as input spikes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models_under_test import PERFECT, lowered
from nestml_truenorth.axons import BINARY, AxonGroup, by_type, groups, reach
from nestml_truenorth.stimulus import AxonCode, input_spikes

from nestml_core.api import Events


def total(offered: tuple[AxonGroup, ...], axons: tuple[tuple[int, int], ...]) -> int:
    """Return what distinct axons add up to."""
    assert len(set(axons)) == len(axons), "an axon delivers once"
    counts = {(g.core, axon): g.counts for g in offered for axon in g.axons}
    return sum(counts[axon] for axon in axons)


def test_every_whole_number_up_to_4160() -> None:
    offered = groups(BINARY)
    code = AxonCode(offered)
    assert reach(offered) == (-4160, 4160)
    for n in range(-4160, 4161):
        assert n in code
        assert total(offered, code.axons(n)) == n
    assert 4161 not in code
    assert -4161 not in code


def test_few_axons_are_used() -> None:
    code = AxonCode(groups(BINARY))
    assert code.axons(0) == ()
    assert [len(code.axons(n)) for n in (1, -3, 63, 64, 65, 127, -129)] == [1, 3, 2, 1, 2, 3, 3]


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(
        st.tuples(st.integers(-9, 9).filter(bool), st.integers(1, 4)), min_size=1, max_size=4
    )
)
def test_against_all_combinations(sizes: list[tuple[int, int]]) -> None:
    """Exactly the reachable totals are in the code, each with the fewest axons."""
    first, offered = 0, []
    for counts, size in sizes:
        offered.append(AxonGroup(0, first, first + size - 1, counts))
        first += size
    fewest: dict[int, int] = {}
    for times in itertools.product(*(range(size + 1) for _, size in sizes)):
        reached = sum(n * counts for n, (counts, _) in zip(times, sizes, strict=True))
        fewest[reached] = min(sum(times), fewest.get(reached, first))
    code = AxonCode(tuple(offered))
    low, high = reach(tuple(offered))
    for n in range(low - 2, high + 3):
        assert (n in code) == (n in fewest)
        if n in fewest:
            axons = code.axons(n)
            assert total(tuple(offered), axons) == n
            assert len(axons) == fewest[n]


@pytest.mark.parametrize("weights", [(3,), (1, -1), (5, -5, 1), BINARY])
def test_axons_are_shared_out_evenly(weights: tuple[int, ...]) -> None:
    offered = groups(weights)
    assert {g.size for g in offered} == {256 // len(weights)}
    axons = [axon for g in offered for axon in g.axons]
    assert axons == list(range(len(axons)))
    assert by_type(weights)[: len(weights)] == weights


def test_events_enter_one_tick_before_their_step() -> None:
    value, _ = lowered(PERFECT)
    io = value.neurons[0].io
    train = Events(np.array([1, 1, 4]), np.array([3.0, -1.0, 65.0]))
    found = input_spikes(io, {"spikes": train}).value
    assert found is not None
    assert [(s.time, s.core, s.axon, s.delay) for s in found] == [
        (0, 0, 0, 1),
        (0, 0, 1, 1),
        (3, 0, 0, 1),
        (3, 0, 128, 1),
    ]


def test_opposite_events_of_one_step_cancel() -> None:
    value, _ = lowered(PERFECT)
    train = Events(np.array([2, 2]), np.array([30.0, -30.0]))
    assert input_spikes(value.neurons[0].io, {"spikes": train}).value == ()
