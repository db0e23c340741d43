"""Events that reach a neuron: ports, signs, multiplicities, coincidences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

InNest = Callable[..., Any]


def test_receptors(in_nest: InNest, module: str) -> None:
    """A pair shares a receptor and is told by sign; numbers begin at 1."""
    found = in_nest("receptors", modules=[module], model="two_ports")
    assert found["types"] == {"UP": 1, "DOWN": 1, "OTHER": 2}
    sent = {name: k + 1.0 for k, name in enumerate(found["types"])}
    assert found["x"] > 0
    assert found["y"] > 0
    assert found["z"] == sent["OTHER"]
    assert found["n"] == 3
    assert "IncompatibleReceptorType" in found["0"]
    assert "UnknownReceptorType" in found["17"]


def test_several_continuous_inputs(in_nest: InNest, module: str) -> None:
    found = in_nest("currents", modules=[module], model="two_currents")
    assert found == {"types": {"FIRST": 0, "SECOND": 1}, "a": 10.0, "b": 100.0}


def test_a_handler_runs_whenever_an_event_arrives(in_nest: InNest, module: str) -> None:
    """Also if the weights of a step sum to zero, or are zero."""
    found = in_nest("cancelling", modules=[module], model="events")
    assert found == {"n": 4, "x": 0.0}


def test_multiplicity_counts(in_nest: InNest, module: str) -> None:
    assert in_nest("multiplicity", modules=[module], model="events") == {"x": 14.0}
