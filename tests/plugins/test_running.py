"""Building, running and comparing with an installed third-party backend; the cache of builds."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nestml_core
from nestml_core import builds
from nestml_core.building import pairs_of
from nestml_core.comparing import compare
from nestml_core.experiment import Experiment
from nestml_core.experiments import f_i_curve
from nestml_core.loading import load
from nestml_core.pipeline import compile_files, generate, write_files
from nestml_core.problems import ModelError
from nestml_core.running import backend_named
from nestml_core.solved import Pair, Reading, SolvedProgram

pytestmark = pytest.mark.usefixtures("installed", "cache")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def build_of(name: str, **options: Any) -> builds.Build:
    model, backend = load(name).solved, backend_named("echo")
    program, chosen = SolvedProgram((model,)), backend.options(**options)
    files = generate(program, backend, chosen).value
    assert files is not None
    return builds.Build(backend, program, chosen, files)


def records(cache: Path) -> list[Path]:
    return sorted((cache / "nestml" / "echo").glob("*.json"))


def folders(cache: Path) -> list[Path]:
    return sorted(p for p in (cache / "nestml" / "echo").iterdir() if p.is_dir())


def test_running_on_it() -> None:
    model = load("iaf_psc_exp")
    stimulus = {"exc_spikes": [(t / 10, 900.0) for t in range(10, 900, 25)]}
    run = model.simulate(100, 0.1, spikes=stimulus, backend="echo")
    same = model.simulate(100, 0.1, spikes=stimulus, backend="reference")
    assert run.backend == "echo"
    assert run.spike_steps.tolist() == same.spike_steps.tolist()
    assert len(run.spikes) > 2
    assert run["V_m"] == pytest.approx(same["V_m"], rel=1e-12)
    assert run.units["V_m"] == "mV"


def test_comparing_it() -> None:
    experiment = Experiment(50, 0.1, currents={"I_stim": 500.0})
    comparison = compare("iaf_psc_exp", experiment, ["reference", "echo"])
    assert comparison.agrees
    assert comparison.rows[1].differences["V_m"] < 1e-11
    assert comparison.table().splitlines()[2].startswith("echo")
    assert "echo" in compare("iaf_psc_exp", experiment).runs


def test_options_behind_a_colon_make_a_row_of_their_own() -> None:
    rows = compare(
        "izhikevich",
        Experiment(5),
        [
            "reference",
            "reference:accurate=yes",
            "reference:accurate=perhaps",
            "echo:nothing",
            "echo:other=1",
        ],
    ).rows
    assert [r.backend for r in rows[:2]] == ["reference", "reference:accurate=yes"]
    assert 0 < rows[1].differences["V_m"] < 1e-6
    assert "`accurate` of `reference`: `perhaps` is no bool" in rows[2].problem
    assert "`nothing` in `echo:nothing`" in rows[3].problem
    assert "`echo` has no option `other`" in rows[4].problem


def test_networks_are_for_backends_that_run_them() -> None:
    net = nestml_core.Network(dt=0.1)
    net.create("iaf_psc_delta", 2)
    with pytest.raises(ModelError, match=r"NML966.*does not run networks"):
        net.run(1, backend="echo")


def test_what_it_cannot_run_is_a_row_that_says_so() -> None:
    comparison = compare("izhikevich", Experiment(1), ["reference", "echo"])
    assert list(comparison.runs) == ["reference"]
    assert "`izhikevich` needs nonlinear equations" in comparison.rows[1].problem
    with pytest.raises(ModelError, match=r"izhikevich.nestml:\d+:\d+: error\[ECHO001\]"):
        load("izhikevich").simulate(1, backend="echo")


def test_building(tmp_path: Path) -> None:
    output = tmp_path / "out"
    built = nestml_core.build("iaf_psc_exp", "echo", output, suffix="_copy")
    assert built.files == (output / "iaf_psc_exp_copy.py",)
    text = built.files[0].read_text(encoding="utf-8")
    assert "class iaf_psc_exp_copy:" in text
    assert "__slots__" not in text
    assert built.artifact is None
    both = nestml_core.build(["iaf_psc_exp", "iaf_psc_delta"], "echo", output, slots=True)
    assert [p.name for p in both.files] == ["iaf_psc_exp.py", "iaf_psc_delta.py"]
    assert "__slots__" in both.files[0].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"slotz": True}, "`echo` has no option `slotz`\nhelp: did you mean `slots`?"),
        ({"suffix": "-x"}, "`-x` cannot be the end of a name"),
        ({"pairs": ["iaf_psc_exp"]}, "is not a pair of models"),
        ({"pairs": ["iaf_psc_exp+no"]}, "`no` is not among the models"),
        ({"pairs": ["iaf_psc_exp(a=b)+iaf_psc_exp"]}, "the neuron has no ports to see itself with"),
        *(
            ({"pairs": [f"iaf_psc_exp+iaf_psc_exp{sees}"]}, f"`{sees}` does not say which port")
            for sees in ("()", "(V", "(V)", "(V=)", "(=V_m)", "(V=V_m", "(V=V_m)x", "(V=V_m=3)")
        ),
        *(
            ({"pairs": [f"iaf_psc_exp+iaf_psc_exp{sees}"]}, f"`{sees}` does not say which port")
            for sees in ("(V=V_m,)", "((V=V_m))", "(V=-65)", "(V V=V_m)")
        ),
        ({"pairs": ["iaf_psc_exp+iaf_psc_exp(V=V_m, V=w)"]}, "`V` is to see two things"),
    ],
)
def test_mistakes_in_a_build(keywords: dict[str, Any], text: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        nestml_core.build("iaf_psc_exp", "echo", tmp_path / "out", **keywords)
    assert text in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_pairs_say_what_ports_see(tmp_path: Path) -> None:
    models = ["aeif_psc_delta_clopath", "clopath", "stdsp"]
    texts = [
        "aeif_psc_delta_clopath + clopath(V = V_m) + stdsp ( dAP_trace=w, n$=g' )",
        "aeif_psc_delta_clopath+stdsp",
    ]
    program = compile_files(models).value
    assert program is not None
    assert pairs_of(texts, program) == (
        Pair(models[0], "clopath", (Reading("V", "V_m"),)),
        Pair(models[0], "stdsp", (Reading("dAP_trace", "w"), Reading("n$", "g'"))),
        Pair(models[0], "stdsp"),
    )


def test_a_backend_of_a_broken_plugin_is_explained() -> None:
    with pytest.raises(ModelError, match=r"nestml-broken 0\.3\.0 is broken: SystemExit"):
        backend_named("ecko")
    with pytest.raises(ModelError, match="did you mean `echo`"):
        backend_named("ecko")


# The cache


def test_a_build_is_made_once(cache: Path) -> None:
    written: list[Path] = []

    def write(files: Any, directory: Path) -> Any:
        written.append(directory)
        return write_files(files, directory)

    first = builds.compiled(build_of("iaf_psc_exp"), write).value
    again = builds.compiled(build_of("iaf_psc_exp"), write).value
    assert first is not None
    assert again is not None
    assert first.directory == again.directory
    assert len(written) == 1
    other = builds.compiled(build_of("iaf_psc_exp", slots=True), write).value
    assert other is not None
    assert other.directory != first.directory
    assert len(records(cache)) == 2
    assert cache.stat().st_uid == os.getuid()
    assert oct((cache / "nestml" / "echo").stat().st_mode)[-3:] == "700"


def test_a_build_that_was_deleted_is_made_again(cache: Path) -> None:
    first = builds.compiled(build_of("iaf_psc_exp"), write_files).value
    assert first is not None
    for path in first.directory.iterdir():
        path.unlink()
    first.directory.rmdir()
    again = builds.compiled(build_of("iaf_psc_exp"), write_files).value
    assert again is not None
    assert (again.directory / "iaf_psc_exp.py").exists()


def test_a_spoilt_record_is_replaced(cache: Path) -> None:
    builds.compiled(build_of("iaf_psc_exp"), write_files)
    (record,) = records(cache)
    record.write_text('{"directory": 3', encoding="utf-8")
    assert builds.compiled(build_of("iaf_psc_exp"), write_files).value is not None
    assert records(cache) == [record]


def test_many_at_the_same_time(cache: Path) -> None:
    build = build_of("iaf_psc_exp")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: builds.compiled(build, write_files).value, range(24)))
    assert all(a is not None and (a.directory / "iaf_psc_exp.py").exists() for a in made)
    assert len(records(cache)) == 1
    assert not list((cache / "nestml" / "echo").glob("*.new"))


def test_what_was_not_used_for_long_is_forgotten(cache: Path) -> None:
    old = builds.compiled(build_of("iaf_psc_exp"), write_files).value
    assert old is not None
    (record,) = records(cache)
    long_ago = time.time() - (builds.UNUSED_DAYS + 1) * 86400
    for path in (old.directory, record):
        os.utime(path, (long_ago, long_ago))
    builds.compiled(build_of("iaf_psc_exp"), write_files)
    assert old.directory.exists(), "using it makes it young again"
    for path in (old.directory, record):
        os.utime(path, (long_ago, long_ago))
    builds.compiled(build_of("iaf_psc_delta"), write_files)
    assert not old.directory.exists()
    assert not record.exists()
    assert len(folders(cache)) == 1


def test_without_a_cache_a_build_is_temporary(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    made = builds.compiled(build_of("iaf_psc_exp"), write_files).value
    assert made is not None
    assert (made.directory / "iaf_psc_exp.py").exists()


def test_a_build_that_fails_leaves_nothing(cache: Path) -> None:
    def refuse(files: Any, directory: Path) -> Any:
        return write_files({"../x": ""}, directory)

    assert builds.compiled(build_of("iaf_psc_exp"), refuse).value is None
    assert folders(cache) == []
    assert records(cache) == []


def test_many_runs_compile_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An f-I curve has a run for each current, and one program for all of them."""
    made: list[str] = []
    compiled = builds.compiled

    def counted(build: builds.Build, write: builds.Write) -> Any:
        made.append(build.key)
        return compiled(build, write)

    monkeypatch.setattr(builds, "compiled", counted)
    currents = [300.0, 400.0, 500.0, 600.0]
    for port in ("I_stim", "I_e"):
        made.clear()
        curve = f_i_curve("iaf_psc_exp", currents, duration=400, port=port, backend="echo")
        assert len(made) == 1
        same = f_i_curve("iaf_psc_exp", currents, duration=400, port=port, backend="reference")
        assert (curve.backend, same.backend) == ("echo", "reference")
        assert curve.rates.tolist() == same.rates.tolist()
        assert curve.rates[-1] > 80


def test_an_interrupted_build_leaves_nothing(cache: Path) -> None:
    build = build_of("iaf_psc_exp")

    def interrupted(files: Any, folder: Path) -> Any:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builds.compiled(build, interrupted)
    assert records(cache) == folders(cache) == []
    assert builds.compiled(build, write_files).value is not None
    assert len(records(cache)) == len(folders(cache)) == 1
