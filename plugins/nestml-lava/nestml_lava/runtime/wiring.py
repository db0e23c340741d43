"""How processes of synapses are connected to neurons.

Lava executes this file for itself when it looks for models: it imports none of its neighbours.
"""

from typing import Any

import numpy as np
from scipy import sparse


def wired(kind: Any, ends: Any, pre: Any, post: Any, inputs: Any, **values: Any) -> Any:
    """Make a process of ``kind`` and connect it; ``connect`` of the package tells how."""
    out, dt = ends(pre, post)
    sending = getattr(out.process, "INTERFACE", None)
    if getattr(sending, "sends", "") == "weights":
        raise TypeError(f"{type(out.process).__name__} sends weights; a synapse counts spikes")
    own, population = kind.EVENTS, post.process
    modulators, third_factors = {}, {}
    ports = {}
    for port, given in (inputs or {}).items():
        if port in own.modulators:
            source, delay = given if isinstance(given, tuple) else (given, 0.0)
            ports[port] = ends(source, post)[0]
            modulators[port] = (ports[port].shape, delay)
        elif port in kind.INTERFACE.held:
            _, factor = kind.INTERFACE.held[port]
            ports[port], begin, unit = _third_factor(population, given)
            third_factors[port] = unit / factor, begin
        else:
            choices = (*own.modulators, *kind.INTERFACE.held)
            kind.INTERFACE.check_names("port for further inputs", (port,), choices)
    missing = [x for x in own.modulators if x not in modulators]
    if missing:
        raise TypeError(
            f"{kind.__name__}: inputs={{{missing[0]!r}: ...}} is missing: the process whose spikes "
            "these synapses see"
        )
    partner = getattr(getattr(population, "INTERFACE", None), "partners", {}).get(post.name)
    synapses = kind(
        pre_shape=out.shape,
        post_shape=post.shape,
        dt=dt,
        modulators=modulators,
        third_factors=third_factors,
        splits=partner is not None,
        **values,
    )
    out.connect(getattr(synapses, own.presynaptic))
    synapses.a_out.connect(post)
    if partner is not None:
        synapses.negative_out.connect(getattr(population, partner))
    if own.postsynaptic:
        spikes = getattr(population, "spike", None)
        if spikes is None:
            raise TypeError(f"{type(population).__name__} sends no spikes, which the synapses need")
        spikes.connect(getattr(synapses, own.postsynaptic))
    for port, source in ports.items():
        source.connect(getattr(synapses, port))
    return synapses


def passed(kind: Any, tools: Any, pre: Any, post: Any, weight: str, **values: Any) -> Any:
    """Connect by fixed weights; ``connect`` of the package tells how."""
    ends, delayed = tools
    out, dt = ends(pre, post)
    shape = int(np.prod(post.shape)), int(np.prod(out.shape))
    given = {x: values.pop(x) for x in ("connected", "pairs", "delay_ms") if x in values}
    made = kind(pre_shape=out.shape, post_shape=post.shape, dt=dt, **given, **values)
    units = {**kind.INTERFACE.parameters, **kind.INTERFACE.state}
    weights = getattr(made, weight).init * units[weight]
    return _delayed(delayed, out, post, weights, made, made.proc_params["steps"], shape, dt)


def relayed(kind: Any, tools: Any, pre: Any, post: Any, weight: str, **values: Any) -> Any:
    """Connect through a relay at each axon; ``connect`` of the package tells how."""
    ends, delayed = tools
    out, dt = ends(pre, post)
    shape = int(np.prod(post.shape)), int(np.prod(out.shape))
    own = ("connected", "pairs", "delay_ms", weight)
    given = {x: values.pop(x) for x in own if x in values}
    between = kind(pre_shape=out.shape, post_shape=post.shape, dt=dt, **given)
    steps = between.proc_params["steps"] - 1
    if (steps < 1).any():
        raise ValueError(f"{kind.__name__}: a relay takes a step: delays are two steps or more")
    axons = np.arange(shape[1])
    relay = kind(
        pre_shape=out.shape,
        post_shape=out.shape,
        pairs=(axons, axons),
        dt=dt,
        **{weight: 1.0},
        **values,
    )
    out.connect(getattr(relay, kind.EVENTS.presynaptic))
    weights = getattr(between, weight).init
    _delayed(delayed, relay.a_out, post, weights, between, steps, shape, dt)
    return relay


def _delayed(
    delayed: Any,
    out: Any,
    post: Any,
    weights: Any,
    made: Any,
    steps: Any,
    shape: tuple[int, int],
    dt: float,
) -> Any:
    """Connect by weights; negative ones to the port that is for them, if there is one."""
    population = post.process
    partners = getattr(getattr(population, "INTERFACE", None), "partners", {})
    partner: Any = partners.get(post.name)
    negative = (weights < 0) if partner is not None else np.zeros(len(weights), bool)
    sinks = [(post, ~negative, 1.0)]
    if negative.any():
        sinks.append((getattr(population, partner), negative, -1.0))
    found = []
    for sink, chosen, sign in sinks:
        entries = sign * weights[chosen], (made.targets[chosen], made.sources[chosen])
        matrix = sparse.coo_matrix(entries, shape=shape)
        connection = delayed(matrix, steps[chosen], sink.shape, out.shape, dt)
        out.connect(connection.s_in)
        connection.a_out.connect(sink)
        found.append(connection)
    return found[0]


def _third_factor(population: Any, given: Any) -> Any:
    """Return the out-port that tells a variable of the neurons, its first values and its unit."""
    if not isinstance(given, str):
        return given, None, 1.0
    interface = population.INTERFACE
    sent: str = population.proc_params["signal"]
    if given in interface.outputs.values():
        port = next(p for p, name in interface.outputs.items() if name == given)
    elif sent == given:
        port = "signal"
    else:
        raise TypeError(
            f"{type(population).__name__} does not send {given!r}: create it with signal={given!r}"
        )
    values = {**interface.parameters, **interface.state, **interface.inlines}
    values |= dict(interface.held.values())
    begin = np.asarray(getattr(population, given).init, float).ravel()
    return getattr(population, port), begin, values[given]
