"""Leaky neurons on the chip: a constant leak, or many neurons whose leak is exponential on average.

Stochastic leak. A neuron whose threshold is 1 plus a random number of n bits fires with the
probability V / 2^n, and without a reset it keeps V. K of those that see what the spiking neuron
sees, each of which takes w counts off all of them when it fires, make

    E[V(t + 1)] = (1 - K w / 2^n) V(t) + input,    Var V = K w^2 p (1 - p) / (1 - a^2)

with p = V / 2^n, a = 1 - K w / 2^n. K w = 2^n (1 - exp(-h / tau)) is the exact solution of the
leaky equation on the grid of ticks h. A synaptic current that decays exponentially is made the
same way; what leaks out of it is what the membrane gets.

Constant leak. One neuron loses l in each tick down to a floor at rest. Its f-I curve has the
right rheobase for l = theta h / tau and the right slope for half of that; leak and threshold are
fitted to the curve of the leaky neuron on the same grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from nestml_core.api import Code, Diagnostic, Result, coherent_text
from nestml_truenorth import codes
from nestml_truenorth.affine import Affine
from nestml_truenorth.axons import AxonGroup
from nestml_truenorth.chip.network import FIRST_OUTPUT, MAX_WEIGHT, NeuronType, Reset
from nestml_truenorth.corelet import Drawing, Here, Out, Part, Target, place
from nestml_truenorth.holding import CLAMP, LONGEST, Hold, clamps, hold
from nestml_truenorth.ir import Fact, IoMap, NeuronProgram, Port, Reading
from nestml_truenorth.leaky import Current, Leaky
from nestml_truenorth.lower import Case, composed, identifier
from nestml_truenorth.options import LINEAR, STOCHASTIC

RESOLUTION = 640
"""Counts from rest to threshold, where the user does not say; twice that with one bit more."""

BITS = (10, 11, 12)
"""Bits of the random numbers of leak neurons that go with that."""

RANGE = 4.0
"""How far constant input may drive the membrane, in distances from rest to threshold."""

COARSE, FINE = 64, 9
"""The weights by which spikes and currents move a membrane."""

SYNAPTIC = (255, 17, 1)
"""Those by which spikes raise a synaptic current."""

SYNAPTIC_RANGE = 6.0
"""How far a synaptic current may drive the membrane: mean and fluctuations."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Axons for inputs that are summed: how many of which weight and type, and for which cells.

    ``current`` is the place of the synaptic current that they raise; None for the membrane.
    """

    lines: tuple[tuple[int, int, int], ...]
    """Type, counts, number."""
    current: int | None = None


@dataclass(frozen=True, slots=True)
class LeakCells:
    """K neurons that fire with the probability V / 2^bits, and take ``weight`` off all."""

    number: int
    weight: int
    bits: int

    @property
    def rate(self) -> float:
        """What part of the potential leaks in a tick."""
        return self.number * self.weight / (1 << self.bits)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A leaky neuron in whole numbers: all that it takes to draw its corelet.

    Attributes
    ----------
    scale : counts per mV
    origin : the potential that 0 counts stand for
    leak : the cells that make the membrane leak; None where the leak is constant
    synapses : those of each current, and counts per unit of it
    spiking : parameters of the neuron that spikes
    """

    strategy: str
    name: str
    tick: float
    scale: float
    origin: float
    spiking: NeuronType
    leak: LeakCells | None
    synapses: tuple[LeakCells, ...]
    synaptic_scales: tuple[float, ...]
    synaptic_weights: tuple[int, ...]
    held: Hold
    pools: tuple[Pool, ...]

    @property
    def noise(self) -> tuple[float, float]:
        """The factor and the scale of ``spread``."""
        if self.leak is None:
            return 0.0, 1.0
        a = 1 - self.leak.rate
        return self.leak.number * self.leak.weight**2 / (1 - a * a), 2.0**self.leak.bits

    def spread(self, counts: float) -> float:
        """Return the predicted standard deviation of a potential around ``counts``."""
        factor, whole = self.noise
        p = min(max(counts / whole, 0.0), 1.0)
        return math.sqrt(factor * p * (1 - p))


def leak_cells(rate: float, bits: int, most: int) -> LeakCells:
    """Return about ``most`` cells, not more, whose leak is as near to ``rate`` as that allows."""
    return min(
        (
            LeakCells(number, min(max(1, round(rate * 2**bits / number)), MAX_WEIGHT), bits)
            for number in range(max(1, round(0.75 * most)), most + 1)
        ),
        key=lambda c: (abs(c.rate / rate - 1), -c.number),
    )


def best_leak(rate: float, bits: tuple[int, ...], most: int) -> LeakCells:
    """Return the cells with the least error, and, of those as good, with the fewest bits."""
    return min(
        (leak_cells(rate, n, most) for n in bits),
        key=lambda c: abs(c.rate / rate - 1) + 0.003 * (c.bits - bits[0]),
    )


def stochastic(
    case: Case, m: Leaky, cells: int, synaptic_cells: int, weights: tuple[float, ...] = ()
) -> Result[Recipe]:
    """Return a recipe with ``cells`` leak neurons, and so many for each synaptic current.

    Parameters
    ----------
    weights : up to two jumps of the membrane, in mV, that axons deliver; some that reach all
        numbers, if there are none
    """
    h = float(case.choices.tick)
    if m.reset >= m.threshold:
        return _refused(
            case,
            codes.RESET,
            "its reset is not below its threshold",
            "choose a reset below the threshold",
        )
    decay = 1 - math.exp(-h / m.tau)
    if case.choices.scale is None:
        leak = best_leak(decay, BITS, cells)
        scale = RESOLUTION / m.depth * 2 ** (leak.bits - BITS[0])
    else:
        scale = float(case.choices.scale)
        bits = max(3, math.ceil(math.log2(1.3 * scale * m.depth)))
        leak = leak_cells(decay, min(bits, 18), cells)
    top, bits = scale * m.depth, leak.bits
    if bits > 17:
        return _refused(
            case,
            codes.OUT_OF_RANGE,
            f"threshold and rest are {top:.0f} counts apart",
            "choose a smaller scale",
        )
    currents = tuple(_synapse(m, c, h, scale, synaptic_cells) for c in m.currents)
    g = {math.copysign(1, c.coupling): w for c, (_, _, w) in zip(m.currents, currents, strict=True)}
    types = [0, 0, -leak.weight, -MAX_WEIGHT]
    pools: list[Pool] = []
    if m.currents:
        types[0], types[1] = g.get(1.0, COARSE), -g.get(-1.0, -FINE)
        most = scale * m.depth * RANGE * leak.rate
        lines = max(4, math.ceil(most / types[0]))
        pools.append(Pool(((0, types[0], lines), (2, -leak.weight, 8))))
    elif weights:
        chosen = [round(scale * w) for w in weights]
        types[: len(chosen)] = chosen
        share = 96 // len(chosen)
        pools.append(Pool(tuple((n, w, share) for n, w in enumerate(chosen))))
    else:
        types[0], types[1] = COARSE, FINE
        pools.append(
            Pool(((0, COARSE, 14), (1, FINE, 12), (2, -leak.weight, 40), (3, -MAX_WEIGHT, 6)))
        )
    for k, current in enumerate(m.currents):
        own = 0 if current.coupling > 0 else 1
        free = [t for t in range(4) if t != own]
        pools.append(
            Pool(tuple((t, w, n) for t, w, n in zip(free, SYNAPTIC, (14, 14, 8), strict=True)), k)
        )
    if max(abs(t) for t in types) > MAX_WEIGHT:
        return _refused(
            case,
            codes.OUT_OF_RANGE,
            f"a weight comes to {max(types)} counts; an axon delivers at most {MAX_WEIGHT}",
            "choose a smaller scale",
        )
    reset = round(scale * (m.reset - m.origin))
    bias = round(top * m.bias * leak.rate)
    if bias > MAX_WEIGHT:
        return _refused(
            case,
            codes.OUT_OF_RANGE,
            f"constant inputs come to {bias} counts a tick; "
            f"a chip neuron drifts by at most {MAX_WEIGHT}",
            "choose a smaller scale",
        )
    lift = composed(reset, tuple(types[:2]))
    if lift is None:
        near = min(
            (abs(reset - n), n)
            for n in range(2 * reset + 1)
            if composed(n, tuple(types[:2])) is not None
        )[1]
        lift = composed(near, tuple(types[:2])) or ()
    threshold = max(1, math.ceil(top - 1e-9))
    reaching = sum(max(w, 0) * n for _, w, n in pools[0].lines)
    reaching += sum(
        w * s.number for c, (s, _, w) in zip(m.currents, currents, strict=True) if c.coupling > 0
    )
    held = Hold(max(1, m.held), clamps(2**bits + reaching), clamps(reaching), lift)
    if held.ticks > LONGEST:
        return _refused(
            case,
            codes.OUT_OF_RANGE,
            f"the membrane is held for {held.ticks} ticks; the chip does so for {LONGEST} at most",
            "choose a longer tick",
        )
    start = min(max(round(scale * (m.initial - m.origin)), 0), threshold - 1)
    spiking = NeuronType(
        0,
        (types[0], types[1], types[2], types[3]),
        threshold=threshold,
        leak=bias,
        saturates=True,
        potential=start,
    )
    return Result(
        Recipe(
            STOCHASTIC,
            identifier(case.model.name),
            h,
            scale,
            m.origin,
            spiking,
            leak,
            tuple(s for s, _, _ in currents),
            tuple(u for _, u, _ in currents),
            tuple(w for _, _, w in currents),
            held,
            tuple(pools),
        )
    )


def _refused(case: Case, code: Code, what: str, help: str) -> Result[Recipe]:
    return Result(None, (code.at(case.model.span, f"`{case.model.name}`: {what}", help=help),))


def _synapse(
    m: Leaky, c: Current, h: float, scale: float, cells: int
) -> tuple[LeakCells, float, int]:
    """Return cells for a current, counts per unit of it, and what an event moves the membrane by.

    A current of 1 moves the membrane, in a tick, by ``moved``; so does, on average, what leaks.
    """
    decay = 1 - math.exp(-h / c.tau)
    options = []
    for bits in range(9, 14):
        made = leak_cells(decay, bits, cells)
        if made.weight < MAX_WEIGHT:
            options.append((abs(made.rate / decay - 1), -made.number, made))
    made = min(options, key=lambda o: o[:2])[2]
    moved = scale * abs(_moved(m.tau, c, h))
    largest = SYNAPTIC_RANGE * m.depth / (m.tau * abs(c.coupling))
    weight = max(1, round(moved * largest / made.number))
    per_unit = moved * 2**made.bits / (made.number * weight)
    return made, per_unit, weight


def _moved(tau: float, c: Current, h: float) -> float:
    """Return by how much a current of 1 at the start of a tick moves the membrane in it."""
    if abs(tau - c.tau) < 1e-9 * tau:
        return c.coupling * h * math.exp(-h / tau)
    factor = tau * c.tau / (tau - c.tau)
    return c.coupling * factor * (math.exp(-h / tau) - math.exp(-h / c.tau))


def linear(case: Case, m: Leaky) -> Result[Recipe]:
    """Return a recipe with a constant leak, fitted to the f-I curve on the grid of ticks."""
    h = float(case.choices.tick)
    if m.currents:
        names = ", ".join(f"`{c.variable.name}`" for c in m.currents)
        return _refused(
            case,
            codes.CONVOLUTION,
            f"{names} decay exponentially, which one neuron with a constant leak cannot do",
            "use strategy=stochastic-exp",
        )
    if m.reset >= m.threshold:
        return _refused(
            case,
            codes.RESET,
            "its reset is not below its threshold",
            "choose a reset below the threshold",
        )
    scale = float(case.choices.scale or 0) or RESOLUTION / m.depth
    top = scale * m.depth
    loss, threshold = fitted(top, h / m.tau, max(1, m.held), m.restart)
    drift = round(top * m.bias * h / m.tau) - loss
    if abs(drift) > MAX_WEIGHT:
        return _refused(
            case,
            codes.OUT_OF_RANGE,
            f"its drift comes to {drift} counts a tick; a "
            f"chip neuron drifts by at most {MAX_WEIGHT}",
            "choose a smaller scale",
        )
    types = (COARSE, FINE, -1, -MAX_WEIGHT)
    lines = ((0, COARSE, 16), (1, FINE, 8), (2, -1, 9), (3, -MAX_WEIGHT, 8))
    reaching = sum(max(w, 0) * n for _, w, n in lines)
    reset = max(0, round(scale * (m.reset - m.origin)))
    lift = composed(reset, types[:2]) or ()
    held = Hold(max(1, m.held), clamps(reset + reaching), clamps(reaching), lift)
    spiking = NeuronType(
        0,
        types,
        threshold=threshold,
        leak=drift,
        saturates=True,
        potential=min(max(round(scale * (m.initial - m.origin)), 0), threshold - 1),
    )
    name = identifier(case.model.name)
    pools = (Pool(lines),)
    return Result(Recipe(LINEAR, name, h, scale, m.origin, spiking, None, (), (), (), held, pools))


def interval(drive: float, loss: float, distance: float) -> float:
    """Return how many ticks a neuron with a constant leak takes to its threshold."""
    return math.ceil(distance / (drive - loss) - 1e-9) if drive > loss else math.inf


def leaky_interval(drive: float, ratio: float, restart: float = 0.0) -> float:
    """Return how many ticks h a leaky neuron takes from ``restart`` to 1, driven to ``drive``.

    ``ratio`` is h / tau.
    """
    if drive <= 1:
        return math.inf
    return math.ceil(math.log((drive - restart) / (drive - 1)) / ratio - 1e-9)


SWEEP = (0.5, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0)
"""Constant drives, in units of what just reaches the threshold."""


def fitted(top: float, ratio: float, held: int, restart: float) -> tuple[int, int]:
    """Return leak and threshold, in counts, with the least squared error of rates.

    That counts rates below rheobase, where the leaky neuron is silent, as much as others.
    """
    drives = np.array(SWEEP)
    rates = np.array([1 / (leaky_interval(x, ratio, restart) + held) for x in SWEEP])
    losses = np.arange(round(0.4 * top * ratio), round(1.1 * top * ratio) + 1)
    thresholds = np.arange(round(0.7 * top), round(1.1 * top) + 1, max(1, round(top / 300)))
    gains = drives[:, None] * top * ratio - losses
    ticks = np.ceil((thresholds - restart * top) / np.maximum(gains, 1e-9)[..., None] - 1e-9)
    ours = np.where(gains[..., None] > 0, 1 / (ticks + held), 0.0)
    errors = ((ours - rates[:, None, None]) ** 2).sum(axis=0)
    at, to = np.unravel_index(int(errors.argmin()), errors.shape)
    return int(losses[at]), int(thresholds[to])


# Corelets and programs


def drawn(
    recipe: Recipe,
    targets: tuple[Target, ...],
    pools: tuple[Pool, ...],
) -> tuple[Part, tuple[tuple[int, ...], ...]]:
    """Return the corelet, and its input axons, by pool, in the order of their lines."""
    drawing = Drawing(recipe.name)
    axons = tuple(
        tuple(drawing.axon(type) for type, _, number in pool.lines for _ in range(number))
        for pool in pools
    )
    cells = tuple(drawing.cell(recipe.spiking, target, "membrane") for target in targets)
    leaking = _leaking(drawing, recipe)
    clamped = (*cells, *leaking)
    copies = hold(drawing, recipe.spiking, clamped, recipe.held)
    members = (*clamped, *copies)
    for cell in leaking:
        own = drawing.cells[cell].target
        assert isinstance(own, Here)
        drawing.connect(own.axon, members)
    synapses = [_synaptic(drawing, recipe, k, members) for k in range(len(recipe.synapses))]
    for pool, lines in zip(pools, axons, strict=True):
        reached = members if pool.current is None else synapses[pool.current]
        for axon in lines:
            drawing.connect(axon, reached)
    return drawing.part(cells[0]), axons


def _leaking(drawing: Drawing, recipe: Recipe) -> tuple[int, ...]:
    if recipe.leak is None:
        return ()
    kind = NeuronType(
        0,
        recipe.spiking.weights,
        threshold=1,
        leak=recipe.spiking.leak,
        reset_mode=Reset.NONE,
        saturates=True,
        mask_bits=recipe.leak.bits,
        potential=recipe.spiking.potential,
    )
    return tuple(
        drawing.cell(kind, Here(drawing.axon(2)), "leak") for _ in range(recipe.leak.number)
    )


def _synaptic(
    drawing: Drawing, recipe: Recipe, k: int, members: tuple[int, ...]
) -> tuple[int, ...]:
    """Add the cells of a current; what leaks out of them moves the ``members`` of the membrane."""
    made = recipe.synapses[k]
    own = next(p for p in recipe.pools if p.current == k)
    used = {type for type, _, _ in own.lines}
    out = next(t for t in range(CLAMP) if t not in used)
    weights = [0, 0, 0, 0]
    weights[out] = -made.weight
    for type, counts, _ in own.lines:
        weights[type] = counts
    kind = NeuronType(
        0,
        (weights[0], weights[1], weights[2], weights[3]),
        threshold=1,
        reset_mode=Reset.NONE,
        saturates=True,
        mask_bits=made.bits,
    )
    axons = [drawing.axon(out) for _ in range(made.number)]
    cells = tuple(drawing.cell(kind, Here(axon), "synapse") for axon in axons)
    for axon in axons:
        drawing.connect(axon, (*cells, *members))
    return cells


def program(case: Case, m: Leaky, recipe: Recipe) -> NeuronProgram:
    """Return the files' contents, not yet measured."""
    part, axons = drawn(recipe, (Out(0),), recipe.pools)
    groups = []
    for n, (pool, lines) in enumerate(zip(recipe.pools, axons, strict=True)):
        at = 0
        for _, counts, number in pool.lines:
            groups.append(AxonGroup(0, lines[at], lines[at + number - 1], counts, n))
            at += number
    unit = coherent_text(m.variable.type.dimension)
    io = IoMap(
        model=case.model.name,
        tick=case.choices.tick,
        core=0,
        neuron=part.membrane,
        output_core=FIRST_OUTPUT,
        output_axon=0,
        axons=tuple(groups),
        ports=tuple(_ports(m, recipe)),
        readings=tuple(_readings(case, m, recipe, part)),
        low=-(2**18),
        high=2**18,
        held=recipe.held.ticks,
        strategy=recipe.strategy,
    )
    return NeuronProgram(
        name=recipe.name,
        documentation=tuple(case.model.documentation.splitlines()),
        variable=m.variable.name,
        unit=unit,
        scale=_fraction(recipe.scale),
        origin=_fraction(recipe.origin),
        network=place((part,), case.choices.rng_seed).network,
        io=io,
        facts=tuple(_facts(m, recipe, unit)),
        ticks=case.choices.ticks,
        strategy=recipe.strategy,
        part=part,
    )


def _fraction(value: float) -> Fraction:
    return Fraction(f"{value:.12g}")


def _ports(m: Leaky, recipe: Recipe) -> list[Port]:
    moved = recipe.leak.rate if recipe.leak is not None else recipe.tick / m.tau
    found = [
        Port(s.name, _fraction(f * recipe.scale * moved), 0, current=True) for s, f in m.signals
    ]
    found += [Port(s.name, _fraction(f * recipe.scale), 0) for s, f in m.ports]
    for k, current in enumerate(m.currents):
        scale = recipe.synaptic_scales[k]
        found += [Port(s.name, _fraction(f * scale), k + 1) for s, f in current.ports]
    return found


def _readings(case: Case, m: Leaky, recipe: Recipe, part: Part) -> list[Reading]:
    """Return recordables: the membrane, currents, and linear functions of one of them."""
    first = {}
    starts = [n for n, c in enumerate(part.cells) if c.role == "synapse"]
    for k in range(len(recipe.synapses)):
        first[k] = starts[sum(s.number for s in recipe.synapses[:k])]
    places = {m.variable: (part.membrane, recipe.scale, recipe.origin)}
    for k, current in enumerate(m.currents):
        places[current.variable] = (first[k], recipe.synaptic_scales[k], 0.0)
    found = []
    if case.refractory is not None:
        r = case.refractory
        unit = coherent_text(r.counter.type.dimension)
        found.append(Reading(r.counter.name, unit, Fraction(0), r.begins, 0, r.values))
    for recordable in case.model.recordables:
        value = case.scope.value(recordable.value)
        if not isinstance(value, Affine) or len(value.terms) != 1:
            continue
        symbol, factor = value.terms[0]
        if symbol not in places:
            continue
        neuron, scale, origin = places[symbol]
        constant = float(value.constant)
        after: tuple[Fraction, ...] = ()
        if symbol == m.variable:
            after = (_fraction(float(factor) * m.reset + constant),) * (recipe.held.ticks + 1)
        found.append(
            Reading(
                recordable.symbol.name,
                coherent_text(recordable.symbol.type.dimension),
                _fraction(float(factor) / scale),
                _fraction(float(factor) * origin + constant),
                neuron,
                after,
            )
        )
    return found


def _facts(m: Leaky, recipe: Recipe, unit: str) -> list[Fact]:
    kind = recipe.spiking
    found = [
        Fact("threshold", f"{m.threshold:g} {unit}", f"alpha = {kind.threshold}"),
        Fact("rest", f"{m.rest:g} {unit}", f"{m.bias * m.depth * recipe.scale:.0f} counts"),
        Fact("reset", f"{m.reset:g} {unit}", f"{len(recipe.held.restore)} lifting axons"),
        Fact("held after a spike", f"{m.held} steps", f"{recipe.held.ticks} ticks"),
    ]
    if recipe.leak is None:
        found.append(Fact("time constant", f"{m.tau:g} ms", f"lambda = {kind.leak}"))
    else:
        cells, w, bits = recipe.leak.number, recipe.leak.weight, recipe.leak.bits
        wanted = 1 - math.exp(-recipe.tick / m.tau)
        found.append(
            Fact(
                f"leak in a tick (tau = {m.tau:g} ms)",
                f"{wanted:.5f}",
                f"{cells} neurons * {w} / 2^{bits} = {recipe.leak.rate:.5f}",
            )
        )
    for current, made in zip(m.currents, recipe.synapses, strict=True):
        wanted = 1 - math.exp(-recipe.tick / current.tau)
        found.append(
            Fact(
                f"decay of {current.variable.name} (tau = {current.tau:g} ms)",
                f"{wanted:.5f}",
                f"{made.number} neurons * {made.weight} / 2^{made.bits} = {made.rate:.5f}",
            )
        )
    return found


def refusal(case: Case, message: str, help: str) -> Diagnostic:
    return codes.TOLERANCE.at(case.model.span, message, help=help)
