"""What the run of a network yields, and what its parts are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nestml_core.declared import declared_value, unit_text
from nestml_core.diagnostics import Diagnostic
from nestml_core.experiment import FloatArray, IntArray
from nestml_core.network import (
    NetworkExperiment,
    NetworkState,
    NetworkTrace,
    NumberArray,
    Pairs,
)
from nestml_core.optional import optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nestml_core.loading import LoadedModel


@dataclass(frozen=True, eq=False)
class Nodes:
    """What a network has been given: neurons of one model, or sources of spikes.

    Attributes
    ----------
    name : what diagnostics call them
    size : how many there are; they are counted from 0
    model : of the neurons; None for sources
    """

    name: str
    size: int
    model: LoadedModel | None
    place: int

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"<{self.size} {self.name}>"


@dataclass(frozen=True, eq=False)
class Connections:
    """What a network has been given: connections between two nodes.

    Attributes
    ----------
    name : what diagnostics call them
    pairs : which member is connected with which, as it is kept
    model : of their synapses; None if they have weights that never change
    """

    name: str
    pairs: Pairs
    model: LoadedModel | None
    place: int

    @property
    def pre(self) -> NumberArray:
        """Who connection k leads from, for each k; shape (connections,)."""
        return self.pairs.pre

    @property
    def post(self) -> NumberArray:
        """Where connection k leads to; shape (connections,)."""
        return self.pairs.post

    def __len__(self) -> int:
        return len(self.pairs)

    def __repr__(self) -> str:
        return f"<{len(self)} {self.name}>"


class _Recorded(dict[str, FloatArray]):
    """Arrays by name, which tells what there is if a name is not."""

    def __missing__(self, name: str) -> FloatArray:
        recorded = ", ".join(self) or "nothing"
        raise KeyError(f"`{name}` was not recorded; recorded: {recorded}")


@dataclass(frozen=True, eq=False)
class NetworkRun:
    """What the run of a network yielded, in the declared units of the models.

    ``result[nodes]["V_m"]`` is what was recorded of neurons, of shape (neurons, steps), at the
    times ``result.times``; ``result[connections]["w"]`` that of connections, of shape
    (connections, steps).

    Attributes
    ----------
    experiment : what was run
    trace : what came out, in coherent units
    nodes, connections : the parts of the network, in the order in which they were made
    diagnostics : warnings, and messages of the models
    """

    experiment: NetworkExperiment
    trace: NetworkTrace
    nodes: tuple[Nodes, ...]
    connections: tuple[Connections, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    def __repr__(self) -> str:
        spikes = sum(len(s.steps) for s in self.trace.spikes)
        return f"<run of a network: {self.trace.steps * self.trace.dt:g} ms, {spikes} spikes>"

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, Any]:
        from nestml_core.notebook import of_picture

        return of_picture(repr(self), self.plot)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Return a Matplotlib figure of all spikes and of what was recorded.

        Of more than six members, the median and the band of 5 to 95 % of them are drawn.

        Parameters
        ----------
        path : also write it there; the suffix gives the format
        """
        optional("matplotlib")
        from nestml_core import plotting

        return plotting.saved(plotting.figure_of_network(self), path)

    @property
    def times(self) -> FloatArray:
        """The ends of the steps, in ms; shape (steps,)."""
        first = self.trace.first
        return _times(np.arange(first + 1, first + self.trace.steps + 1), self.trace.dt)

    @property
    def state(self) -> NetworkState | None:
        """Where the run stopped, if that was to be kept: another one can go on from it."""
        return self.trace.state

    def spikes(self, nodes: Nodes) -> tuple[FloatArray, IntArray]:
        """Return the times of all spikes of some nodes, in ms, and who emitted each."""
        found = self.trace.spikes[self._place(nodes, self.nodes)]
        return _times(found.steps, self.trace.dt), found.indices

    def emitted(self, connections: Connections) -> tuple[FloatArray, IntArray, FloatArray]:
        """Return what synapses emitted: times in ms, numbers of the connections, weights.

        These are the times at which spikes leave; they arrive a delay later.
        """
        if connections.model is None:
            raise KeyError(f"{connections!r} have no synapses: their weights never change")
        if not self.trace.emitted:
            raise KeyError("what synapses emitted was not kept: run(..., emitted=True) keeps it")
        found = self.trace.emitted[self._place(connections, self.connections)]
        return _times(found.steps, self.trace.dt), found.indices, found.weights

    def __getitem__(self, what: Nodes | Connections) -> Mapping[str, FloatArray]:
        kept = self.nodes if isinstance(what, Nodes) else self.connections
        place = self._place(what, kept)
        found = self.trace.nodes if isinstance(what, Nodes) else self.trace.projections
        values = {s.name: declared_value(s, x) for s, x in found[place].items()}
        return MappingProxyType(_Recorded(values))

    def units(self, what: Nodes | Connections) -> Mapping[str, str]:
        """Return the unit of each recorded array, by name."""
        kept = self.nodes if isinstance(what, Nodes) else self.connections
        place = self._place(what, kept)
        found = self.trace.nodes if isinstance(what, Nodes) else self.trace.projections
        return MappingProxyType({s.name: unit_text(s) for s in found[place]})

    @staticmethod
    def _place(what: Nodes | Connections, kept: Sequence[Nodes | Connections]) -> int:
        for k in kept:
            if k is what:
                return k.place
        raise KeyError(f"{what!r} was not part of the network when it ran")


def _times(steps: IntArray, dt: float) -> FloatArray:
    return np.multiply(steps, np.float64(dt))
