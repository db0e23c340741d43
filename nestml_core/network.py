"""Networks of neurons and synapses, as values: what is there, and what is connected to what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nestml_core.diagnostics import Code, Diagnostic, Result, Severity, nearest
from nestml_core.experiment import FloatArray, IntArray
from nestml_core.expr import Symbol
from nestml_core.solved import ModelKind, SolvedModel
from nestml_core.source import NOWHERE
from nestml_core.stmt import Emit, walk_statements

UNKNOWN_PART = Code("NML960", Severity.ERROR, "a network names something that is not there")
BAD_PART = Code("NML961", Severity.ERROR, "a value of a network does not fit")
BAD_DELAY = Code("NML962", Severity.ERROR, "a delay that a connection cannot have")
NO_INPUT = Code("NML963", Severity.ERROR, "a port of a synapse without input")
WHICH_PORT = Code("NML964", Severity.ERROR, "it is not clear which port is meant")
WRONG_KIND = Code("NML965", Severity.ERROR, "a model that cannot have this part in a network")
NO_NETWORKS = Code("NML966", Severity.ERROR, "a backend cannot run networks in this way")
BAD_STATE = Code("NML967", Severity.ERROR, "a state that a network cannot go on from")
CUT_SHORT = Code("NML968", Severity.ERROR, "the run of a network was interrupted")
NO_ROOM = Code("NML969", Severity.ERROR, "there is no room for a network, or for its state")

NumberArray: TypeAlias = npt.NDArray[np.int32]
"""Numbers of members, or of steps of a delay: a network may have a great many of them."""

RealArray: TypeAlias = npt.NDArray[np.floating[Any]]
"""Numbers of single or of double precision."""

POSTSYNAPTIC = "post_spikes"
"""What the postsynaptic port is called, where there are several it could be."""


@dataclass(frozen=True, slots=True)
class Roles:
    """What comes in at the ports of a synapse.

    Attributes
    ----------
    presynaptic : the port for the spikes that the synapse passes on
    postsynaptic : the port for the spikes of the neuron it passes them to, if it has one
    modulators : the other ports for spikes
    third_factors : the continuous ports
    order : the ports for spikes, in the order in which events of one time are handled
    """

    presynaptic: Symbol
    postsynaptic: Symbol | None
    modulators: tuple[Symbol, ...]
    third_factors: tuple[Symbol, ...]
    order: tuple[Symbol, ...]


def roles(
    model: SolvedModel, presynaptic: str | None = None, postsynaptic: str | None = None
) -> Result[Roles]:
    """Return what the ports of a synapse are for.

    The presynaptic port is the one whose handler emits. Of the other ports for spikes, the
    postsynaptic one is the only one, or the one called ``post_spikes``; the rest are modulators.

    Parameters
    ----------
    presynaptic, postsynaptic : names of the ports, where that is to be decided otherwise

    Errors
    ------
    NML960 : there is no port of that name.
    NML964 : several ports could be it.
    NML965 : the model is not a synapse, or has delayed variables.
    """
    if model.kind is not ModelKind.SYNAPSE:
        message = f"`{model.name}` is not a synapse"
        help = "in a synapse a handler of spikes emits, and neither `update` nor `onCondition` does"
        return Result(None, (WRONG_KIND.at(model.span, message, help=help),))
    if model.delays:
        name, span = model.delays[0].variable.name, model.delays[0].span
        message = f"`{name}` as it was: a synapse has no steps in which it could be noted"
        help = "let the neuron compute it, and read it through a continuous port"
        return Result(None, (WRONG_KIND.at(span, message, help=help),))
    ports = tuple(p.symbol for p in model.spike_ports)
    if presynaptic is None:
        emitting = tuple(dict.fromkeys(_emitting(model)))
        pre = _the_one(model, emitting, "emit in their handlers", "presynaptic")
    else:
        pre = named_port(model, presynaptic, ports)
    if pre.value is None:
        return Result(None, pre.diagnostics)
    others = tuple(p for p in ports if p != pre.value)
    post = _postsynaptic(model, others, postsynaptic)
    if post.value is None:
        return Result(None, post.diagnostics)
    back = post.value[0] if post.value else None
    modulators = tuple(p for p in others if p != back)
    found = Roles(
        presynaptic=pre.value,
        postsynaptic=back,
        modulators=modulators,
        third_factors=tuple(p.symbol for p in model.continuous_ports),
        order=_in_order(model, (*modulators, *post.value, pre.value), modulators),
    )
    return Result(found)


def _postsynaptic(
    model: SolvedModel, others: Sequence[Symbol], name: str | None
) -> Result[tuple[Symbol, ...]]:
    """Return the postsynaptic port, if there is one."""
    if name is not None:
        named = named_port(model, name, others)
        return Result(None if named.value is None else (named.value,), named.diagnostics)
    usual = tuple(p for p in others if p.name == POSTSYNAPTIC)
    if usual or not others:
        return Result(usual)
    only = _the_one(model, others, "could be it", "postsynaptic")
    return Result(None if only.value is None else (only.value,), only.diagnostics)


def _the_one(model: SolvedModel, ports: Sequence[Symbol], what: str, role: str) -> Result[Symbol]:
    if len(ports) == 1:
        return Result(ports[0])
    names = ", ".join(f"`{p.name}`" for p in ports)
    message = f"which port of `{model.name}` is the {role} one: {names} {what}"
    help = f"name it: {role}=..."
    if role == "postsynaptic":
        help += f", or call it `{POSTSYNAPTIC}` in the model"
    return Result(None, (WHICH_PORT.at(ports[0].span, message, help=help),))


def _emitting(model: SolvedModel) -> Iterator[Symbol]:
    for handler in model.on_receive:
        if any(isinstance(s, Emit) for s in walk_statements(handler.body)):
            yield handler.port


def _in_order(
    model: SolvedModel, ports: Sequence[Symbol], modulators: Sequence[Symbol]
) -> tuple[Symbol, ...]:
    """Return ``ports``: modulators, then those with priorities by these, then the others."""
    priorities = {h.port: h.priority for h in model.on_receive if h.priority is not None}

    def key(port: Symbol) -> tuple[int, int]:
        if port in priorities:
            return 1, -priorities[port]
        return (0, 0) if port in modulators else (2, 0)

    return tuple(sorted(ports, key=key))


def named_port(model: SolvedModel, name: str, ports: Sequence[Symbol]) -> Result[Symbol]:
    """Return the one of ``ports`` that is called ``name``."""
    for port in ports:
        if isinstance(name, str) and name in (port.name, port.identifier):
            return Result(port)
    return Result(None, (unknown(f"`{model.name}`", "port", name, [p.name for p in ports]),))


def unknown(owner: str, what: str, name: str, choices: Sequence[str]) -> Diagnostic:
    """Return what to say about a name that is not among ``choices``."""
    message = f"{owner} has no {what} `{name}`"
    return UNKNOWN_PART.at(NOWHERE, message, help=nearest(name, choices))


# Descriptions: checked, on the grid of steps, in coherent units


@dataclass(frozen=True, eq=False, slots=True)
class Sources:
    """What emits spikes at given times.

    Attributes
    ----------
    steps, indices : shape (spikes,), by time, then by source: source ``indices[k]`` emits a spike
        at the end of step ``steps[k]``, counted from 1
    """

    name: str
    size: int
    steps: IntArray
    indices: IntArray


@dataclass(frozen=True, eq=False, slots=True)
class Population:
    """Neurons of one model.

    Attributes
    ----------
    parameters, initial : values that replace defaults, shape (size,), or (size, length) of vectors
    currents : the signal of each continuous port from outside that is not zero, shape
        (size, steps): what holds during each step
    record : what to record of every neuron
    """

    name: str
    size: int
    model: SolvedModel
    parameters: Mapping[Symbol, FloatArray]
    initial: Mapping[Symbol, FloatArray]
    currents: Mapping[Symbol, FloatArray]
    record: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Modulation:
    """Every spike of any member of ``node`` reaches ``port`` of all connections, ``delay`` later.

    ``delay`` is a number of steps, perhaps 0.
    """

    port: Symbol
    node: int
    delay: int


@dataclass(frozen=True, slots=True)
class ThirdFactor:
    """``port`` sees ``recordable`` of the postsynaptic neuron, as it is at the end of a step."""

    port: Symbol
    recordable: Symbol


@dataclass(frozen=True, eq=False, slots=True)
class Plasticity:
    """The synapses of connections.

    Attributes
    ----------
    parameters, initial : as of a population, for each connection
    constants : values of continuous ports that never change
    record : what to record of every connection
    """

    model: SolvedModel
    roles: Roles
    parameters: Mapping[Symbol, FloatArray]
    initial: Mapping[Symbol, FloatArray]
    modulations: tuple[Modulation, ...]
    third_factors: tuple[ThirdFactor, ...]
    constants: tuple[tuple[Symbol, float], ...]
    record: tuple[Symbol, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Pairs:
    """Which member is connected with which: connection k leads from ``pre[k]`` to ``post[k]``.

    Attributes
    ----------
    targets : ``post`` in two bytes each, if these are enough
    starts : shape (sources + 1,), if connections lie by source, and those of a source by neuron:
        the ones of source i are number ``starts[i]`` to ``starts[i + 1]``
    sources : ``pre``, if they lie in another order
    """

    targets: npt.NDArray[np.integer[Any]]
    starts: IntArray | None
    sources: NumberArray | None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def pre(self) -> NumberArray:
        """Who each connection leads from; shape (connections,). It may be made anew each time."""
        if self.starts is None:
            assert self.sources is not None
            return self.sources
        every = np.arange(len(self.starts) - 1, dtype=np.int32)
        return np.repeat(every, np.diff(self.starts))

    @property
    def post(self) -> NumberArray:
        """Where each connection leads; shape (connections,). It may be made anew each time."""
        return self.targets.astype(np.int32, copy=False)


@dataclass(frozen=True, eq=False, slots=True)
class Projection:
    """Connections from one node to another.

    Connection k leads from member ``pre[k]`` of ``source`` to neuron ``post[k]`` of ``target``.
    A spike emitted at the end of a step arrives ``delays[k]`` steps later, which is at least one.
    What is the same for all connections is there once: the array repeats it.

    Attributes
    ----------
    source, target : places among the nodes of the network
    pairs : ``pre`` and ``post`` as they are kept: without plasticity by source
    delays : shape (connections,), whole numbers of a type that is large enough
    port, negative : where spikes arrive; those with a negative weight at the latter, without the
        sign, if there is one
    weights : of connections without plasticity, shape (connections,)
    """

    name: str
    source: int
    target: int
    pairs: Pairs
    delays: npt.NDArray[np.integer[Any]]
    port: Symbol
    negative: Symbol | None
    weights: RealArray | None
    plasticity: Plasticity | None

    @property
    def pre(self) -> NumberArray:
        return self.pairs.pre

    @property
    def post(self) -> NumberArray:
        return self.pairs.post


@dataclass(frozen=True, eq=False, slots=True)
class Coupling:
    """Continuous input: ``port`` of neuron ``post[k]`` of ``target`` sees, summed over k,
    ``weights[k]`` times ``recordable`` of neuron ``pre[k]`` of ``source``.

    The value at the end of a step is seen in the step that begins ``delays[k]`` (>= 0) steps later.
    """

    source: int
    target: int
    recordable: Symbol
    port: Symbol
    pre: NumberArray
    post: NumberArray
    weights: FloatArray
    delays: NumberArray


@dataclass(frozen=True, eq=False, slots=True)
class NetworkState:
    """Where a run of a network stopped, for another one to go on from.

    Attributes
    ----------
    backend : who wrote it, and reads it
    digest : of the network, as that backend sees it: what does not fit is refused
    steps : how many had been done
    data : all that changes in steps, as the backend keeps it
    """

    backend: str
    digest: str
    steps: int
    data: bytes


@dataclass(frozen=True, eq=False, slots=True)
class Running:
    """How a network is to be run.

    Attributes
    ----------
    threads : how many threads compute; results do not depend on it
    start : where to begin, if not at the begin
    keeps_state : the state at the end is wanted
    keeps_emitted : what synapses emit is wanted: the times, connections and weights of all spikes
    progress : show a bar if it takes longer than a second
    """

    threads: int = 1
    start: NetworkState | None = None
    keeps_state: bool = False
    keeps_emitted: bool = True
    progress: bool = False

    @property
    def first(self) -> int:
        """How many steps have been done before."""
        return 0 if self.start is None else self.start.steps


@dataclass(frozen=True, eq=False, slots=True)
class NetworkExperiment:
    """A network and what to do with it: all that a simulator has to know.

    ``steps`` is the last step. Trains and signals begin with step 1, even where a run goes on from
    a state.
    """

    nodes: tuple[Sources | Population, ...]
    projections: tuple[Projection, ...]
    couplings: tuple[Coupling, ...]
    steps: int
    dt: float
    seed: int


@dataclass(frozen=True, eq=False, slots=True)
class Spikes:
    """Spikes by time: member ``indices[k]`` emitted one at the end of step ``steps[k]``.

    ``weights`` are those of what connections emit, else empty.
    """

    steps: IntArray
    indices: IntArray
    weights: FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class NetworkTrace:
    """What a network yields, in coherent units.

    Attributes
    ----------
    spikes : of each node
    emitted : what the synapses of each projection emitted, by number of the connection; nothing at
        all if that was not kept
    nodes, projections : what was recorded of each, by symbol: shape (members, steps)
    backend : who computed it
    first : how many steps had been done before; ``steps`` is how many were done since
    state : that at the end, if it was wanted
    """

    dt: float
    steps: int
    spikes: tuple[Spikes, ...]
    emitted: tuple[Spikes, ...]
    nodes: tuple[Mapping[Symbol, FloatArray], ...]
    projections: tuple[Mapping[Symbol, FloatArray], ...]
    backend: str
    first: int = 0
    state: NetworkState | None = None
