"""Spikes into and out of a program, and their text files (``.sfti``, ``.sfto``).

The first line of a file names class and encoding, the second the version and the delay that
spikes have which do not state one; then follows one spike a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

WRITER = '{"class":"SpikeWriter","encoding":"TEXT","nscsVersion":"1.4.0"}'


class InputSpike(NamedTuple):
    """A spike from outside: integrated by ``axon`` of ``core`` in tick ``time + delay``."""

    time: int
    core: int
    axon: int
    delay: int = 1


class OutputSpike(NamedTuple):
    """A spike that leaves the chip; ``time`` is the tick in which the neuron fired."""

    time: int
    core: int
    neuron: int
    dest_core: int
    dest_axon: int
    delay: int = 1


class SpikeFileError(ValueError):
    """A text that is not a spike file of the expected kind."""


def write_inputs(spikes: Iterable[InputSpike]) -> str:
    """Return an input spike file, by time; all delays must be 1, the only ones a line can say."""
    ordered = sorted(spikes)
    if any(s.delay != 1 for s in ordered):
        raise SpikeFileError("a text file of input spikes holds delays of 1 only")
    lines = [WRITER, '{"version":"sfti1.0","defaultDestinationDelay":1}']
    lines += [
        f'{{"spike":{{"srcTime":{s.time},"destCore":{s.core},"destAxon":{s.axon}}}}}'
        for s in ordered
    ]
    return "\n".join(lines) + "\n"


def write_outputs(spikes: Iterable[OutputSpike]) -> str:
    """Return an output spike file, by time."""
    lines = [WRITER, '{"version":"sfto1.0","defaultDestinationDelay":1}']
    lines += [
        f'{{"spike":{{"srcTime":{s.time},"srcCore":{s.core},"srcNeuron":{s.neuron},'
        f'"destCore":{s.dest_core},"destAxon":{s.dest_axon},"destDelay":{s.delay}}}}}'
        for s in sorted(spikes)
    ]
    return "\n".join(lines) + "\n"


def read_inputs(text: str) -> tuple[InputSpike, ...]:
    """Return the spikes of an input spike file, in its order."""
    records, delay = _records(text, "sfti1.0")
    return tuple(
        InputSpike(r["srcTime"], r["destCore"], r["destAxon"], r.get("destDelay", delay))
        for r in _complete(records, ("srcTime", "destCore", "destAxon"))
    )


def read_outputs(text: str) -> tuple[OutputSpike, ...]:
    """Return the spikes of an output spike file, in its order."""
    records, delay = _records(text, "sfto1.0")
    keys = ("srcTime", "srcCore", "srcNeuron", "destCore", "destAxon")
    return tuple(
        OutputSpike(
            r["srcTime"],
            r["srcCore"],
            r["srcNeuron"],
            r["destCore"],
            r["destAxon"],
            r.get("destDelay", delay),
        )
        for r in _complete(records, keys)
    )


def _records(text: str, version: str) -> tuple[list[tuple[int, Any]], int]:
    """Return the spike objects with their line numbers, and the default delay."""
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) < 2:
        raise SpikeFileError("a spike file begins with two header lines")
    writer, header = (_parsed(n, line) for n, line in lines[:2])
    if writer.get("encoding") != "TEXT":
        raise SpikeFileError(f"line 1: the encoding is {writer.get('encoding')!r}, not 'TEXT'")
    if header.get("version") != version:
        raise SpikeFileError(f"line 2: the version is {header.get('version')!r}, not {version!r}")
    delay = header.get("defaultDestinationDelay", 1)
    return [(n, _parsed(n, line).get("spike")) for n, line in lines[2:]], delay


def _parsed(number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as problem:
        raise SpikeFileError(f"line {number}: {problem.msg}") from None
    if not isinstance(value, dict):
        raise SpikeFileError(f"line {number}: not an object")
    return value


def _complete(records: list[tuple[int, Any]], keys: tuple[str, ...]) -> list[dict[str, int]]:
    for number, record in records:
        values = [record.get(k) for k in keys] if isinstance(record, dict) else [None]
        if not all(type(v) is int for v in values):
            raise SpikeFileError(f"line {number}: a spike needs whole numbers {', '.join(keys)}")
    return [record for _, record in records]
