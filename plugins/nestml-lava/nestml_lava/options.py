"""The options of the backend ``lava``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from nestml_core.api import NOWHERE, Code, Diagnostic, Severity
from nestml_lava import interpreter

BAD_OPTION = Code("LAVA010", Severity.ERROR, "an option has a value it cannot have")

FLOAT = "float"
LOIHI = "loihi1"
FIXED24 = "fixed24"
FIXED32 = "fixed32"
ARITHMETICS = (FLOAT, LOIHI, FIXED24, FIXED32)
CUSTOM = "custom"
PROCESS = "process"
RULE = "rule"
STOCK = "stock"
RUNTIMES = ("lava", "inproc")
NONE = "none"
NIR = "nir"
SANAFE = "sanafe"
EXPORTS = (NONE, NIR, SANAFE)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the backend."""

    # Checking and running
    python: str = field(
        default="",
        metadata={
            "help": "Python 3.10 with lava-nc, to check and run generated code (default: "
            f"{interpreter.VARIABLE}, else this Python, else python3.10)"
        },
    )
    runtime: str = field(
        default="lava",
        metadata={
            "help": "how `run` executes a neuron: `lava`, Lava's runtime with a process for each "
            "source, or `inproc`, the same model without the runtime, which is faster",
            "choices": RUNTIMES,
        },
    )
    timeout: float = field(
        default=600.0,
        metadata={"help": "seconds after which a run is ended; Lava hangs after some errors"},
    )
    # All arithmetics
    step: float = field(
        default=0.1,
        metadata={"help": "length of a time step in ms, unless a process is given another one"},
    )
    lower: str = field(
        default=CUSTOM,
        metadata={
            "help": "`custom`: a process of its own for each neuron; `stock`: Lava's LIF or "
            "LIFRefractory, with parameters that make it the model, which must be one",
            "choices": (CUSTOM, STOCK),
        },
    )
    # Whole numbers
    arith: str = field(
        default=FLOAT,
        metadata={
            "help": "arithmetic: `float`; `loihi1`, the whole numbers of a Loihi compartment; "
            "`fixed24`, `fixed32`, fixed point of so many bits for general models",
            "choices": ARITHMETICS,
        },
    )
    values: str = field(
        default="",
        metadata={
            "help": "parameters for which whole numbers and stock processes are made, in declared "
            "units, as I_e=500,tau_m=12 (`run` takes those of the experiment)"
        },
    )
    weight: float = field(
        default=0.0,
        metadata={
            "help": "the largest weight of a spike that whole numbers must hold, in the model's "
            "units; 0: what makes the model fire"
        },
    )
    precision: int = field(
        default=0,
        metadata={
            "help": "significant bits of constants in fixed point, 8 to 30; 0: 20 for fixed24, 24 "
            "for fixed32"
        },
    )
    # Synapses
    learning: str = field(
        default=PROCESS,
        metadata={
            "help": "synapses: `process`, the model as it is, in a process of its own; `rule`, "
            "Lava's LearningDense with a learning rule of Loihi, for the synapses that have one",
            "choices": (PROCESS, RULE),
        },
    )
    # Other tools
    export: str = field(
        default=NONE,
        metadata={
            "help": "for neurons that are LIF: `nir`, the neuron as a NIR graph, too; `sanafe`, a "
            "script that simulates it with SANA-FE, for energy and latency (with arith=loihi1)",
            "choices": EXPORTS,
        },
    )


def check(options: Options) -> Iterator[Diagnostic]:
    """Yield what is wrong with the options."""
    if options.runtime not in RUNTIMES:
        yield BAD_OPTION.at(
            NOWHERE,
            f"`{options.runtime}` is no runtime",
            help=f"choose one of {', '.join(RUNTIMES)}",
        )
    if not options.timeout > 0:
        yield BAD_OPTION.at(NOWHERE, "the timeout must be positive", help="give seconds")
    if not 0 < options.step < math.inf:
        message = f"a time step of {options.step:g} ms"
        yield BAD_OPTION.at(NOWHERE, message, help="give a positive number of ms")
    for name, value, choices in (
        ("arithmetic", options.arith, ARITHMETICS),
        ("lowering", options.lower, (CUSTOM, STOCK)),
        ("way to learn", options.learning, (PROCESS, RULE)),
        ("export", options.export, EXPORTS),
    ):
        if value not in choices:
            message, listed = f"`{value}` is no {name}", ", ".join(choices)
            yield BAD_OPTION.at(NOWHERE, message, help=f"choose one of {listed}")
    if options.lower == STOCK and options.arith != FLOAT:
        yield BAD_OPTION.at(
            NOWHERE,
            "`lower=stock` is Lava's LIF in floating point",
            help="leave one of the options out: arith=loihi1 is Lava's LIF in whole numbers",
        )
    if options.export == SANAFE and options.arith != LOIHI:
        yield BAD_OPTION.at(
            NOWHERE,
            f"`export=sanafe` simulates a neuron of Loihi, `arith={options.arith}` is none",
            help="add arith=loihi1",
        )
    if options.precision and not 8 <= options.precision <= 30:
        message = f"constants of {options.precision} bits"
        yield BAD_OPTION.at(NOWHERE, message, help="give 8 to 30, or 0")
    if not 0 <= options.weight < math.inf:
        yield BAD_OPTION.at(NOWHERE, f"a weight of {options.weight:g}", help="give a number >= 0")
