"""Program files, spike files, and the rules for legal networks."""

import json
import re
from dataclasses import replace

import pytest
from chip_networks import core, random_inputs, random_network, single
from hypothesis import given, settings
from hypothesis import strategies as st
from nestml_truenorth.chip import cpe, ranges, spikes
from nestml_truenorth.chip.network import (
    SIZE,
    Core,
    InvalidNetwork,
    Network,
    NeuronType,
    Reset,
    crossbar,
    problems,
)
from nestml_truenorth.chip.simulator import outputs, run
from nestml_truenorth.chip.spikes import InputSpike, OutputSpike, SpikeFileError

KIND = NeuronType(1, (1, -2, 3, -4), 5)
NETWORK = Network((KIND,), (core({0: 1}, [(0, 0)]),))


class TestRanges:
    @pytest.mark.parametrize(
        ("item", "numbers"),
        [
            (7, (7,)),
            (-32, (-32,)),
            ("1x4", (1, 1, 1, 1)),
            ("-2x3", (-2, -2, -2)),
            ("5x1", (5,)),
            ("0:3", (0, 1, 2, 3)),
            ("-34:-32", (-34, -33, -32)),
            ("0:64:192", (0, 64, 128, 192)),
            ("27:-4:19", (27, 23, 19)),
            ("0:64:200", (0, 64, 128, 192)),
            ("4:4", (4,)),
        ],
    )
    def test_items(self, item: object, numbers: tuple[int, ...]) -> None:
        assert ranges.expand([item]) == numbers

    def test_repetition_of_200(self) -> None:
        assert ranges.expand(["1x200"]) == (1,) * 200

    @pytest.mark.parametrize(
        "item", ["", "a", "1x", "1:2:3:4", "3:1", "1:0:3", "1:-1:3", True, 1.0, None, "1x99999999"]
    )
    def test_bad_items(self, item: object) -> None:
        with pytest.raises(ValueError, match=re.escape(repr(item))):
            ranges.expand([item])

    def test_a_huge_sum_is_refused(self) -> None:
        with pytest.raises(ValueError, match="more than"):
            ranges.expand(["0x60000", "0x60000"])

    @given(st.lists(st.integers(-40, 300) | st.integers(-1, 1), max_size=60))
    def test_round_trip(self, numbers: list[int]) -> None:
        assert ranges.expand(ranges.compress(numbers)) == tuple(numbers)

    def test_short_forms(self) -> None:
        numbers = (*range(64), *(0,) * 192)
        assert ranges.compress(numbers) == ("0:63", "0x192")
        assert ranges.compress((3, 4, 1, 1, 0, 4, 8)) == (3, 4, 1, 1, "0:4:8")
        assert ranges.compress(()) == ()
        assert ranges.compress((5,)) == (5,)


class TestPrograms:
    @settings(max_examples=20, deadline=None)
    @given(seed=st.integers(0, 2**32), cores=st.integers(1, 3))
    def test_what_is_written_is_read_back(self, seed: int, cores: int) -> None:
        network = random_network(seed, cores=cores, used=40)
        assert cpe.read(cpe.write(network)) == network

    def test_the_reader_keeps_what_the_simulator_needs(self) -> None:
        network = random_network(11)
        inputs = random_inputs(network, 11, 50)
        again = cpe.read(cpe.write(network))
        assert run(again, inputs, 50).fired.tolist() == run(network, inputs, 50).fired.tolist()

    def test_form_of_the_text(self) -> None:
        text = cpe.write(random_network(5, cores=2))
        keys = re.findall(r'^\t"(\w+)":', text, re.MULTILINE)
        assert keys == ["model", "crossbarTypes", "neuronTypes", "core", "core"]
        assert "/* Core parameters */" in text
        assert '"coreCount":2' in text
        assert re.search(r'"synapses":"[0-9A-F]{2}( [0-9A-F]{2}){31}"', text)

    def test_neuron_types_are_named_by_number_in_hexadecimal(self) -> None:
        kind = replace(KIND, number=31)
        text = cpe.write(Network((kind,), (core({0: 31}),)))
        assert '"name":"N0000001F"' in text
        assert '"types":[31,' in text

    def test_fields_of_a_neuron_type(self) -> None:
        kind = NeuronType(
            2,
            (1, -2, 0, -255),
            262143,
            7,
            leak=-3,
            leak_reversal=True,
            reset_mode=Reset.SUBTRACT,
            reset=-7,
            saturates=True,
            mask_bits=4,
            potential=-5,
            stochastic_weights=(False, True, False, False),
            stochastic_leak=True,
        )
        text = cpe.write(Network((kind,), (core({0: 2}),)))
        (line,) = (line for line in text.splitlines() if "N00000002" in line)
        assert line.strip() == (
            '{"name":"N00000002","class":"NeuronGeneral",'
            '"sigma0":1,"sigma1":-1,"sigma2":1,"sigma3":-1,"s0":1,"s1":2,"s2":0,"s3":255,'
            '"b0":false,"b1":true,"b2":false,"b3":false,'
            '"sigma_lambda":-1,"lambda":3,"c_lambda":true,"epsilon":true,'
            '"alpha":262143,"beta":7,"TM":4,"gamma":1,"kappa":true,'
            '"sigma_VR":-1,"VR":3,"V":-5}'
        )
        assert cpe.read(text).neuron_types == (kind,)

    def test_crossbar_rows_are_axons_most_significant_bit_first(self) -> None:
        bar = crossbar([3, *(0,) * 255], [(0, 0), (0, 9), (255, 255)])
        text = cpe.write(Network((KIND,), (replace(core({0: 1}), crossbar=bar),)))
        rows = re.findall(r'"type":"S(\d)","synapses":"([^"]*)"', text)
        assert len(rows) == SIZE
        assert rows[0] == ("3", "80 40" + " 00" * 30)
        assert rows[255] == ("0", "00 " * 31 + "01")

    def test_equal_crossbars_are_written_once(self) -> None:
        cores = tuple(core({0: 1}, [(0, 0)], id=k) for k in range(5))
        text = cpe.write(Network((KIND,), cores))
        assert text.count('"rows"') == 1
        assert len(cpe.read(text).cores) == 5

    def test_crossbars_inside_a_core_are_read(self) -> None:
        text = cpe.write(NETWORK)
        rows = re.search(r'"crossbar":(\{\s*"rows":\[.*?\]\})', text, re.DOTALL)
        assert rows
        inline = re.sub(r'"crossbar":\{\s*"name":"coreProt0000001"\s*\}', rows.group(), text)
        assert inline != text
        assert cpe.read(inline) == NETWORK

    def test_comments_may_stand_anywhere_but_in_strings(self) -> None:
        network = replace(NETWORK, build_key="not /* a */ comment")
        text = cpe.write(network)
        assert cpe.read(text.replace("{", '{/* \n " */', 3)) == network
        assert cpe.read(text.replace(",", " /**/ , /* , */ ", 40)) == network

    def test_pytruenorths_form(self) -> None:
        network = random_network(7, cores=2)
        assert cpe.read(freely_written(network)) == replace(
            network, build_key="", cores=tuple(without_corelet(c) for c in network.cores)
        )


def without_corelet(member: Core) -> Core:
    return replace(member, corelet=Core.__dataclass_fields__["corelet"].default)


def freely_written(network: Network) -> str:
    """Return ``network`` with freely named types and neurons as objects, last dendrite first."""
    names = {k.number: f"kind of {k.number}" for k in network.neuron_types}
    text = cpe.write(network)
    lines = [line.strip().rstrip(",") for line in text.splitlines() if '"name":"N0' in line]
    types = [json.loads(line) for line in lines]
    for kind, n in zip(types, network.neuron_types, strict=True):
        kind["name"] = names[n.number]
    first = network.neuron_types[0].number
    model = {"coreCount": len(network.cores), "neuronClass": "NeuronGeneral", "crossbarSize": SIZE}
    cores = [
        {
            "id": c.id,
            "rngSeed": c.seed,
            "timeScaleExponent": 0,
            "neurons": [
                {
                    "type": names[c.types[j] or first],
                    "dendrite": j,
                    "destCore": c.dest_cores[j],
                    "destAxon": c.dest_axons[j],
                    "delay": c.delays[j],
                }
                for j in reversed(range(SIZE))
            ],
            "crossbar": {
                "rows": [
                    {"type": f"S{g}", "synapses": row.hex(" ")}
                    for g, row in zip(c.crossbar.axon_types, c.crossbar.rows, strict=True)
                ]
            },
        }
        for c in network.cores
    ]
    parts = [("model", model), ("neuronTypes", types), *(("core", c) for c in cores)]
    return "{" + ",\n".join(f'"{key}": {json.dumps(value, indent=1)}' for key, value in parts) + "}"


class TestBadPrograms:
    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('"coreCount":1', '"coreCount":2', "coreCount"),
            ('"crossbarSize":256', '"crossbarSize":512', "crossbarSize"),
            ('"gamma":0', '"gamma":3', "neuron type 0: `gamma` must be 0, 1 or 2"),
            ('"VR":0', '"VR":19', "neuron type 0: `VR` must be 0..18"),
            ('"sigma1":-1', '"sigma1":0', "neuron type 0: `sigma1` must be 1 or -1"),
            ('"epsilon":false', '"epsilon":0', "neuron type 0: `epsilon` must be a truth value"),
            ('"alpha":5', '"alpha":true', "neuron type 0: `alpha` must be a whole number"),
            ('"alpha":5', '"alpha":5.0', "neuron type 0: `alpha` must be a whole number"),
            ('"alpha":5,', "", "neuron type 0: `alpha` must be a whole number"),
            ('"type":"S0"', '"type":"S4"', "crossbar type 0, row 0: `type` must be S0 to S3"),
            ('"synapses":"80 ', '"synapses":"8', "row 0: `synapses` must be 32 pairs"),
            ('"synapses":"80 ', '"synapses":"', "row 0: `synapses` must be 32 pairs"),
            ('"name":"coreProt0000001"\n', '"name":"other"\n', "no crossbar type 'other'"),
            ('"destDelays":["1x256"]', '"destDelays":["1y256"]', "`destDelays`: '1y256'"),
            ('"dendrites":["0:255"]', '"dendrites":["255:-1:0"]', "`dendrites` must be 0:255"),
            ('"rngSeed":1', '"rngSeed":"1"', "core 0: `rngSeed` must be a whole number"),
            ('"neuronTypes"', '"core"', "`neuronTypes` must be a list"),
            ('"neuronTypes"', '"types"', "unknown key `types`"),
            ('"id":0', '"id":0,,', "line "),
        ],
    )
    def test_not_a_program(self, old: str, new: str, message: str) -> None:
        text = cpe.write(NETWORK)
        assert old in text
        with pytest.raises(cpe.FormatError, match=re.escape(message)):
            cpe.read(text.replace(old, new, 1))

    @pytest.mark.parametrize("text", ["", "[]", "{}", "3", "null", '{"model":3}', "[" * 10**5])
    def test_something_else(self, text: str) -> None:
        with pytest.raises(cpe.FormatError):
            cpe.read(text)

    def test_order_of_the_keys(self) -> None:
        text = cpe.write(NETWORK)
        model = re.search(r'\t"model":\{.*?\},\n', text, re.DOTALL)
        assert model
        moved = text.replace(model.group(), "").rstrip().rstrip("}").rstrip()
        with pytest.raises(cpe.FormatError, match="must stand in the order"):
            cpe.read(f"{moved},\n{model.group().rstrip().rstrip(',')}\n}}")
        with pytest.raises(cpe.FormatError, match="`model` is there more than once"):
            cpe.read(text.replace(model.group(), model.group() * 2))

    def test_line_numbers_count_the_lines_of_comments(self) -> None:
        text = "{\n/* one\ntwo */\n  3\n}"
        with pytest.raises(cpe.FormatError, match="line 4"):
            cpe.read(text)

    def test_illegal_networks_are_not_read(self) -> None:
        text = cpe.write(NETWORK).replace('"alpha":5', '"alpha":262144')
        with pytest.raises(InvalidNetwork, match="threshold 262144"):
            cpe.read(text)


class TestLegality:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"weights": (256, 0, 0, 0)}, "weight 256 is not in -255..255"),
            ({"weights": (0, 0, -256, 0)}, "weight -256 is not in -255..255"),
            ({"threshold": 2**18}, "threshold 262144 is not in 0..262143"),
            ({"threshold": -1}, "threshold -1 is not in 0..262143"),
            ({"floor": 2**18}, "floor 262144 is not in 0..262143"),
            ({"floor": -1}, "floor -1 is not in 0..262143"),
            ({"leak": 256}, "leak 256 is not in -255..255"),
            ({"mask_bits": 19}, "mask bits 19 is not in 0..18"),
            ({"reset": 2}, "reset 2 is not 0 or"),
            ({"reset": 2**19 - 1}, "reset 524287 is not 0 or"),
            ({"potential": 2**19}, "initial potential 524288"),
            ({"number": 0}, "number 0 is not in 1..4294967295"),
        ],
    )
    def test_neuron_types(self, change: dict[str, object], message: str) -> None:
        kind = replace(KIND, **change)  # type: ignore[arg-type]
        found = problems(Network((kind,), ()))
        assert len(found) == 1
        assert message in found[0]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"seed": 0}, "core 0: seed 0 is not in 1..4294967295"),
            ({"seed": 2**32}, "core 0: seed 4294967296"),
            ({"types": (2,) + (0,) * 255}, "neuron 0: type 2 is not defined"),
            ({"types": (0,) * 256}, "neuron 0: has a destination but no type"),
            ({"types": (1,)}, "core 0: needs 256 types"),
            ({"dest_cores": (1,) + (-1,) * 255}, "neuron 0: destination core 1 does not exist"),
            ({"dest_cores": (-3,) + (-1,) * 255}, "neuron 0: destination core -3 is neither"),
            ({"dest_axons": (256,) * 256}, "neuron 0: destination axon 256"),
            ({"delays": (0,) * 256}, "neuron 0: delay 0 is not in 1..15"),
            ({"delays": (16,) * 256}, "neuron 0: delay 16 is not in 1..15"),
            ({"crossbar": crossbar([4] * 256, [])}, "axon type 4 is not in 0..3"),
            ({"crossbar": crossbar([0] * 255, [])}, "crossbar needs 256 axons"),
        ],
    )
    def test_cores(self, change: dict[str, object], message: str) -> None:
        member = replace(NETWORK.cores[0], **change)  # type: ignore[arg-type]
        found = problems(Network((KIND,), (member,)))
        assert len(found) == 1
        assert message in found[0]

    def test_names_are_unique(self) -> None:
        twice = Network((KIND, KIND), NETWORK.cores * 2)
        assert problems(twice) == (
            "neuron type 1: defined more than once",
            "core 0: defined more than once",
        )

    def test_all_problems_at_once(self) -> None:
        kind = replace(KIND, weights=(999, -999, 0, 0), threshold=-1)
        assert len(problems(Network((kind,), NETWORK.cores))) == 3

    def test_the_extremes_are_legal(self) -> None:
        kind = NeuronType(
            2**32 - 1,
            (255, -255, 0, 0),
            2**18 - 1,
            2**18 - 1,
            leak=-255,
            reset=-(2**18 - 1),
            mask_bits=18,
            potential=-(2**19),
        )
        network = Network((kind,), (core({255: kind.number}, id=2**31 - 1, seed=2**32 - 1),))
        assert problems(network) == ()
        assert cpe.read(cpe.write(network)) == network

    def test_the_writer_refuses_what_is_illegal(self) -> None:
        with pytest.raises(InvalidNetwork):
            cpe.write(replace(NETWORK, neuron_types=()))


class TestSpikeFiles:
    INPUTS = (InputSpike(0, 0, 2), InputSpike(0, 1, 255), InputSpike(7, 0, 0))
    OUTPUTS = (OutputSpike(3, 1, 2, -32, 2, 1), OutputSpike(3, 1, 4, -33, 200, 15))

    def test_text_of_inputs(self) -> None:
        assert spikes.write_inputs(reversed(self.INPUTS)) == (
            '{"class":"SpikeWriter","encoding":"TEXT","nscsVersion":"1.4.0"}\n'
            '{"version":"sfti1.0","defaultDestinationDelay":1}\n'
            '{"spike":{"srcTime":0,"destCore":0,"destAxon":2}}\n'
            '{"spike":{"srcTime":0,"destCore":1,"destAxon":255}}\n'
            '{"spike":{"srcTime":7,"destCore":0,"destAxon":0}}\n'
        )

    def test_round_trips(self) -> None:
        assert spikes.read_inputs(spikes.write_inputs(self.INPUTS)) == self.INPUTS
        assert spikes.read_outputs(spikes.write_outputs(self.OUTPUTS)) == self.OUTPUTS

    def test_outputs_of_a_run(self) -> None:
        network = single(NeuronType(1, (1, 0, 0, 0), 1))
        result = run(network, [InputSpike(4, 0, 0)], 9)
        text = spikes.write_outputs(outputs(network, result.fired))
        assert text.splitlines()[2:] == [
            '{"spike":{"srcTime":5,"srcCore":0,"srcNeuron":0,'
            '"destCore":-32,"destAxon":0,"destDelay":1}}'
        ]

    def test_default_delay_is_honoured(self) -> None:
        text = spikes.write_inputs(self.INPUTS).replace('Delay":1}', 'Delay":4}')
        assert {s.delay for s in spikes.read_inputs(text)} == {4}

    def test_blank_lines_and_indentation_do_not_matter(self) -> None:
        text = spikes.write_inputs(self.INPUTS).replace("\n", "\n\n    ")
        assert spikes.read_inputs(text) == self.INPUTS

    def test_delays_a_line_cannot_say_are_refused(self) -> None:
        with pytest.raises(SpikeFileError, match="delays of 1 only"):
            spikes.write_inputs([InputSpike(0, 0, 0, 2)])

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("TEXT", "RAWI3", "line 1: the encoding is 'RAWI3'"),
            ("sfti1.0", "sfto1.0", "line 2: the version is 'sfto1.0'"),
            ('"srcTime":7', '"srcTime":7.5', "line 5: a spike needs whole numbers"),
            ('"srcTime":7', '"time":7', "line 5: a spike needs whole numbers"),
            ('"spike":{"srcTime":7', '"event":{"srcTime":7', "line 5: a spike needs"),
            ('{"spike":{"srcTime":7', "{{", "line 5: "),
        ],
    )
    def test_bad_files(self, old: str, new: str, message: str) -> None:
        text = spikes.write_inputs(self.INPUTS)
        assert old in text
        with pytest.raises(SpikeFileError, match=re.escape(message)):
            spikes.read_inputs(text.replace(old, new))

    @pytest.mark.parametrize("text", ["", "{}", "[]\n[]\n", "\n\n"])
    def test_not_spike_files(self, text: str) -> None:
        with pytest.raises(SpikeFileError):
            spikes.read_inputs(text)
