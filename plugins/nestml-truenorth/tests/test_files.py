"""The generated files: what is in them, that they are what runs, and what happens if damaged."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from models_under_test import (
    BACKEND,
    FLOOR,
    PERFECT,
    built,
    changed,
    codes_of,
    library,
    lowered,
    on_chip,
    solved,
)
from nestml_truenorth import iomap
from nestml_truenorth.chip import cpe
from nestml_truenorth.chip.network import NeuronType, Reset
from nestml_truenorth.options import Options

from nestml_core.api import Experiment

EXPERIMENT = Experiment(
    duration=40, dt=1.0, spikes={"spikes": [(float(t), 20.0) for t in range(1, 41, 2)]}
)


def kind_of(text: str, **options: object) -> NeuronType:
    value, diagnostics = lowered(text, **options)
    assert value is not None, diagnostics
    (kind,) = value.neurons[0].network.neuron_types
    return kind


class TestParameters:
    """Hand-computed chip parameters."""

    def test_library_model(self) -> None:
        value = BACKEND.lower(library("pif_psc_delta"), Options()).value
        assert value is not None
        assert value.neurons[0].network.neuron_types == (
            NeuronType(1, (1, -1, 64, -64), 50, 0, leak=-1, saturates=True),
        )

    def test_offsets_and_scale(self) -> None:
        """Rest -65 mV is zero; at 4 counts per mV the threshold -50.25 mV is 59 counts."""
        kind = kind_of(
            changed(
                ("V_m mV = 0 mV", "V_m mV = -65 mV"),
                ("V_th mV = 50 mV", "V_th mV = -50.25 mV"),
                ("V_reset mV = 0 mV", "V_reset mV = -65 mV"),
                ("V_min mV = 0 mV", "V_min mV = -80 mV"),
                ("leak mV/ms = 1 mV/ms", "leak mV/ms = -0.5 mV/ms"),
            )
        )
        assert (kind.threshold, kind.floor, kind.leak, kind.reset) == (59, 60, 2, 0)
        assert kind.potential == -2, "tick 0 leaks by 2 up to the initial value, zero"

    def test_strict_threshold_is_one_count_more(self) -> None:
        assert kind_of(changed(("V_m >= V_th", "V_m > V_th"))).threshold == 51

    def test_ticks_scale_the_leak(self) -> None:
        assert kind_of(PERFECT, tick=4.0).leak == -4
        half = kind_of(PERFECT, tick=0.5)
        assert (half.leak, half.threshold) == (-1, 100)

    def test_subtracting_reset(self) -> None:
        """What is subtracted is the threshold in counts: zero is at 50 - 30 = 20 mV."""
        text = changed(
            ("V_m = V_reset", "V_m -= 30 mV"),
            ("V_m mV = 0 mV", "V_m mV = 25 mV"),
        )
        kind = kind_of(text)
        assert kind.reset_mode is Reset.SUBTRACT
        assert (kind.threshold, kind.floor, kind.potential) == (30, 20, 6)

    def test_reset_below_the_bound_moves_the_zero(self) -> None:
        """With reset -7 mV, bound 0 and threshold 50 zero must be up to 57 counts above: 7."""
        kind = kind_of(changed(("V_reset mV = 0 mV", "V_reset mV = -7 mV")))
        assert (kind.reset, kind.threshold, kind.floor) == (-7, 50, 0)

    def test_first_potential_is_zero_where_that_does(self) -> None:
        assert kind_of(PERFECT).potential == 0
        assert kind_of(changed(("V_m mV = 0 mV", "V_m mV = 7 mV"))).potential == 8

    def test_seed_and_weights(self) -> None:
        value, _ = lowered(PERFECT, rng_seed=99, weights="3,-2")
        network = value.neurons[0].network
        assert network.cores[0].seed == 99
        assert network.neuron_types[0].weights == (3, -2, 0, 0)
        assert set(network.cores[0].crossbar.axon_types[:128]) == {0}
        assert set(network.cores[0].crossbar.axon_types[128:]) == {1}


class TestContents:
    def test_file_names(self, tmp_path: Path) -> None:
        artifact = built(solved(PERFECT), tmp_path)
        assert {p.name for p in tmp_path.iterdir()} == {
            "perfect.json",
            "perfect.conf",
            "perfect.iomap.json",
            "perfect.report.md",
        }
        assert artifact.product == tmp_path / "perfect.json"

    def test_program_is_what_was_lowered(self, tmp_path: Path) -> None:
        built(solved(PERFECT), tmp_path)
        value, _ = lowered(PERFECT)
        text = (tmp_path / "perfect.json").read_text()
        assert cpe.read(text) == value.neurons[0].network
        assert iomap.read((tmp_path / "perfect.iomap.json").read_text()) == value.neurons[0].io

    def test_run_configuration(self, tmp_path: Path) -> None:
        built(solved(PERFECT), tmp_path, ticks=777)
        fields = json.loads((tmp_path / "perfect.conf").read_text())
        assert fields["tickCount"] == 777
        assert fields["MonitorTnk.startingCoreId"] == -32
        assert fields["MonitorTnk.outputFileName"] == "perfect_outputSpikes"

    def test_io_map(self, tmp_path: Path) -> None:
        text = changed(("unit_psp * spikes", "0.5 * unit_psp * spikes"))
        built(solved(text), tmp_path, tick=0.5)
        fields = json.loads((tmp_path / "perfect.iomap.json").read_text())
        assert fields["tick_ms"] == "0.5"
        assert fields["output"] == {"destCore": -32, "destAxon": 0}
        assert fields["ports"][0]["counts_per_weight"] == "1"
        assert fields["recordables"] == [
            {
                "name": "V_m",
                "unit": "mV",
                "per_count": "0.5",
                "at_zero": "0",
                "neuron": 0,
                "after_spike": [],
            }
        ]
        weights = fields["ports"][0]["weights_of_single_axons"]
        assert [w["weight"] for w in weights] == ["1", "-1", "64", "-64"]

    def test_report(self, tmp_path: Path) -> None:
        text = "# perfect - counts\n#\n# <b>bold</b> {{ x }}\n" + PERFECT
        built(solved(text), tmp_path)
        report = (tmp_path / "perfect.report.md").read_text()
        assert "| threshold (V_m >=) | 50 mV | alpha = 50 |" in report
        assert "| drift in a tick | -1 mV | lambda = -1 |" in report
        assert "    <b>bold</b> {{ x }}\n" in report, "indented: shown as it is"

    def test_reports_of_the_other_kinds(self, tmp_path: Path) -> None:
        text = changed(("V_m = V_reset", "V_m -= 30 mV"), (FLOOR, ""))
        built(solved(text), tmp_path)
        report = (tmp_path / "perfect.report.md").read_text()
        assert "| reset by | -30 mV | gamma = 1 |" in report
        assert "| lower bound | none |" in report

    def test_names_that_are_no_file_names(self, tmp_path: Path) -> None:
        built(solved(PERFECT.replace("perfect", "per$fect")), tmp_path)
        assert (tmp_path / "per__DOLLARfect.json").exists()

    def test_several_models(self, tmp_path: Path) -> None:
        first = solved(PERFECT)
        second = library("pif_psc_delta")
        both = replace(first, models=(*first.models, *second.models))
        artifact = built(both, tmp_path)
        assert artifact.product == tmp_path
        assert len(list(tmp_path.iterdir())) == 8

    def test_same_bytes_under_other_hash_seeds(self) -> None:
        script = (
            "import hashlib\n"
            "from models_under_test import BACKEND, PERFECT, solved\n"
            "from nestml_truenorth.options import Options\n"
            "value = BACKEND.lower(solved(PERFECT), Options()).value\n"
            "files = BACKEND.render(value)\n"
            "print([hashlib.sha256(files[n].encode()).hexdigest() for n in sorted(files)])\n"
        )
        here = Path(__file__).parent
        found = {
            subprocess.run(
                [sys.executable, "-c", script],
                env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join([str(here), *sys.path])},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            for seed in ("0", "1", "4242")
        }
        assert len(found) == 1


class TestFilesAreWhatRuns:
    def test_a_changed_program_changes_the_result(self, tmp_path: Path) -> None:
        """Raise the threshold on disk from 50 to 70: the simulation follows the file."""
        artifact = built(solved(PERFECT), tmp_path)
        before = on_chip(artifact, EXPERIMENT).value
        assert before is not None
        path = tmp_path / "perfect.json"
        text = path.read_text()
        assert '"alpha":50' in text
        path.write_text(text.replace('"alpha":50', '"alpha":70'))
        after = on_chip(artifact, EXPERIMENT).value
        assert after is not None
        assert len(after.spike_steps) < len(before.spike_steps)

    def test_a_changed_io_map_changes_the_result(self, tmp_path: Path) -> None:
        artifact = built(solved(PERFECT), tmp_path)
        path = tmp_path / "perfect.iomap.json"
        text = path.read_text()
        assert '"counts_per_weight": "1"' in text
        path.write_text(text.replace('"counts_per_weight": "1"', '"counts_per_weight": "2"'))
        ran = on_chip(artifact, EXPERIMENT).value
        assert ran is not None
        assert ran["V_m"][0] == 39

    @pytest.mark.parametrize(
        ("name", "old", "new", "message"),
        [
            ("perfect.json", '"alpha":50', '"alpha":-50', "threshold -50"),
            ("perfect.json", '"neuronTypes"', '"types"', "unknown key"),
            ("perfect.json", '"types":[1,', '"types":[0,', "neuron 0"),
            ("perfect.json", '"s0":1', '"s0":3', "axon 0 does not deliver 1 counts"),
            ("perfect.json", '"synapses":"80', '"synapses":"00', "axon 0 does not deliver"),
            ("perfect.json", '"destCores":[-32,', '"destCores":[-33,', "spikes go to (-33, 0)"),
            ("perfect.iomap.json", '"neuron": 0', '"neuron": 1', "neuron 1 of core 0 is not there"),
            ("perfect.iomap.json", '"core": 0', '"core": 1', "of core 1 is not there"),
            ("perfect.iomap.json", '"last": 255', '"last": 256', "no axons 192 to 256"),
            ("perfect.iomap.json", '"last": 63', '"last": 64', "axon 64 does not deliver 1"),
            ("perfect.iomap.json", '"version": 2', '"version": 1', "version 2"),
            ("perfect.iomap.json", '"tick_ms": "1"', '"tick_ms": 1', "is not a text"),
            ("perfect.iomap.json", '"tick_ms": "1"', '"tick_ms": "x"', "is not a number"),
            ("perfect.iomap.json", '"at_zero"', '"zero"', "field is missing"),
            ("perfect.iomap.json", "{", "", "line 2"),
        ],
    )
    def test_damaged_files(
        self, name: str, old: str, new: str, message: str, tmp_path: Path
    ) -> None:
        """Both compiling and simulating read the files, and say what is wrong with them."""
        program = solved(PERFECT)
        artifact = built(program, tmp_path)
        text = (tmp_path / name).read_text()
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1))
        for result in (
            BACKEND.compile(program, tmp_path, Options()),
            on_chip(artifact, EXPERIMENT),
        ):
            assert result.value is None
            assert codes_of(result.errors) == ["TN304"]
            assert message in result.errors[0].message
            assert result.errors[0].help

    @pytest.mark.parametrize("name", ["perfect.json", "perfect.iomap.json"])
    def test_missing_files(self, name: str, tmp_path: Path) -> None:
        artifact = built(solved(PERFECT), tmp_path)
        (tmp_path / name).unlink()
        ran = on_chip(artifact, EXPERIMENT)
        assert codes_of(ran.errors) == ["TN304"]
        assert ran.errors[0].message.startswith(name)

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        artifact = built(solved(PERFECT), tmp_path)
        (tmp_path / "perfect.json").write_bytes(b"\xff\xfe\x00")
        assert codes_of(on_chip(artifact, EXPERIMENT).errors) == ["TN304"]


class TestPackage:
    def test_hook_offers_the_backend(self) -> None:
        import nestml_truenorth

        (backend,) = nestml_truenorth.nestml_backends()
        assert backend.name == "truenorth"

    def test_importing_the_plugin_imports_no_backend(self) -> None:
        script = (
            "import sys, nestml_truenorth\n"
            "print([m for m in sys.modules if m == 'numpy' or m.startswith('nestml_truenorth.')])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": ":".join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == "[]"

    def test_the_chip_layer_does_not_know_the_core(self) -> None:
        import nestml_truenorth.chip

        folder = Path(nestml_truenorth.chip.__file__).parent
        for path in folder.glob("*.py"):
            imported = re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(), re.MULTILINE)
            for name in imported:
                inside = name.startswith("nestml_truenorth.chip.")
                foreign = name.startswith("nestml_") and not inside
                assert not foreign, f"{path.name} imports {name}"

    def test_the_plugin_uses_the_api_only(self) -> None:
        import nestml_truenorth

        folder = Path(nestml_truenorth.__file__).parent
        for path in folder.rglob("*.py"):
            imported = re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(), re.MULTILINE)
            assert {n for n in imported if n.startswith("nestml_core")} <= {"nestml_core.api"}

    def test_every_code_is_used_and_explained_once(self) -> None:
        from nestml_truenorth import codes

        from nestml_core.api import Code

        defined = {name: value for name, value in vars(codes).items() if isinstance(value, Code)}
        ids = [code.id for code in defined.values()]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"TN\d{3}", i) for i in ids)
        folder = Path(codes.__file__).parent
        text = "\n".join(p.read_text() for p in folder.glob("*.py") if p.name != "codes.py")
        assert [name for name in defined if f"codes.{name}" not in text] == []

    def test_readme_names_all_options(self) -> None:
        readme = (Path(__file__).parent.parent / "README.md").read_text()
        for name in Options.__dataclass_fields__:
            assert f"| `{name}` |" in readme
