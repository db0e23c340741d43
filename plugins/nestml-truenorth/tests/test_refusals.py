"""What cannot be computed exactly is refused: with code, place, reason and a way out."""

from pathlib import Path
from typing import Any

import pytest
from models_under_test import (
    BACKEND,
    FIRE,
    FLOOR,
    PERFECT,
    Changes,
    built,
    changed,
    codes_of,
    library,
    lowered,
    on_chip,
    solved,
)
from nestml_truenorth.options import Options

from nestml_core.api import Experiment, Severity, render

THETA = ("        V_min mV = 0 mV\n", "        V_min mV = 0 mV\n        theta mV = 20 mV\n")
HANDLER = "    onReceive(spikes):\n        {}\n\n" + FLOOR


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iaf_psc_delta", [("TN101", "tau_m"), ("TN105", "I_stim")]),
        (
            "iaf_psc_exp",
            [
                ("TN101", "tau_m"),
                ("TN103", "I_syn_exc"),
                ("TN103", "I_syn_inh"),
                ("TN105", "I_stim"),
            ],
        ),
        (
            "izhikevich",
            [("TN102", "0.04 * V_m * V_m"), ("TN103", "U_m"), ("TN105", "I_stim")],
        ),
    ],
)
def test_library_models(name: str, expected: list[tuple[str, str]]) -> None:
    """All reasons at once, each where it stands in the model."""
    result = BACKEND.lower(library(name), Options())
    assert result.value is None
    assert [(d.code.id, d.span.text) for d in result.diagnostics] == expected
    assert all(d.help for d in result.diagnostics)


def test_an_exponential_leak_is_explained() -> None:
    found = BACKEND.lower(library("iaf_psc_delta"), Options()).diagnostics[0]
    assert found.span.source.line(found.span.line).strip().startswith("V_m' = -(V_m - E_L) / tau_m")
    assert "`-1 / tau_m * V_m` (-0.1 per ms)" in found.message
    assert "pif_psc_delta" in found.help
    assert "cpp, nest or lava" in found.help


REFUSED: dict[str, tuple[Changes, str, str]] = {
    "exponential leak": (
        [
            ("V_m' = -leak", "V_m' = -leak - V_m / tau"),
            ("V_th mV", "tau ms = 8 ms\n        V_th mV"),
        ],
        "TN101",
        "tau",
    ),
    "exponential growth": ([("V_m' = -leak", "V_m' = -leak + 0.5 * V_m / 1 ms")], "TN101", ""),
    "quadratic": (
        [("V_m' = -leak", "V_m' = -leak + V_m * V_m / (1 mV * 1 ms)")],
        "TN102",
        "V_m * V_m",
    ),
    "second equation": (
        [
            ("V_m mV = 0 mV\n", "V_m mV = 0 mV\n        w mV = 0 mV\n"),
            ("        V_m' = -leak", "        w' = -w / (3 ms)\n        V_m' = -leak"),
            ("integrate_odes(V_m)", "integrate_odes()"),
        ],
        "TN103",
        "w",
    ),
    "counter": (
        [
            ("V_m mV = 0 mV\n", "V_m mV = 0 mV\n        n integer = 0\n"),
            ("integrate_odes(V_m)", "integrate_odes(V_m)\n        n += 1"),
        ],
        "TN104",
        "n",
    ),
    "continuous input": (
        [("spikes <- spike\n", "spikes <- spike\n        I pA <- continuous\n")],
        "TN105",
        "I",
    ),
    "random": (
        [("integrate_odes(V_m)", "integrate_odes(V_m)\n        V_m += random_normal(0, 1) * 1 mV")],
        "TN106",
        "random_normal(0, 1)",
    ),
    "kernel": (
        [
            ("        V_m' = -leak", "        kernel K = exp(-t / (2 ms))\n        V_m' = -leak"),
            ("unit_psp * spikes", "unit_psp / 1 ms * convolve(K, spikes)"),
        ],
        "TN108",
        "spikes",
    ),
    "no spikes": ([(FIRE, ""), ("    output:\n        spike\n\n", "")], "TN109", ""),
    "threshold without a spike": (
        [(FIRE, "    onCondition(V_m >= V_th):\n        V_m = V_reset\n")],
        "TN115",
        "V_m >= V_th",
    ),
    "infinite threshold": ([("V_th mV = 50 mV", "V_th mV = inf * 1 mV")], "TN109", "V_m >= V_th"),
    "function": (
        [
            ("    input:", "    function f(x mV) mV:\n        return x\n\n    input:"),
            ("V_m = V_reset", "V_m = f(V_reset)"),
        ],
        "TN111",
        "function f(x mV) mV:",
    ),
    "local variable": (
        [("integrate_odes(V_m)", "integrate_odes(V_m)\n        x mV = 3 mV")],
        "TN111",
        "x mV = 3 mV",
    ),
    "message": (
        [("        V_m = V_reset\n", '        V_m = V_reset\n        print("spike")\n')],
        "TN111",
        'print("spike")',
    ),
    "loop": (
        [
            (
                "        integrate_odes(V_m)\n",
                "        integrate_odes(V_m)\n        while V_m > 70 mV:\n"
                "            V_m -= 70 mV\n",
            )
        ],
        "TN111",
        "while V_m > 70 mV:",
    ),
    "upper bound by min": (
        [("integrate_odes(V_m)", "integrate_odes(V_m)\n        V_m = min(V_m, 60 mV)")],
        "TN111",
        "V_m = min(V_m, 60 mV)",
    ),
    "decay by hand": (
        [("integrate_odes(V_m)", "integrate_odes(V_m)\n        V_m = 0.5 * V_m")],
        "TN111",
        "V_m = 0.5 * V_m",
    ),
    "branches": (
        [
            (
                "        integrate_odes(V_m)\n",
                "        if V_m > 3 mV:\n            integrate_odes(V_m)\n"
                "        else:\n            V_m += 1 mV\n",
            )
        ],
        "TN111",
        "if V_m > 3 mV:",
    ),
    "two spikes": (
        [("        emit_spike()\n", "        emit_spike()\n        emit_spike()\n")],
        "TN111",
        "V_m >= V_th",
    ),
    "input behind the bound": (
        [
            (" + unit_psp * spikes", ""),
            ("integrate_odes(V_m)", "integrate_odes(V_m)\n        V_m = max(V_m, V_min)"),
            (FLOOR, HANDLER.format("V_m += 1 mV * spikes * 1 s")),
        ],
        "TN112",
        "V_m += 1 mV * spikes * 1 s",
    ),
    "input behind the threshold": (
        [
            (" + unit_psp * spikes", ""),
            (FIRE, ""),
            (
                "        integrate_odes(V_m)\n",
                "        integrate_odes(V_m)\n        if V_m >= V_th:\n"
                "            V_m = V_reset\n            emit_spike()\n",
            ),
            (FLOOR, HANDLER.format("V_m += 1 mV * spikes * 1 s")),
        ],
        "TN112",
        "V_m += 1 mV * spikes * 1 s",
    ),
    "bound before the flow": (
        [
            (
                "        integrate_odes(V_m)",
                "        V_m = max(V_m, V_min)\n        integrate_odes(V_m)",
            )
        ],
        "TN112",
        "-leak",
    ),
    "two thresholds": ([(FIRE, FIRE + "\n" + FIRE)], "TN112", "V_m >= V_th"),
    "spike below a limit": ([("V_m >= V_th", "V_m <= V_th")], "TN113", "V_m <= V_th"),
    "condition on an input": (
        [("V_m >= V_th", "V_m + 1 mV * spikes * 1 s >= V_th")],
        "TN113",
        "V_m + 1 mV * spikes * 1 s >= V_th",
    ),
    "condition of two parts": (
        [("V_m >= V_th", "V_m >= V_th and V_th > 0 mV")],
        "TN113",
        "V_m >= V_th and V_th > 0 mV",
    ),
    "condition on a square": (
        [("V_m >= V_th", "V_m * V_m >= V_th * V_th")],
        "TN205",
        "V_m * V_m",
    ),
    "spike in every step": (
        [("integrate_odes(V_m)", "integrate_odes(V_m)\n        emit_spike()")],
        "TN113",
        "emit_spike()",
    ),
    "no reset": ([("        V_m = V_reset\n", "")], "TN114", "V_m >= V_th"),
    "reset upwards": ([("V_m = V_reset", "V_m += 3 mV")], "TN114", "V_m >= V_th"),
    "reset to a half": ([("V_m = V_reset", "V_m = V_m / 2")], "TN114", "V_m >= V_th"),
    "reset with inputs": (
        [("V_m = V_reset", "V_m = V_reset + 1 mV * spikes * 1 s")],
        "TN114",
        "V_m = V_reset + 1 mV * spikes * 1 s",
    ),
    "reset that cannot be stored": (
        [
            ("V_th mV = 50 mV", "V_th mV = 1 mV"),
            ("V_reset mV = 0 mV", "V_reset mV = -9 mV"),
        ],
        "TN114",
        "V_m >= V_th",
    ),
    "bound with a jump": ([("V_m = V_min", "V_m = V_min + 1 mV")], "TN115", "V_m < V_min"),
    "upper bound": (
        [("V_m < V_min", "V_m > 40 mV"), ("V_m = V_min", "V_m = 40 mV")],
        "TN115",
        "V_m > 40 mV",
    ),
    "bound at the threshold": (
        [("V_min mV = 0 mV", "V_min mV = 50 mV"), ("V_m mV = 0 mV", "V_m mV = 50 mV")],
        "TN115",
        "V_m < V_min",
    ),
    "bound above the threshold": (
        [
            ("V_min mV = 0 mV", "V_min mV = 51 mV"),
            (FLOOR, ""),
            (FIRE, FIRE + "\n" + FLOOR),
        ],
        "TN115",
        "V_m < V_min",
    ),
    "bound above what is left": (
        [THETA, ("V_m = V_reset", "V_m -= theta"), ("V_min mV = 0 mV", "V_min mV = 31 mV")],
        "TN115",
        "V_m < V_min",
    ),
    "empty bound": (
        [("        V_m = V_min\n", "        V_m = V_min\n        V_m = 3 mV\n")],
        "TN115",
        "V_m < V_min",
    ),
    "spikes that scale with the potential": (
        [
            (" + unit_psp * spikes", ""),
            (FLOOR, HANDLER.format("V_m += 0.1 * V_m * spikes * 1 s")),
        ],
        "TN116",
        "V_m += 0.1 * V_m * spikes * 1 s",
    ),
    "a constant for each event": (
        [(FLOOR, HANDLER.format("V_m += 1 mV"))],
        "TN116",
        "V_m += 1 mV",
    ),
    "another port in a handler": (
        [
            ("        spikes <- spike\n", "        spikes <- spike\n        others <- spike\n"),
            (FLOOR, HANDLER.format("V_m += 1 mV * others * 1 s")),
        ],
        "TN116",
        "V_m += 1 mV * others * 1 s",
    ),
    "recordable of a square": (
        [
            (
                "        V_m' = -leak",
                "        recordable inline power real = V_m * V_m / (1 mV * 1 mV)\n"
                "        V_m' = -leak",
            )
        ],
        "TN117",
        "V_m * V_m",
    ),
    "recordable of an input": (
        [
            (
                "        V_m' = -leak",
                "        recordable inline both mV = V_m + 1 mV * spikes * 1 s\n"
                "        V_m' = -leak",
            )
        ],
        "TN117",
        "V_m + 1 mV * spikes * 1 s",
    ),
    "fast leak": ([("leak mV/ms = 1 mV/ms", "leak mV/ms = 300 mV/ms")], "TN202", "-leak"),
    "fine constants": (
        [("leak mV/ms = 1 mV/ms", "leak mV/ms = 0.0001 mV/ms")],
        "TN202",
        "V_m >= V_th",
    ),
    "start at the threshold": ([("V_m mV = 0 mV", "V_m mV = 50 mV")], "TN203", "50 mV"),
    "start below the bound": ([("V_m mV = 0 mV", "V_m mV = -1 mV")], "TN203", "-1 mV"),
    "irrational constant": (
        [("V_th mV = 50 mV", "V_th mV = 50 mV * exp(-1)")],
        "TN205",
        "exp(-1)",
    ),
    "infinite leak": ([("leak mV/ms = 1 mV/ms", "leak mV/ms = inf * 1 mV/ms")], "TN205", "-leak"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str) -> None:
    changes, code, place = REFUSED[what]
    value, diagnostics = lowered(changed(*changes))
    errors = [d for d in diagnostics if d.is_error]
    shown = "\n".join(render(d) for d in diagnostics)
    assert value is None, "it was accepted"
    assert codes_of(errors) == [code], shown
    assert errors[0].help, shown
    assert errors[0].span.source.name.endswith(".nestml"), shown
    assert not place or errors[0].span.text.strip() == place, shown


def test_a_synapse_is_refused() -> None:
    text = (
        "model passes_on:\n    parameters:\n        w real = 2\n\n    input:\n"
        "        pre <- spike\n\n    output:\n        spike\n\n"
        "    onReceive(pre):\n        emit_spike(w)\n"
    )
    value, diagnostics = lowered(text)
    assert value is None
    assert codes_of(diagnostics) == ["TN107"]
    assert "plasticity" in diagnostics[0].message


def test_a_guard_of_the_model_is_kept(tmp_path: Path) -> None:
    text = changed(("leak mV/ms = 1 mV/ms", "leak mV/ms = 1 mV/ms [[ leak >= 0 mV/ms ]]"))
    artifact = built(solved(text), tmp_path)
    ran = on_chip(artifact, Experiment(duration=5, dt=1.0, parameters={"leak": -1.0}))
    assert ran.value is None
    assert "leak" in ran.diagnostics[0].message


class TestNumbers:
    def test_a_scale_that_does_not_fit_names_one_that_does(self) -> None:
        text = changed(("V_th mV = 50 mV", "V_th mV = 50.75 mV"))
        value, diagnostics = lowered(text, scale="10")
        assert value is None
        assert codes_of(diagnostics) == ["TN201"]
        assert "507.5 counts" in diagnostics[0].message
        assert "scale=4 " in diagnostics[0].help
        assert lowered(text, scale="4")[0] is not None
        assert lowered(text, scale="12")[0] is not None

    def test_every_constant_that_does_not_fit_is_named(self) -> None:
        text = changed(
            ("V_th mV = 50 mV", "V_th mV = 50.5 mV"),
            ("leak mV/ms = 1 mV/ms", "leak mV/ms = 1.5 mV/ms"),
            ("unit_psp mV = 1 mV", "unit_psp mV = 2.5 mV"),
        )
        _, diagnostics = lowered(text, scale="1")
        assert codes_of(diagnostics) == ["TN201"] * 3
        assert [d.span.text for d in diagnostics] == ["-leak", "V_m >= V_th", "spikes"]

    @pytest.mark.parametrize(
        ("changes", "scale"),
        [
            ([], "1"),
            ([("leak mV/ms = 1 mV/ms", "leak mV/ms = 0.1 mV/ms")], "10"),
            (
                [
                    ("leak mV/ms = 1 mV/ms", "leak mV/ms = 10 mV/ms"),
                    ("unit_psp mV = 1 mV", "unit_psp mV = 5 mV"),
                ],
                "1/5",
            ),
            ([("V_th mV = 50 mV", "V_th mV = 50 mV / 3")], "3"),
        ],
    )
    def test_automatic_scale_is_the_coarsest(self, changes: Changes, scale: str) -> None:
        value, _ = lowered(changed(*changes))
        assert value is not None
        assert str(value.neurons[0].scale) == scale

    def test_weights_must_be_whole_counts(self) -> None:
        assert codes_of(lowered(PERFECT, scale="1", weights="0.5")[1]) == ["TN201"]
        assert lowered(PERFECT, weights="0.5")[0].neurons[0].scale == 2

    def test_weights_must_fit_an_axon(self) -> None:
        assert lowered(PERFECT, weights="1,255")[0] is not None
        value, diagnostics = lowered(PERFECT, weights="1,256")
        assert value is None
        assert codes_of(diagnostics) == ["TN202"]
        assert "256 counts" in diagnostics[0].message

    def test_four_axon_types_for_all_ports(self) -> None:
        ports = changed(
            ("        spikes <- spike\n", "        spikes <- spike\n        others <- spike\n"),
            ("unit_psp * spikes", "unit_psp * spikes + 3 * unit_psp * others"),
        )
        assert lowered(ports, weights="1,-1")[0] is not None
        value, diagnostics = lowered(ports, weights="1,2,5")
        assert value is None
        assert "6 different numbers of counts" in diagnostics[0].message

    def test_no_bound_is_warned_of(self) -> None:
        value, diagnostics = lowered(changed((FLOOR, "")))
        assert value is not None
        assert codes_of(diagnostics) == ["TN206"]
        assert diagnostics[0].code.severity is Severity.WARNING
        assert "no lower bound" in diagnostics[0].message

    def test_input_beyond_a_subtracted_threshold_is_warned_of(self) -> None:
        text = changed(THETA, ("V_m = V_reset", "V_m -= theta"))
        assert codes_of(lowered(text)[1]) == ["TN206"]
        assert not lowered(text, weights="0.0625,-0.0625")[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tick": 0.0}, "tick=0.0"),
        ({"tick": -1.0}, "tick=-1.0"),
        ({"tick": float("inf")}, "tick=inf"),
        ({"scale": "0"}, "scale=0"),
        ({"scale": "-2"}, "scale=-2"),
        ({"scale": "fine"}, "scale=fine"),
        ({"scale": "1/0"}, "scale=1/0"),
        ({"weights": ""}, "weights="),
        ({"weights": "1,1"}, "weights=1,1"),
        ({"weights": "1,0"}, "weights=1,0"),
        ({"weights": "1,2,3,4,5"}, "weights=1,2,3,4,5"),
        ({"weights": "1;2"}, "weights=1;2"),
        ({"rng_seed": 0}, "rng_seed=0"),
        ({"rng_seed": 2**32}, "rng_seed=4294967296"),
        ({"ticks": 0}, "ticks=0"),
    ],
)
def test_impossible_options(options: dict[str, Any], message: str) -> None:
    value, diagnostics = lowered(PERFECT, **options)
    assert value is None
    assert codes_of(diagnostics) == ["TN204"]
    assert message in diagnostics[0].message
    assert diagnostics[0].help


class TestExperiments:
    def refusal(self, folder: Path, experiment: Experiment, text: str = PERFECT) -> str:
        ran = on_chip(built(solved(text), folder), experiment)
        assert ran.value is None
        (found,) = ran.diagnostics
        assert found.help
        return f"{found.code.id}: {found.message}. {found.help}"

    def test_another_step(self, tmp_path: Path) -> None:
        refusal = self.refusal(tmp_path, Experiment(duration=10, dt=0.1))
        assert refusal.startswith("TN301: the experiment has steps of 0.1 ms")
        assert "dt=1, or build with tick=0.1" in refusal

    def test_a_weight_between_counts(self, tmp_path: Path) -> None:
        spikes = {"spikes": [(2.0, 3.0), (4.0, 2.5)]}
        refusal = self.refusal(tmp_path, Experiment(duration=10, dt=1.0, spikes=spikes))
        assert refusal.startswith("TN302: `perfect`: the spikes due at 4 ms come to 2.5 counts")
        assert "scale 2 times as large" in refusal

    def test_halves_that_add_up_are_possible(self, tmp_path: Path) -> None:
        spikes = {"spikes": [(2.0, 0.5), (2.0, 1.5)]}
        ran = on_chip(
            built(solved(PERFECT), tmp_path), Experiment(duration=3, dt=1.0, spikes=spikes)
        )
        assert ran.value is not None
        assert ran.value["V_m"].tolist() == [0, 1, 0]

    def test_more_than_all_axons_deliver(self, tmp_path: Path) -> None:
        spikes = {"spikes": [(3.0, 4160.0), (5.0, 4161.0)]}
        refusal = self.refusal(tmp_path, Experiment(duration=10, dt=1.0, spikes=spikes))
        assert refusal.startswith("TN302: `perfect`: the spikes due at 5 ms come to 4161 counts")
        assert "-4160 to 4160" in refusal

    def test_what_offered_weights_do_not_add_up_to(self, tmp_path: Path) -> None:
        spikes = {"spikes": [(3.0, 10.0), (5.0, 1.0)]}
        artifact = built(solved(PERFECT), tmp_path, weights="5,10")
        ran = on_chip(artifact, Experiment(duration=10, dt=1.0, spikes=spikes))
        assert codes_of(ran.errors) == ["TN302"]
        assert "due at 5 ms" in ran.errors[0].message

    def test_falling_out_of_the_range(self, tmp_path: Path) -> None:
        spikes = {"spikes": [(float(t), -4000.0) for t in range(1, 100)]}
        experiment = Experiment(duration=100, dt=1.0, spikes=spikes)
        refusal = self.refusal(tmp_path, experiment, changed((FLOOR, "")))
        assert refusal.startswith("TN303")
        assert "lower bound" in refusal

    def test_growing_out_of_the_range(self, tmp_path: Path) -> None:
        text = changed(THETA, ("V_m = V_reset", "V_m -= theta"))
        spikes = {"spikes": [(float(t), 4000.0) for t in range(1, 100)]}
        experiment = Experiment(duration=100, dt=1.0, spikes=spikes)
        assert self.refusal(tmp_path, experiment, text).startswith("TN303")

    def test_settings_that_do_not_fit(self, tmp_path: Path) -> None:
        artifact = built(solved(PERFECT), tmp_path)
        for settings, code in (
            ({"parameters": {"V_min": 60.0}}, "TN115"),
            ({"parameters": {"leak": 300.0}}, "TN202"),
            ({"initial": {"V_m": 50.0}}, "TN203"),
            ({"parameters": {"leak": float("inf")}}, "TN205"),
        ):
            ran = on_chip(artifact, Experiment(duration=5, dt=1.0, **settings))
            assert ran.value is None
            assert codes_of(ran.errors) == [code]
