"""Further forms of a program: for the corelet environment, the chip, and other simulators."""

from __future__ import annotations

from dataclasses import replace

from nestml_core.api import NOWHERE, Diagnostic, Result
from nestml_truenorth import codes
from nestml_truenorth.chip import binary, exports, matlab, tnbm
from nestml_truenorth.ir import NeuronProgram

INPUT_MAP = "_inpMap.bin"
OUTPUT_MAP = "_outMap.bin"


def with_forms(made: NeuronProgram, forms: tuple[str, ...]) -> Result[NeuronProgram]:
    """Return ``made`` with these further files.

    Errors
    ------
    TN210 : one of them cannot hold the program.
    """
    files: list[tuple[str, str | bytes]] = []
    found: list[Diagnostic] = []
    for form in forms:
        try:
            files += _files(made, form)
        except (tnbm.Unsupported, exports.Unsupported) as problem:
            found.append(
                codes.NO_FORM.at(
                    NOWHERE,
                    f"`{made.io.model}` as {form}: {problem}",
                    help="leave this form out of `emit`",
                )
            )
    return Result(None if found else replace(made, forms=tuple(files)), tuple(found))


def _files(made: NeuronProgram, form: str) -> list[tuple[str, str | bytes]]:
    network = made.network
    match form:
        case "corelet":
            pins = [(g.core, axon) for g in made.io.axons for axon in g.axons]
            return [(".m", matlab.write(network, made.name, pins))]
        case "tnbm":
            return [(".tnbm", tnbm.write(network))]
        case "maps":
            return [
                (INPUT_MAP, binary.write_map(input_connectors(made))),
                (OUTPUT_MAP, binary.write_map(output_connectors(made))),
            ]
        case "ranc":
            return list(exports.ranc_json(network, (), made.ticks).items())
        case _:
            return [(".sanafe.json", exports.sanafe_json(network, (), made.ticks))]


def input_connectors(made: NeuronProgram) -> tuple[binary.Connector, ...]:
    """Return a connector for each pool of inputs: its axons, in their order."""
    pools = tuple(dict.fromkeys(g.pool for g in made.io.axons))
    return tuple(
        binary.Connector(
            n,
            "_".join(p.name for p in made.io.ports if p.pool == pool) or f"pool{pool}",
            False,
            tuple((g.core, axon) for g in made.io.axons if g.pool == pool for axon in g.axons),
        )
        for n, pool in enumerate(pools, 1)
    )


def output_connectors(made: NeuronProgram) -> tuple[binary.Connector, ...]:
    return (binary.Connector(1, "spikes", True, ((made.io.core, made.io.neuron),)),)
