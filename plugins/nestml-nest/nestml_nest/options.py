"""The options of this backend."""

from __future__ import annotations

from dataclasses import dataclass, field

LEVELS = ("0", "1", "2", "3", "s", "g")


@dataclass(frozen=True, slots=True)
class Options:
    ending: str = field(
        default="_nestml",
        metadata={"help": "appended to the name of a model if NEST has one of that name already"},
    )
    weight: str = field(
        default="w",
        metadata={"help": "what of a synapse is its weight in NEST: a variable or parameter"},
    )
    delay: str = field(
        default="",
        metadata={"help": "what of a synapse is its delay in NEST: a parameter, such as `d`"},
    )
    homogeneous: tuple[str, ...] = field(
        default=(),
        metadata={"help": "parameters that all synapses of a model share; `all` for all of them"},
    )
    gap_port: str = field(
        default="",
        metadata={"help": "continuous port for the currents of gap junctions, such as `I_gap`"},
    )
    gap_variable: str = field(
        default="V_m",
        metadata={"help": "state variable whose differences drive gap junctions"},
    )
    archive: bool = field(
        default=True,
        metadata={"help": "keep what plastic synapses of NEST want to know of their neuron"},
    )
    static_synapse: bool = field(
        default=False,
        metadata={"help": "generate a static synapse with each neuron, far faster than NEST's own"},
    )
    lanes: bool = field(
        default=True,
        metadata={"help": "let several neurons advance at once where the model allows it"},
    )
    module: str = field(
        default="nestmlmodule",
        metadata={"help": "name of the extension module: MODULE.so is what nest.Install loads"},
    )
    install: bool = field(
        default=False,
        metadata={"help": "print the line that loads the module in NEST"},
    )
    precompile: bool = field(
        default=True,
        metadata={
            "help": "keep NEST's headers in the form of the compiler, from the second module on"
        },
    )
    compiler: str = field(
        default="g++", metadata={"help": "the GCC to compile with, version 10 or later"}
    )
    optimization: str = field(
        default="2",
        metadata={"help": "optimization level of the compiler", "choices": LEVELS},
    )
    native: bool = field(
        default=False,
        metadata={"help": "compile for the processor of this machine; results stay the same"},
    )
    portable: bool = field(
        default=False,
        metadata={"help": "compile for every processor of this kind; results stay the same"},
    )
    flags: str = field(
        default="", metadata={"help": "further flags for the compiler, such as `-g`"}
    )
