"""Every quantity is converted exactly once: what compiled C++ makes of units of all prefixes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from generated_programs import Neuron

from nestml_core.testing.quantities import QUANTITIES, TOLERANCE


@pytest.mark.parametrize("name", QUANTITIES)
def test_the_physical_answer(neuron: Callable[..., Neuron], name: str) -> None:
    case = QUANTITIES[name]
    trace = neuron(case.text).run(**case.experiment)
    assert case.shortfalls(trace.values, TOLERANCE.get(name, 1e-12)) == []
    assert trace.spikes.tolist() == pytest.approx(case.spikes)
