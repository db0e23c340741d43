"""The options of the backend."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from nestml_core.api import C_RESERVED, NOWHERE, Code, Diagnostic, Severity

BAD_OPTION = Code("CPP006", Severity.ERROR, "an option has a value that does not work")

NAMESPACE = re.compile(r"[A-Za-z]\w*(::[A-Za-z]\w*)*", re.ASCII)
REALS = ("double", "float")
LEVELS = ("0", "1", "2", "3", "s", "g")


@dataclass(frozen=True, slots=True)
class Options:
    namespace: str = field(
        default="nestml",
        metadata={"help": "C++ namespace of the generated structs, such as `lab::neurons`"},
    )
    compiler: str = field(
        default="",
        metadata={
            "help": "command of the C++20 compiler, with arguments if need be; by default $CXX, "
            "c++, g++ or clang++, whichever is found first, else that of the package ziglang"
        },
    )
    optimization: str = field(
        default="",
        metadata={
            "help": f"optimization level of the compiler: {', '.join(LEVELS)}; by default 2 for "
            "populations, and 1, which compiles faster, for what runs one neuron"
        },
    )
    native: bool = field(
        default=True,
        metadata={
            "help": "compile for the processor of this machine, which is several times as fast for "
            "populations; results of single neurons stay the same"
        },
    )
    real: str = field(
        default="double",
        metadata={"help": "what populations keep numbers in: double, or float, which is faster"},
    )
    own: tuple[str, ...] = field(
        default=("w",),
        metadata={
            "help": "parameters of synapses that each connection has of its own, such as the "
            "weight, `w`; `all` means all of them. Connections share the others"
        },
    )
    presynaptic: str = field(
        default="",
        metadata={"help": "presynaptic port of synapses, if not the one whose handler emits"},
    )
    postsynaptic: str = field(
        default="",
        metadata={"help": "postsynaptic port of synapses, if not `post_spikes` or the only other"},
    )
    flags: str = field(
        default="",
        metadata={
            "help": "further flags for the compiler, such as `-g -fsanitize=address`; with "
            "-ffast-math results are no longer reproducible"
        },
    )


def mistakes(options: Options) -> Iterator[Diagnostic]:
    """Yield what is wrong with the options."""
    words = options.namespace.split("::")
    if not NAMESPACE.fullmatch(options.namespace) or any(
        w in C_RESERVED or "__" in w or w == "nestml_runtime" for w in words
    ):
        message = f"`{options.namespace}` cannot be a C++ namespace"
        yield BAD_OPTION.at(NOWHERE, message, help="try `nestml`, or `lab::neurons`")
    try:
        shlex.split(options.flags)
    except ValueError as problem:
        message = f"`{options.flags}` cannot be split into flags: {problem}"
        yield BAD_OPTION.at(NOWHERE, message, help="quote as in a shell")
    if options.real not in REALS:
        message = f"there is no kind of number `{options.real}`"
        yield BAD_OPTION.at(NOWHERE, message, help=f"choose one of {', '.join(REALS)}")
    if options.optimization not in ("", *LEVELS):
        message = f"there is no optimization level `{options.optimization}`"
        yield BAD_OPTION.at(NOWHERE, message, help=f"choose one of {', '.join(LEVELS)}")
