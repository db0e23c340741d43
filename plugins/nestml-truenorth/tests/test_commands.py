"""``python -m nestml_truenorth``, and further forms of a program."""

from pathlib import Path

import pytest
from chip_networks import random_inputs, random_network
from models_under_test import PERFECT, built, changed, codes_of, library, lowered, solved
from nestml_truenorth.__main__ import main
from nestml_truenorth.chip import binary, cpe, simulator, spikes, tnbm
from nestml_truenorth.chip.spikes import InputSpike
from test_refractory import COUNTER

TICKS = 60


@pytest.fixture
def program(tmp_path: Path) -> tuple[Path, list[InputSpike], list[spikes.OutputSpike]]:
    """A program file, input spikes for it, and what comes out."""
    network = random_network(4)
    path = tmp_path / "program.json"
    path.write_text(cpe.write(network))
    inputs = [s._replace(delay=1) for s in random_inputs(network, 5, TICKS)]
    inputs = sorted(set(inputs))
    found = simulator.outputs(network, simulator.run(network, inputs, TICKS).fired)
    assert len(found) > 20
    return path, inputs, sorted(found)


class TestSimulate:
    def test_text(
        self,
        program: tuple[Path, list[InputSpike], list[spikes.OutputSpike]],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        path, inputs, expected = program
        given = path.with_name("in.sfti")
        given.write_text(spikes.write_inputs(inputs))
        out = path.with_name("out.sfto")
        assert main(["simulate", str(path), str(given), "--ticks", str(TICKS), "-o", str(out)]) == 0
        assert list(spikes.read_outputs(out.read_text())) == expected
        assert f"{len(expected)} spikes in {TICKS} ticks" in capsys.readouterr().out

    def test_raw(self, program: tuple[Path, list[InputSpike], list[spikes.OutputSpike]]) -> None:
        path, inputs, expected = program
        given, out = path.with_name("in.sfri"), path.with_name("out.sfro")
        given.write_bytes(binary.write_raw_inputs(inputs))
        words = ["simulate", str(path), str(given), "--ticks", str(TICKS), "-o", str(out)]
        assert main([*words, "--encoding", "raw"]) == 0
        assert list(binary.read_raw_outputs(out.read_bytes())) == expected
        assert main([*words, "--all"]) == 0
        assert len(spikes.read_outputs(out.read_text())) > len(expected)

    def test_connectors(
        self, program: tuple[Path, list[InputSpike], list[spikes.OutputSpike]]
    ) -> None:
        path, inputs, expected = program
        pins = tuple(dict.fromkeys((s.core, s.axon) for s in inputs))
        connectors = (binary.Connector(7, "in", False, pins),)
        place = {pin: n for n, pin in enumerate(pins)}
        given, where = path.with_name("in.sfcp"), path.with_name("in.bin")
        events = [(s.time, 0, place[s.core, s.axon]) for s in inputs]
        given.write_bytes(binary.write_pins(events, connectors))
        where.write_bytes(binary.write_map(connectors))
        out = path.with_name("out.sfto")
        words = ["simulate", str(path), str(given), "--ticks", str(TICKS), "-o", str(out)]
        assert main(words) == 2, "a map is needed"
        assert main([*words, "--map", str(where)]) == 0
        assert list(spikes.read_outputs(out.read_text())) == expected

    def test_files_that_cannot_be_read(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["simulate", str(tmp_path / "none.json"), str(tmp_path / "none")]) == 2
        (tmp_path / "bad.json").write_text("{}")
        assert main(["simulate", str(tmp_path / "bad.json"), str(tmp_path / "bad.json")]) == 2
        assert "nestml_truenorth:" in capsys.readouterr().err


class TestVerify:
    def test_a_build_that_holds(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        built(library("pif_psc_delta"), tmp_path)
        assert main(["verify", str(tmp_path), "pif_psc_delta", "--ticks", "3000"]) == 0
        assert ", 0 differ" in capsys.readouterr().out

    def test_refractory_neurons(self, tmp_path: Path) -> None:
        text = changed(*COUNTER)
        built(solved(text), tmp_path)
        (tmp_path / "model.nestml").write_text(text)
        words = ["verify", str(tmp_path), str(tmp_path / "model.nestml"), "--ticks", "3000"]
        assert main(words) == 0
        program = tmp_path / "perfect.json"
        program.write_text(program.read_text().replace('"alpha":50', '"alpha":51'))
        assert main(words) == 1

    def test_an_approximation(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A wider tolerance than that of the build, or a smaller one, decides anew."""
        built(library("iaf_psc_delta"), tmp_path, strategy="linear", max_error=0.15)
        words = ["verify", str(tmp_path), "iaf_psc_delta", "--strategy", "linear"]
        assert main([*words, "--max-error", "0.15"]) == 0
        assert "12 chip neurons" in capsys.readouterr().out
        assert main([*words, "--max-error", "0.05"]) == 1
        assert main([*words, "--scale", "10"]) == 2, "not what was built"
        assert "TN304" in capsys.readouterr().err

    def test_nothing_there(self, tmp_path: Path) -> None:
        assert main(["verify", str(tmp_path), "pif_psc_delta"]) == 2
        assert main(["verify", str(tmp_path), "no_such_model"]) == 2


class TestForms:
    def test_all_that_can_hold_the_program(self, tmp_path: Path) -> None:
        built(solved(PERFECT), tmp_path, emit="corelet,maps,tnbm,sanafe")
        assert {p.name for p in tmp_path.iterdir()} >= {
            "perfect.m",
            "perfect.tnbm",
            "perfect.sanafe.json",
            "perfect_inpMap.bin",
            "perfect_outMap.bin",
        }
        network = cpe.read((tmp_path / "perfect.json").read_text())
        assert (tmp_path / "perfect.tnbm").read_bytes() == tnbm.write(network)
        (inputs,) = binary.read_map((tmp_path / "perfect_inpMap.bin").read_bytes())
        assert inputs == binary.Connector(1, "spikes", False, tuple((0, a) for a in range(256)))

    def test_ranc_takes_neurons_without_bound_at_zero(self, tmp_path: Path) -> None:
        built(solved(PERFECT), tmp_path, emit="ranc")
        assert (tmp_path / "perfect.ranc.json").exists()
        assert (tmp_path / "perfect.ranc.config.json").exists()

    def test_what_cannot_is_refused(self) -> None:
        text = changed(("V_min mV = 0 mV", "V_min mV = -10 mV"))
        value, said = lowered(text, emit="ranc")
        assert value is None
        assert codes_of(said) == ["TN210"]
        assert "kappa" in said[-1].message

    def test_unknown_forms(self) -> None:
        value, said = lowered(PERFECT, emit="corelet,paper")
        assert value is None
        assert codes_of(said) == ["TN204"]
