"""Binary files: raw and connector spikes, maps, and binary programs."""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chip_networks import random_network
from nestml_truenorth.chip import binary, cpe, tnbm
from nestml_truenorth.chip.binary import Connector
from nestml_truenorth.chip.spikes import InputSpike, OutputSpike, SpikeFileError

PATH = os.environ.get("NESTML_TRUENORTH_GOLDEN")
golden = pytest.mark.skipif(
    PATH is None,
    reason="set NESTML_TRUENORTH_GOLDEN to the archive of recordings from the chip's tools",
)

INPUTS = (InputSpike(0, 3, 7), InputSpike(2, 0, 255), InputSpike(2, 1, 0))
OUTPUTS = (OutputSpike(1, 0, 5, -32, 9, 1), OutputSpike(4, 2, 255, 3, 0, 15))
CONNECTORS = (
    Connector(1, "in", False, ((0, 3), (0, 4), (2, 255))),
    Connector(2, "größe", True, (*((5, n) for n in range(256)), (6, 0))),
)


@pytest.fixture(scope="module")
def pack() -> Iterator[dict[str, bytes]]:
    assert PATH is not None
    with tarfile.open(Path(PATH)) as archive:
        members = [m for m in archive.getmembers() if m.isfile()]
        contents = {m.name.rpartition("/")[2]: archive.extractfile(m) for m in members}
        yield {name: f.read() for name, f in contents.items() if f is not None}


class TestSpikes:
    def test_raw_files(self) -> None:
        data = binary.write_raw_inputs(reversed(INPUTS))
        assert data.endswith(b"\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00")
        assert binary.read_raw_inputs(data) == INPUTS
        assert binary.read_raw_outputs(binary.write_raw_outputs(OUTPUTS)) == OUTPUTS

    def test_connectors(self) -> None:
        assert binary.read_map(binary.write_map(CONNECTORS)) == CONNECTORS
        spikes = ((0, 0, 2), (3, 0, 0), (3, 1, 256))
        found = binary.read_pins(binary.write_pins(reversed(spikes), CONNECTORS))
        assert found == ((0, 1, 2), (3, 1, 0), (3, 2, 256))
        assert binary.inputs_of(found[:2], CONNECTORS) == (
            InputSpike(0, 2, 255),
            InputSpike(3, 0, 3),
        )

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\xff",
            b"{}\xff",
            b"nonsense\n\xff",
            binary.write_raw_outputs(OUTPUTS),
            binary.write_raw_inputs(INPUTS)[:-1],
        ],
    )
    def test_something_else(self, data: bytes) -> None:
        with pytest.raises(SpikeFileError):
            binary.read_raw_inputs(data)
        with pytest.raises(SpikeFileError):
            binary.read_pins(data)

    def test_broken_maps(self) -> None:
        with pytest.raises(SpikeFileError):
            binary.read_map(binary.write_map(CONNECTORS)[:-1])

    def test_delays_that_cannot_be_written(self) -> None:
        with pytest.raises(SpikeFileError):
            binary.write_raw_inputs([InputSpike(0, 0, 0, 2)])

    @golden
    @pytest.mark.parametrize("name", ["patternMatch", "sobelTiles", "mnist_neil2"])
    def test_recorded_maps_and_pins(self, pack: dict[str, bytes], name: str) -> None:
        """What is read is written as the very same bytes."""
        data = pack[f"{name}_outMap.bin"]
        assert binary.write_map(binary.read_map(data)) == data
        spikes = binary.read_pins(pack[f"{name}_outputSpikes0.sfcp"])
        assert len(spikes) == {"patternMatch": 24, "sobelTiles": 653, "mnist_neil2": 118086}[name]

    @golden
    def test_recorded_raw_spikes(self, pack: dict[str, bytes]) -> None:
        data = pack["spatioTemporalFilter_outputSpikes0.sfro"]
        spikes = binary.read_raw_outputs(data)
        assert len(spikes) == 10278
        records = binary.write_raw_outputs(spikes).partition(b"\xff")[2]
        assert sorted(records[n : n + 24] for n in range(0, len(records), 24)) == sorted(
            data.partition(b"\xff")[2][n : n + 24] for n in range(0, len(records), 24)
        )


class TestPrograms:
    @golden
    @pytest.mark.parametrize("name", ["patternMatch", "mnist_neil2", "spatioTemporalFilter"])
    def test_byte_for_byte(self, pack: dict[str, bytes], name: str) -> None:
        network = cpe.read(pack[f"{name}.json"].decode())
        assert tnbm.write(network) == pack[f"{name}.tnbm"]

    def test_sizes(self) -> None:
        network = random_network(3)
        kinds = tuple(replace(k, reset=0, potential=0) for k in network.neuron_types)
        data = tnbm.write(replace(network, neuron_types=kinds))
        assert len(data) == 32 + 3 * 15472

    @pytest.mark.parametrize(
        "change",
        [
            {"reset": 1},
            {"potential": -3},
            {"stochastic_leak": True},
            {"stochastic_weights": (False, True, False, False)},
        ],
    )
    def test_what_is_unknown_is_refused(self, change: dict[str, object]) -> None:
        network = random_network(3)
        plain = tuple(replace(k, reset=0, potential=0) for k in network.neuron_types)
        changed = tuple(replace(k, **change) for k in plain)  # type: ignore[arg-type]
        with pytest.raises(tnbm.Unsupported, match="unknown"):
            tnbm.write(replace(network, neuron_types=changed))
