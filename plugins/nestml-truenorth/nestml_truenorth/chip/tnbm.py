"""Experimental: programs in the binary form that is loaded onto the chip (``.tnbm``).

The layout was found by comparing published files with the programs they were made from, and gives
these byte for byte. Where some fields lie is not known, as they are zero in all of them: programs
that use stochastic weights or leaks, reset values or initial potentials are refused. The chip's
own tools make such a file from a program's JSON.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from nestml_truenorth.chip.network import (
    ROW_BYTES,
    SIZE,
    Core,
    Network,
    NeuronType,
    require_valid,
)

WORDS = 3868
"""32-bit words of a core."""

RECORD = 60
"""Bytes of a neuron."""

UNUSED_THRESHOLD = 10


class Unsupported(ValueError):
    """The program uses what nobody knows how to write."""


def write(network: Network) -> bytes:
    """Return ``network`` as a binary program.

    Raises
    ------
    Unsupported : it uses fields whose place is not known.
    """
    require_valid(network)
    kinds = {k.number: k for k in network.neuron_types}
    for core in network.cores:
        for j in range(SIZE):
            if core.is_enabled(j):
                _require_known(core, j, kinds[core.types[j]])
    header = b"TNBM" + struct.pack("<4I", 6, 8, WORDS, len(network.cores)) + bytes(12)
    return header + b"".join(_core(core, kinds) for core in network.cores)


def _require_known(core: Core, neuron: int, kind: NeuronType) -> None:
    used = [
        name
        for name, present in (
            ("stochastic weights", any(kind.stochastic_weights)),
            ("a stochastic leak", kind.stochastic_leak),
            ("a reset value", kind.reset != 0),
            ("an initial potential", kind.potential != 0),
        )
        if present
    ]
    if used:
        raise Unsupported(
            f"neuron {neuron} of core {core.id} has {used[0]}, whose place in the file is unknown"
        )


def _core(core: Core, kinds: dict[int, NeuronType]) -> bytes:
    disabled = _bits((n, int(not core.is_enabled(SIZE - 1 - n)), 1) for n in range(SIZE)).to_bytes(
        ROW_BYTES, "little"
    )
    types = _bits((2 * n, core.crossbar.axon_types[SIZE - 1 - n], 2) for n in range(SIZE)).to_bytes(
        SIZE // 4, "little"
    )
    rows = [int.from_bytes(row, "big") for row in core.crossbar.rows]
    records = b"".join(_record(core, j, kinds, rows) for j in range(SIZE))
    return b"TNCB\xff\xff" + disabled + bytes(6) + struct.pack("<I", core.seed) + types + records


def _record(core: Core, j: int, kinds: dict[int, NeuronType], rows: list[int]) -> bytes:
    if not core.is_enabled(j):
        fields = [(33, UNUSED_THRESHOLD, 18), (384, core.id, 32)]
        return _bits(iter(fields)).to_bytes(RECORD, "little")
    kind = kinds[core.types[j]]
    column = sum((row >> SIZE - 1 - j & 1) << a for a, row in enumerate(rows))
    s = kind.weights
    fields = [
        (2, int(kind.reset_mode), 2),
        (4, int(kind.saturates), 1),
        (10, kind.mask_bits, 5),
        (15, kind.floor, 18),
        (33, kind.threshold, 18),
        (52, kind.leak, 9),
        (61, int(kind.leak_reversal), 1),
        (66, s[3], 9),
        (75, s[2], 9),
        (84, s[1], 9),
        (93, s[0], 9),
        (102, column, SIZE),
        (384, core.dest_cores[j], 32),
        (418, core.delays[j], 4),
        (422, max(core.dest_axons[j], 0), 8),
    ]
    return _bits(iter(fields)).to_bytes(RECORD, "little")


def _bits(fields: Iterator[tuple[int, int, int]]) -> int:
    """Return a number with each value at its place, in so many bits (two's complement)."""
    found = 0
    for at, value, width in fields:
        found |= (value & (1 << width) - 1) << at
    return found
