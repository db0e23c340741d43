"""The options of the backend ``lava``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from nestml_core.api import NOWHERE, Code, Diagnostic, Severity
from nestml_lava import interpreter

BAD_OPTION = Code("LAVA010", Severity.ERROR, "an option has a value it cannot have")

FLOAT = "float"
RUNTIMES = ("lava", "inproc")


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
