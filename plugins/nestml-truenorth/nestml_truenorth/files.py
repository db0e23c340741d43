"""The generated files of a model: their text, and reading them back from disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nestml_core.api import NOWHERE, Result
from nestml_truenorth import codes, iomap
from nestml_truenorth.chip import cpe
from nestml_truenorth.chip.network import FIRST_OUTPUT, SIZE, InvalidNetwork, Network
from nestml_truenorth.ir import IoMap, NeuronProgram

PROGRAM = ".json"
CONFIGURATION = ".conf"
IO_MAP = ".iomap.json"
REPORT = ".report.md"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files of a model hold."""

    network: Network
    io: IoMap


def stem(model_name: str) -> str:
    """Return what the names of a model's files begin with."""
    return model_name.replace("$", "__DOLLAR")


def configuration(neuron: NeuronProgram) -> str:
    """Return a run configuration: ``nscs NAME.conf NAME.json SPIKES.sfti``."""
    fields = {
        "tickCount": neuron.ticks,
        "networkClass": "NetworkBus",
        "monitorStack": "MonitorTnk",
        "hideMessages": False,
        "showProgressDots": True,
        "showCoreState": False,
        "discardDisconnectedDendrites": True,
        "MonitorTnk.startingCoreId": FIRST_OUTPUT,
        "MonitorTnk.outputFileName": f"{neuron.name}_outputSpikes",
        "MonitorTnk.outputFileEncoding": "TEXT",
        "MonitorTnk.outputFileExtension": "sfto",
    }
    return json.dumps(fields, indent=2) + "\n"


def load(directory: Path, model_name: str) -> Result[Loaded]:
    """Return what is in the files of a model, after checking that they fit together.

    Errors
    ------
    TN304 : a file is missing, is not what it should be, or does not fit the other.
    """
    name = stem(model_name)
    path = directory / f"{name}{PROGRAM}"
    try:
        network = cpe.read(path.read_text(encoding="utf-8"))
        path = directory / f"{name}{IO_MAP}"
        io = iomap.read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        return _bad(path, f"cannot be read: {problem}")
    except (cpe.FormatError, iomap.IoMapError, InvalidNetwork) as problem:
        return _bad(path, str(problem))
    found = next(_disagreements(network, io), None)
    if found is not None:
        return _bad(path, f"does not fit the program: {found}")
    return Result(Loaded(network, io))


def _bad(path: Path, what: str) -> Result[Loaded]:
    diagnostic = codes.BAD_FILES.at(
        NOWHERE, f"{path.name}: {what}", help="generate the files again: nestml build"
    )
    return Result(None, (diagnostic,))


def _disagreements(network: Network, io: IoMap) -> Iterator[str]:
    """Yield what the I/O map says of the network that is not so."""
    core = next((c for c in network.cores if c.id == io.core), None)
    if core is None or not 0 <= io.neuron < SIZE or not core.is_enabled(io.neuron):
        yield f"neuron {io.neuron} of core {io.core} is not there"
        return
    target = (core.dest_cores[io.neuron], core.dest_axons[io.neuron])
    if target != (io.output_core, io.output_axon):
        yield f"the neuron's spikes go to {target}"
    number = core.types[io.neuron]
    weights = next(k.weights for k in network.neuron_types if k.number == number)
    byte, bit = io.neuron // 8, 0x80 >> io.neuron % 8
    for group in io.axons:
        if group.core != io.core or not 0 <= group.first <= group.last < SIZE:
            yield f"there are no axons {group.first} to {group.last} of core {group.core}"
            return
        if group.pool:
            continue
        for axon in group.axons:
            connected = core.crossbar.rows[axon][byte] & bit
            if not connected or weights[core.crossbar.axon_types[axon]] != group.counts:
                yield f"axon {axon} does not deliver {group.counts} counts"
