"""The command line, as a process: output, exit codes, what it imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MISTAKES = """model m:
    parameters:
        E_L mV = -70 mV
        C_m pF = 250 pF
    state
        V_m mV = E_l
    equations:
        V_m' = -(V_m - E_L) / 10 ms + 1 mV / C_m
    update:
        integrate_odes()
"""


def nestml(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nestml_core.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=120,
    )


def imported(*arguments: str) -> set[str]:
    """Return the names of all modules that a command has imported when it ends."""
    code = (
        "import sys\n"
        "from nestml_core.cli import main\n"
        "try:\n"
        f"    main({list(arguments)!r})\n"
        "except SystemExit:\n"
        "    sys.stdout.flush()\n"
        "print('IMPORTED', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.rpartition("IMPORTED ")[2].split())


def test_help_imports_nothing_heavy() -> None:
    heavy = {"sympy", "pint", "numpy", "scipy", "textx", "jinja2", "pluggy", "matplotlib"}
    assert not heavy & imported("--help")


def test_check_imports_only_the_parser() -> None:
    modules = imported("check", "iaf_psc_exp")
    assert not {"sympy", "pint", "numpy", "scipy", "jinja2", "pluggy", "matplotlib"} & modules
    assert "textx" in modules


def test_check_reports_everything_and_writes_nothing(tmp_path: Path) -> None:
    model = tmp_path / "m.nestml"
    model.write_text(MISTAKES)
    done = nestml("check", "m.nestml", cwd=tmp_path)
    assert done.returncode == 1
    assert "m.nestml:5:10: error[NML011]" in done.stderr
    assert "m.nestml:6:18: error[NML101]: `E_l` is not defined in `m`" in done.stderr
    assert "help: did you mean `E_L`?" in done.stderr
    assert "m.nestml:8:16: error[NML202]" in done.stderr
    assert "3 errors" in done.stderr
    assert done.stderr.count("^") >= 3
    assert [p.name for p in tmp_path.iterdir()] == ["m.nestml"]


def test_check_prints_json(tmp_path: Path) -> None:
    (tmp_path / "m.nestml").write_text(MISTAKES)
    done = nestml("check", "--json", "m.nestml", cwd=tmp_path)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert [d["code"] for d in found] == ["NML011", "NML101", "NML202"]
    assert (found[1]["line"], found[1]["column"], found[1]["endColumn"]) == (6, 18, 21)


def test_problems_of_several_files_come_together(tmp_path: Path) -> None:
    (tmp_path / "a.nestml").write_text("model a:\n    state:\n        x real = y\n")
    (tmp_path / "b.nestml").write_text("model a:\n    state:\n        x real = z\n")
    done = nestml("check", ".", cwd=tmp_path)
    assert "`y` is not defined" in done.stderr
    assert "`z` is not defined" in done.stderr


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.nestml").write_text("model m:\n    state:\n        x real = 0\n")
    done = nestml("check", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert "b.nestml:1:7: error[NML112]" in done.stderr
    assert "note: a.nestml:1:7" in done.stderr


def test_two_models_of_one_name_are_refused_beside_other_errors(tmp_path: Path) -> None:
    (tmp_path / "a.nestml").write_text("model m:\n    state:\n        x real = y\n")
    (tmp_path / "b.nestml").write_text("model m:\n    state:\n        x real = 0\n")
    done = nestml("check", "--json", "--no-hints", ".", cwd=tmp_path)
    assert [d["code"] for d in json.loads(done.stdout)] == ["NML101", "NML112"]


def test_what_is_there_is_checked_beside_what_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.nestml").write_text("model m:\n    state:\n        x real = y\n")
    done = nestml("check", "--json", "a.nestml", "b.nestml", cwd=tmp_path)
    assert [d["code"] for d in json.loads(done.stdout)] == ["NML910", "NML101"]
    assert done.returncode == 1


@pytest.mark.parametrize("name", ["../../x", "no_such_model", "iaf_psc_alpa"])
def test_a_model_that_is_not_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    done = nestml("check", name, cwd=tmp_path / "a" / "b")
    assert done.returncode == 1
    assert "error[NML910]" in done.stderr


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "m.nestml").write_bytes(b"model m:\xff\xfe\x00")
    done = nestml("check", "m.nestml", cwd=tmp_path)
    assert done.returncode == 1
    assert "error[NML911]" in done.stderr


def test_inspect_shows_propagators_and_reasons() -> None:
    done = nestml("inspect", "iaf_psc_exp", "izhikevich")
    assert done.returncode == 0
    assert "P_V_m_I_syn_exc = expdd(dt, -1 / tau_m, -1 / tau_syn_exc) / C_m" in done.stdout
    assert "the equation of `V_m` is not linear with constant coefficients" in done.stdout


def test_every_integrator_can_be_asked_for() -> None:
    from nestml_core.cli.arguments import INTEGRATORS
    from nestml_core.solved import Method

    assert set(INTEGRATORS) == {"auto", *(m.value for m in Method)}
    done = nestml("inspect", "izhikevich", "--integrator", "rush_larsen")
    assert "by one Rush-Larsen step, as asked for" in done.stdout
    done = nestml("inspect", "izhikevich")
    assert "not stiff: the largest rate is" in done.stdout
    assert "error: at most 1e-09 |x| + 1e-09 in an internal step" in done.stdout


def test_inspect_json_round_trips() -> None:
    from nestml_core.interchange import from_json, to_json
    from nestml_core.pipeline import compile_files

    done = nestml("inspect", "--json", "iaf_psc_exp")
    data = json.loads(done.stdout)
    assert from_json(data) == compile_files(["iaf_psc_exp"]).value
    assert to_json(from_json(data))["program"] == data["program"]


def test_run_prints_spikes_and_writes_files(tmp_path: Path) -> None:
    done = nestml(
        *("run", "iaf_psc_exp", "--backend", "reference", "--set", "I_e=0.5nA"),
        *("--duration", "50ms", "--plot", "v.png", "--csv", "v.csv"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "3 spikes at (ms): 13.9, 29.8, 45.7" in done.stdout
    assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")
    assert len((tmp_path / "v.csv").read_text().splitlines()) == 501


def test_what_cannot_be_written_is_said_in_a_line(tmp_path: Path) -> None:
    run = ("run", "iaf_psc_exp", "--backend", "reference", "--duration", "1ms")
    done = nestml(*run, "--csv", "nowhere/v.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "nestml: nowhere/v.csv: No such file or directory\n"
    done = nestml(*run, "--plot", "v.xyz", cwd=tmp_path)
    assert done.returncode == 2
    assert "v.xyz: a figure is written as .png, .pdf, .svg" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_run_takes_spikes_and_currents_from_files(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("time,weight\n10,5000\n")
    (tmp_path / "i.csv").write_text("0,0\n20,600\n")
    done = nestml(
        *("run", "iaf_psc_exp", "--backend", "reference", "--duration", "40"),
        *("--spikes", "exc_spikes=s.csv", "--current", "I_stim=i.csv"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    times = [float(t) for t in done.stdout.partition("(ms): ")[2].split("\n")[0].split(",")]
    assert 10 < times[0] < 12
    assert times[-1] > 25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "I_x=1"), "has no parameter `I_x`"),
        (("--set", "I_e=1mV"), "is not in pA or a multiple of it"),
        (("--set", "tau_m=-1"), "tau_m > 0 ms"),
        (("--spikes", "foo=1"), "has no spike port `foo`"),
        (("--record", "V"), "has no recordable `V`"),
        (("--dt", "0"), "dt above 0"),
    ],
)
def test_a_bad_experiment_is_explained(arguments: tuple[str, str], message: str) -> None:
    done = nestml("run", "iaf_psc_exp", "--backend", "reference", "--duration", "1", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_usage_errors() -> None:
    assert nestml("frobnicate").returncode == 2
    assert nestml("check").returncode == 2
    assert nestml("run", "iaf_psc_exp", "--set", "I_e").returncode == 2
    unknown = nestml("run", "iaf_psc_exp", "--frobnicate")
    assert unknown.returncode == 2
    assert "--frobnicate" in unknown.stderr


def test_an_unknown_backend_is_an_error() -> None:
    done = nestml("build", "iaf_psc_exp", "--backend", "nosuch")
    assert done.returncode == 1
    assert "there is no backend `nosuch`" in done.stderr


OLD = """model m:
    parameters:
        a mV**2 = 3 mV ** 2
        b real = a / mV**2
    state:
        x real = b
    output:
        spike
    update:
        x += 1
        if x > 5:
            emit_spike()
"""


def test_strict_counts_warnings_as_errors(tmp_path: Path) -> None:
    path = tmp_path / "m.nestml"
    path.write_text(OLD)
    lax, strict = nestml("check", str(path)), nestml("check", "--strict", str(path))
    assert "warning[NML107]" in lax.stderr
    assert (lax.returncode, strict.returncode) == (0, 1)
    assert "no errors" not in strict.stdout
    path.write_text(OLD.replace("a / mV**2", "a / 1 mV**2").replace("3 mV ** 2", "3 mV**2"))
    assert nestml("check", "--strict", str(path)).returncode == 0


@pytest.mark.parametrize(("dialect", "value"), [("9.0", 3.0), ("8", 9.0)])
def test_the_dialect_decides_what_a_power_behind_a_unit_means(
    tmp_path: Path, dialect: str, value: float
) -> None:
    path = tmp_path / "m.nestml"
    path.write_text(OLD)
    command = ("run", "--dialect", dialect, "--duration", "1ms", "--dt", "1ms", "--csv")
    done = nestml(*command, str(tmp_path / "x.csv"), "--backend", "reference", str(path))
    assert done.returncode == 0, done.stderr
    last = (tmp_path / "x.csv").read_text().splitlines()[-1]
    assert last.split(",")[1] == str(value + 1)


def test_another_dialect_is_refused() -> None:
    assert nestml("check", "--dialect", "7", "izhikevich").returncode == 2
