"""The simulator against spikes recorded from the chip's own tools.

The recordings are not part of this project. Point NESTML_TRUENORTH_GOLDEN at their archive (a tar
file with a folder ``golden_pack``) to run these tests.
"""

import json
import os
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nestml_truenorth.chip import cpe, simulator, spikes
from nestml_truenorth.chip.network import Network
from nestml_truenorth.chip.spikes import InputSpike

VARIABLE = "NESTML_TRUENORTH_GOLDEN"
PATH = os.environ.get(VARIABLE)

pytestmark = pytest.mark.skipif(
    PATH is None, reason=f"set {VARIABLE} to the archive of recordings from the chip's tools"
)

PROGRAMS = (
    "patternMatch",
    "sobelTiles",
    "mnist_neil2",
    "spatioTemporalFilter",
    "ex1",
    "ex2",
    "BootCampExample11",
    "bistable_spike",
)

BLOCK = b"\xfe\xfc\xfe\xfc"


@pytest.fixture(scope="module")
def pack() -> Iterator[dict[str, bytes]]:
    """The files of the archive by name."""
    assert PATH is not None
    with tarfile.open(Path(PATH)) as archive:
        members = [m for m in archive.getmembers() if m.isfile()]
        contents = {m.name.rpartition("/")[2]: archive.extractfile(m) for m in members}
        yield {name: f.read() for name, f in contents.items() if f is not None}


def io_map(data: bytes) -> list[list[tuple[int, int]]]:
    """Return, for each connector in turn, the (core, line) of its pins."""
    connectors, at = [], 0
    while at < len(data):
        _, _, size, _, _, _, name = struct.unpack_from("<7i", data, at)
        at += 28 + 2 * name
        cores = struct.unpack_from(f"<{size}i", data, at)
        lines = struct.unpack_from(f"<{size}H", data, at + 4 * size)
        at += 6 * size
        connectors.append(list(zip(cores, lines, strict=True)))
    return connectors


def connector_pins(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield time, connector and pin of each spike of a connector file."""
    header, body = data.split(b"\xff", 1)
    described = json.loads(header.split(b"\n", 1)[1])["connectors"]
    pin_bytes = {c["ID"]: c["bpp"] // 8 for c in described}
    delay_bytes = {c["ID"]: c["delayMode"] for c in described}
    at = 0
    while at < len(body):
        assert body[at : at + 4] == BLOCK
        (time,) = struct.unpack_from(">I", body, at + 4)
        at += 16
        while at < len(body) and body[at : at + 4] != BLOCK:
            number, count = struct.unpack_from(">HH", body, at)
            width = pin_bytes[number]
            at += 4
            for i in range(count):
                yield (
                    time,
                    number,
                    int.from_bytes(body[at + i * width : at + (i + 1) * width], "big"),
                )
            at += count * (width + delay_bytes[number])


def program(pack: dict[str, bytes], name: str) -> Network:
    return cpe.read(pack[f"{name}.json"].decode())


def ticks(pack: dict[str, bytes], name: str) -> int:
    count: int = json.loads(pack[f"{name}.conf"])["tickCount"]
    return count


def text_inputs(pack: dict[str, bytes], name: str) -> tuple[InputSpike, ...]:
    return spikes.read_inputs(pack[name].decode())


def connector_inputs(pack: dict[str, bytes], name: str) -> tuple[InputSpike, ...]:
    pins = io_map(pack[f"{name}_inpMap.bin"])
    events = connector_pins(pack[f"{name}_inputSpikes.sfcp"])
    return tuple(InputSpike(t, *pins[c][p]) for t, c, p in events)


def recorded(pack: dict[str, bytes], name: str) -> set[tuple[int, int, int]]:
    """The (time, core, neuron) of the output spikes of a connector file."""
    pins = io_map(pack[f"{name}_outMap.bin"])
    events = list(connector_pins(pack[f"{name}_outputSpikes0.sfcp"]))
    found = {(t, *pins[c][p]) for t, c, p in events}
    assert len(found) == len(events)
    return found


@pytest.mark.parametrize(
    ("name", "count"), [("patternMatch", 24), ("sobelTiles", 653), ("mnist_neil2", 118086)]
)
def test_output_spikes_are_those_recorded(pack: dict[str, bytes], name: str, count: int) -> None:
    network = program(pack, name)
    if f"{name}_inputSpikes.sfti" in pack:
        inputs = text_inputs(pack, f"{name}_inputSpikes.sfti")
    else:
        inputs = connector_inputs(pack, name)
    result = simulator.run(network, inputs, ticks(pack, name))
    ours = {s[:3] for s in simulator.outputs(network, result.fired)}
    assert len(ours) == count
    assert ours == recorded(pack, name)


def test_random_thresholds_are_those_recorded(pack: dict[str, bytes]) -> None:
    """Here every spike of the monitored neurons was recorded, with its destination."""
    name = "spatioTemporalFilter"
    network = program(pack, name)
    result = simulator.run(
        network, text_inputs(pack, f"{name}_inputSpikes.sfti"), ticks(pack, name)
    )
    (filters,) = json.loads(pack[f"{name}_filter.json"])
    watched = set()
    for spec in filters["MonitorFilterSpecs"]:
        for text in spec["neurons"]:
            first, _, last = str(text).partition(":")
            watched |= {
                (k, j) for k in spec["cores"] for j in range(int(first), int(last or first) + 1)
            }
    cores = {core.id: core for core in network.cores}
    ours = {
        (t, k, j, cores[k].dest_cores[j], cores[k].dest_axons[j], cores[k].delays[j])
        for t, k, j in result.fired.tolist()
        if (k, j) in watched
    }
    body = pack[f"{name}_outputSpikes0.sfro"].split(b"\xff", 1)[1]
    theirs = set(struct.iter_unpack(">IIIiiI", body))
    assert len(theirs) == 10278
    assert ours == theirs


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_survive_writing_and_reading(pack: dict[str, bytes], name: str) -> None:
    network = program(pack, name)
    assert cpe.read(cpe.write(network)) == network


def test_both_forms_of_an_input_agree(pack: dict[str, bytes]) -> None:
    """One recording holds its input as text and as connector pins."""
    text = text_inputs(pack, "mnist_neil2_spikes.sfci")
    assert sorted(set(text)) == sorted(set(connector_inputs(pack, "mnist_neil2")))
