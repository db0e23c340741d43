"""What the documentation shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nestml_core.diagnostics import render
from nestml_core.pipeline import check_sources
from nestml_core.source import Source

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def block(beginning: str, text: str = README) -> str:
    return next(body for _, body in FENCE.findall(text) if body.startswith(beginning))


def test_the_model_of_the_tour_compiles() -> None:
    result = check_sources([Source("lif.nestml", block("model lif:"))])
    assert result.value is not None, [render(d) for d in result.diagnostics]
    assert not result.diagnostics


def test_the_mistake_of_the_tour_is_reported_as_shown() -> None:
    wrong = block("model lif:").replace("V_m - E_L) / tau_m", "V_m - I_e) / tau_m")
    result = check_sources([Source("lif.nestml", wrong)])
    assert "\n".join(render(d) for d in result.diagnostics) == block("lif.nestml:").rstrip()


def test_the_python_of_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nestml_core as nestml

    code = block("import nestml_core as nestml")
    names = set(re.findall(r"nestml\.(\w+)\(", code))
    assert names == {"load", "build"}
    run = nestml.load("iaf_psc_exp").simulate(
        duration=200,
        dt=0.1,
        parameters={"I_e": "0.5 nA"},
        spikes={"exc_spikes": [(50.0, 300.0)]},
        backend="reference",
    )
    assert len(run.spikes) > 5
    assert run["V_m"].shape == run.times.shape == (2000,)


def test_every_command_of_the_readme_exists() -> None:
    from nestml_core.cli import _parser

    commands = set(re.findall(r"`nestml (\w+)", README)) | {"run"}
    help = _parser().format_help()
    assert commands >= {"check", "inspect", "run", "compare", "build", "backends"}
    assert all(f"    {c} " in help for c in commands)


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_tox_environments_of_the_readme_exist() -> None:
    import tomllib

    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["tox"]["env"]
    used = re.findall(r"tox -e ([\w,]+)", README)
    assert used
    assert {e for u in used for e in u.split(",")} <= set(known)
