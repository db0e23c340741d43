"""Binary files of the chip's tools: raw spikes, connector spikes, and maps of connectors.

All numbers are big-endian, but for those of the maps.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nestml_truenorth.chip.spikes import InputSpike, OutputSpike, SpikeFileError

END_OF_HEADER = b"\xff"
BLOCK = b"\xfe\xfc\xfe\xfc"
RAW_INPUT = struct.Struct(">3I")
RAW_OUTPUT = struct.Struct(">3I2iI")


def _header(encoding: str) -> bytes:
    text = f'{{"class":"SpikeWriter","encoding":"{encoding}","nscsVersion":"1.4.0"}}\n'
    return text.encode()


def _body(data: bytes, encoding: str) -> bytes:
    """Return what follows the header of a file, which must have this encoding."""
    header, found, body = data.partition(END_OF_HEADER)
    if not found:
        raise SpikeFileError("there is no end of the header")
    try:
        first = json.loads(header.split(b"\n", 1)[0])
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise SpikeFileError(f"the header is no JSON: {problem}") from None
    if not isinstance(first, dict) or first.get("encoding") != encoding:
        raise SpikeFileError(f"the encoding is not {encoding}")
    return body


# Raw spikes


def write_raw_inputs(spikes: Iterable[InputSpike]) -> bytes:
    """Return a file of input spikes (RAWI3), by time; all delays must be 1."""
    ordered = sorted(spikes)
    if any(s.delay != 1 for s in ordered):
        raise SpikeFileError("a raw file of input spikes holds delays of 1 only")
    records = b"".join(RAW_INPUT.pack(s.time, s.core, s.axon) for s in ordered)
    version = b'{"version":"sfti1.0","defaultDestinationDelay":1}\n'
    return _header("RAWI3") + version + END_OF_HEADER + records


def read_raw_inputs(data: bytes) -> tuple[InputSpike, ...]:
    """Return the spikes of a RAWI3 file."""
    return tuple(InputSpike(*record) for record in _records(RAW_INPUT, _body(data, "RAWI3")))


def write_raw_outputs(spikes: Iterable[OutputSpike]) -> bytes:
    """Return a file of output spikes (RAWO6), by time."""
    records = b"".join(RAW_OUTPUT.pack(*s) for s in sorted(spikes))
    version = b'{"version":"sfto1.0","defaultDestinationDelay":1}\n'
    return _header("RAWO6") + version + END_OF_HEADER + records


def read_raw_outputs(data: bytes) -> tuple[OutputSpike, ...]:
    """Return the spikes of a RAWO6 file."""
    return tuple(OutputSpike(*record) for record in _records(RAW_OUTPUT, _body(data, "RAWO6")))


def _records(form: struct.Struct, body: bytes) -> Iterator[tuple[int, ...]]:
    if len(body) % form.size:
        raise SpikeFileError(f"{len(body)} bytes are no whole number of records")
    return form.iter_unpack(body)


# Maps of connectors


@dataclass(frozen=True, slots=True)
class Connector:
    """Pins of a program: each is an axon (of an input) or a neuron (of an output) of a core."""

    id: int
    name: str
    is_output: bool
    pins: tuple[tuple[int, int], ...]


def write_map(connectors: Iterable[Connector]) -> bytes:
    """Return a map of connectors."""
    found = b""
    for c in connectors:
        size = len(c.pins)
        name = c.name.encode("utf-16-le")
        found += struct.pack("<7i", c.id, int(c.is_output), size, size, 1, 1, len(c.name)) + name
        found += struct.pack(f"<{size}i", *(core for core, _ in c.pins))
        found += struct.pack(f"<{size}H", *(line for _, line in c.pins))
    return found


def read_map(data: bytes) -> tuple[Connector, ...]:
    """Return the connectors of a map."""
    found, at = [], 0
    try:
        while at < len(data):
            id, output, size, _, _, _, length = struct.unpack_from("<7i", data, at)
            at += 28
            name = data[at : at + 2 * length].decode("utf-16-le")
            at += 2 * length
            cores = struct.unpack_from(f"<{size}i", data, at)
            lines = struct.unpack_from(f"<{size}H", data, at + 4 * size)
            at += 6 * size
            found.append(Connector(id, name, bool(output), tuple(zip(cores, lines, strict=True))))
    except (struct.error, UnicodeDecodeError) as problem:
        raise SpikeFileError(f"not a map of connectors: {problem}") from None
    return tuple(found)


# Spikes on connectors


def write_pins(spikes: Iterable[tuple[int, int, int]], connectors: Sequence[Connector]) -> bytes:
    """Return a file of spikes (time, place of the connector, pin), by time (CONNPIN)."""
    described = [
        {
            "ID": c.id,
            "name": c.name,
            "csize": len(c.pins),
            "bpp": _bits(len(c.pins)),
            "delayMode": 0,
        }
        for c in connectors
    ]
    second = json.dumps({"version": "sfcp1.0", "connectors": described}, separators=(",", ":"))
    found = _header("CONNPIN") + second.encode() + b"\n" + END_OF_HEADER
    ticks: dict[int, dict[int, list[int]]] = {}
    for time, connector, pin in sorted(spikes):
        ticks.setdefault(time, {}).setdefault(connector, []).append(pin)
    for time, members in ticks.items():
        found += BLOCK + struct.pack(">I", time) + bytes(8)
        for connector, pins in members.items():
            width = described[connector]["bpp"] // 8  # type: ignore[operator]
            found += struct.pack(">HH", connectors[connector].id, len(pins))
            found += b"".join(pin.to_bytes(width, "big") for pin in pins)
    return found


def _bits(size: int) -> int:
    return 8 if size <= 2**8 else 16 if size <= 2**16 else 32


def read_pins(data: bytes) -> tuple[tuple[int, int, int], ...]:
    """Return the spikes of a connector file: time, id of the connector, pin."""
    body = _body(data, "CONNPIN")
    header = data.partition(END_OF_HEADER)[0]
    try:
        described = json.loads(header.split(b"\n", 1)[1])["connectors"]
        widths = {c["ID"]: (c["bpp"] // 8, int(c["delayMode"])) for c in described}
        return tuple(_pins(body, widths))
    except (KeyError, IndexError, TypeError, json.JSONDecodeError, struct.error) as problem:
        raise SpikeFileError(f"not a file of connector spikes: {problem}") from None


def _pins(body: bytes, widths: Mapping[int, Any]) -> Iterator[tuple[int, int, int]]:
    at = 0
    while at < len(body):
        if body[at : at + 4] != BLOCK:
            raise SpikeFileError(f"byte {at}: a block is expected here")
        (time,) = struct.unpack_from(">I", body, at + 4)
        at += 16
        while at < len(body) and body[at : at + 4] != BLOCK:
            id, count = struct.unpack_from(">HH", body, at)
            width, delays = widths[id]
            at += 4
            for n in range(count):
                pin = body[at + n * width : at + (n + 1) * width]
                yield time, id, int.from_bytes(pin, "big")
            at += count * (width + delays)


def inputs_of(
    pins: Iterable[tuple[int, int, int]], connectors: Sequence[Connector]
) -> tuple[InputSpike, ...]:
    """Return spikes on connectors as spikes on axons."""
    known = {c.id: c.pins for c in connectors if not c.is_output}
    return tuple(InputSpike(time, *known[id][pin]) for time, id, pin in pins)
