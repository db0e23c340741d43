"""What a user may choose, as given and as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from nestml_core.api import NOWHERE, Diagnostic, Result, checked
from nestml_truenorth import codes
from nestml_truenorth.affine import exact
from nestml_truenorth.chip.network import AXON_TYPES, SIZE

AUTO = "auto"
EXACT = "exact"
LINEAR = "linear"
STOCHASTIC = "stochastic-exp"
FORMS = ("corelet", "maps", "tnbm", "ranc", "sanafe")
STRATEGIES = (EXACT, LINEAR, STOCHASTIC, AUTO)
MAX_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the backend."""

    tick: float = field(
        default=1.0,
        metadata={"help": "model time of one tick of the chip, in ms; experiments use it as dt"},
    )
    scale: str = field(
        default=AUTO,
        metadata={
            "help": "counts per unit of the membrane potential (mV), such as 10 or 1/2; auto takes "
            "the smallest at which all constants are whole numbers"
        },
    )
    weights: str = field(
        default=AUTO,
        metadata={
            "help": "up to four synaptic weights, as the spike ports see them, that the axons "
            "deliver, such as 1,-2; auto offers 1, -1, 64 and -64 counts, from which every whole "
            "number up to 4160 is put together"
        },
    )
    strategy: str = field(
        default="exact",
        metadata={
            "help": "exact (or refuse); linear: a constant leak in place of an exponential one; "
            "stochastic-exp: a leak that is exponential on average, of many chip neurons; auto: "
            "the first of these that is within the tolerance"
        },
    )
    max_error: float = field(
        default=0.05,
        metadata={
            "help": "largest error of firing rates, relative, root mean square over a sweep of "
            "constant currents, that an approximation may show; above it is refused"
        },
    )
    neurons: int = field(
        default=0,
        metadata={
            "help": "the most chip neurons that a neuron of the model may become; 0: as many as "
            "a core has"
        },
    )
    rng_seed: int = field(
        default=1,
        metadata={"help": "seed of the core's random numbers, 1 to 2^32-1; exact models use none"},
    )
    emit: str = field(
        default="",
        metadata={
            "help": "further forms of the program, such as corelet,maps,tnbm,ranc,sanafe: MATLAB "
            "source, binary maps of connectors, the binary program (experimental), and what these "
            "two simulators read"
        },
    )
    ticks: int = field(
        default=1000,
        metadata={"help": "number of ticks that the run configuration asks for"},
    )


@dataclass(frozen=True, slots=True)
class Choices:
    """Options as exact numbers; None is the backend's choice."""

    tick: Fraction
    scale: Fraction | None
    weights: tuple[Fraction, ...] | None
    rng_seed: int
    ticks: int
    strategy: str = EXACT
    tolerance: float = 0.05
    budget: int = SIZE
    emit: tuple[str, ...] = ()


def choices(options: Options) -> Result[Choices]:
    """Return ``options`` as numbers.

    Errors
    ------
    TN204 : an option has an impossible value.
    """
    found: list[Diagnostic] = []

    def bad(name: str, value: object, help: str) -> None:
        found.append(codes.BAD_OPTION.at(NOWHERE, f"{name}={value} is not possible", help=help))

    tick = exact(options.tick)
    if not isinstance(tick, Fraction) or tick <= 0:
        bad("tick", options.tick, "give the length of a tick in ms, such as tick=1.0")
        tick = Fraction(1)
    scale = None if options.scale == AUTO else _positive(options.scale)
    if scale is None and options.scale != AUTO:
        bad("scale", options.scale, "give counts per mV, such as scale=10 or scale=1/2, or auto")
    weights = None if options.weights == AUTO else tuple(_weights(options.weights))
    if weights is not None and not _possible(weights):
        bad("weights", options.weights, f"give 1 to {AXON_TYPES} different numbers, or auto")
    if not 1 <= options.rng_seed <= MAX_SEED:
        bad("rng_seed", options.rng_seed, f"give a whole number from 1 to {MAX_SEED}")
    if options.ticks < 1:
        bad("ticks", options.ticks, "give at least 1")
    if options.strategy not in STRATEGIES:
        bad("strategy", options.strategy, f"choose one of {', '.join(STRATEGIES)}")
    emit = tuple(dict.fromkeys(x.strip() for x in options.emit.split(",") if x.strip()))
    unknown = [x for x in emit if x not in FORMS]
    if unknown:
        bad("emit", unknown[0], f"choose among {', '.join(FORMS)}")
    if not 0 < options.max_error < 1:
        bad("max_error", options.max_error, "give a fraction, such as 0.05")
    if not 0 <= options.neurons <= SIZE:
        bad("neurons", options.neurons, f"give 1 to {SIZE}, or 0 for a whole core")
    known = None if weights is None else tuple(w for w in weights if w is not None)
    seed, ticks = int(options.rng_seed), int(options.ticks)
    budget = int(options.neurons) or SIZE
    chosen = Choices(
        tick, scale, known, seed, ticks, options.strategy, float(options.max_error), budget, emit
    )
    return checked(chosen, found)


def _number(text: str) -> Fraction | None:
    try:
        return Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        return None


def _positive(text: str) -> Fraction | None:
    value = _number(str(text))
    return value if value is not None and value > 0 else None


def _weights(text: str) -> Iterator[Fraction | None]:
    return (_number(part) for part in str(text).split(","))


def _possible(weights: tuple[Fraction | None, ...]) -> bool:
    known = [w for w in weights if w]
    return len(known) == len(weights) == len(set(known)) and len(known) <= AXON_TYPES
