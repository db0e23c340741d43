"""``python -m nestml_truenorth``: run program files, and verify builds.

``simulate MODEL SPIKES`` runs an existing program with an existing file of input spikes.
``verify BUILD MODEL`` runs what a build left on disk against the model that it was made from.
``table`` prints, for every model of the library, what becomes of it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from nestml_core.api import render
from nestml_truenorth.options import Options

if TYPE_CHECKING:
    from nestml_truenorth.chip.spikes import InputSpike

OK, FAILED, BAD = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, 1 if a build does not hold, or 2 if something cannot be read."""
    args = _parser().parse_args(arguments)
    try:
        code: int = args.run(args)
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"nestml_truenorth: {problem}\n")
        return BAD
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nestml_truenorth", description=__doc__)
    commands = parser.add_subparsers(required=True)
    simulate = commands.add_parser("simulate", help="run a program file with input spikes")
    simulate.add_argument("model", type=Path, help="a program, NAME.json")
    simulate.add_argument("spikes", type=Path, help="input spikes: text, raw or connector file")
    simulate.add_argument("--ticks", type=int, help="how many; by default one past the last input")
    simulate.add_argument("--map", type=Path, help="map of the input connectors (NAME_inpMap.bin)")
    simulate.add_argument("--output", "-o", type=Path, help="where to write; else to the terminal")
    simulate.add_argument("--encoding", choices=("text", "raw"), default="text")
    simulate.add_argument(
        "--all", action="store_true", help="all spikes, not only those that leave"
    )
    simulate.set_defaults(run=_simulate)
    verify = commands.add_parser("verify", help="run a build against its model")
    verify.add_argument("build", type=Path, help="the folder")
    verify.add_argument("model", help="a file, or the name of a library model")
    verify.add_argument("--ticks", type=int, default=10_000, help="of the exact comparison")
    for f in fields(Options):
        if f.name not in ("ticks", "emit"):
            flag = "--" + f.name.replace("_", "-")
            verify.add_argument(flag, type=type(f.default), default=f.default, help="as built")
    verify.set_defaults(run=_verify)
    table = commands.add_parser("table", help="what becomes of the models of the library")
    table.set_defaults(run=_table)
    return parser


def _simulate(args: argparse.Namespace) -> int:
    from nestml_truenorth.chip import binary, cpe, simulator
    from nestml_truenorth.chip.spikes import OutputSpike, write_outputs

    network = cpe.read(args.model.read_text(encoding="utf-8"))
    inputs = _inputs(args.spikes, args.map)
    last = max((s.time + s.delay for s in inputs), default=0)
    ticks = args.ticks if args.ticks is not None else last + 1
    recording = simulator.run(network, inputs, ticks)
    found = simulator.outputs(network, recording.fired)
    if args.all:
        cores = {c.id: c for c in network.cores}
        found = tuple(
            OutputSpike(t, k, j, cores[k].dest_cores[j], cores[k].dest_axons[j], cores[k].delays[j])
            for t, k, j in recording.fired.tolist()
        )
    if args.encoding == "raw":
        data = binary.write_raw_outputs(found)
    else:
        data = write_outputs(found).encode()
    if args.output is None:
        sys.stdout.buffer.write(data)
    else:
        args.output.write_bytes(data)
        sys.stdout.write(f"{len(found)} spikes in {ticks} ticks: {args.output}\n")
    return OK


def _inputs(path: Path, map_path: Path | None) -> Sequence[InputSpike]:
    """Return input spikes from a file of any encoding."""
    from nestml_truenorth.chip import binary
    from nestml_truenorth.chip.spikes import read_inputs

    data = path.read_bytes()
    first = data.split(b"\n", 1)[0]
    if b'"CONNPIN"' in first:
        if map_path is None:
            raise ValueError(f"{path} holds spikes on connectors: name their map (--map)")
        return binary.inputs_of(binary.read_pins(data), binary.read_map(map_path.read_bytes()))
    if b'"RAWI3"' in first:
        return binary.read_raw_inputs(data)
    return read_inputs(data.decode())


def _verify(args: argparse.Namespace) -> int:
    from nestml_core.api import ModelError, load
    from nestml_truenorth.verification import verified

    chosen = {
        f.name: getattr(args, f.name) for f in fields(Options) if f.name not in ("ticks", "emit")
    }
    try:
        model = load(args.model).solved
    except ModelError as problem:
        sys.stderr.write(f"{problem}\n")
        return BAD
    result = verified(args.build, model, Options(**chosen), args.ticks)
    for diagnostic in result.diagnostics:
        sys.stderr.write(f"{render(diagnostic)}\n")
    if result.value is None:
        return BAD
    for line in result.value.lines:
        sys.stdout.write(f"{line}\n")
    return OK if result.value.holds else FAILED


def _table(args: argparse.Namespace) -> int:
    from nestml_truenorth.library import page

    sys.stdout.write(page())
    return OK


if __name__ == "__main__":
    sys.exit(main())
