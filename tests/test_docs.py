"""What the documentation shows is what happens."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

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


def test_the_five_lines_of_python_run_and_draw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = block("import nestml_core as nestml")
    assert len([line for line in code.splitlines() if line.strip()]) == 5
    monkeypatch.chdir(tmp_path)
    known = executed(code, tmp_path)
    run = known["run"]
    assert len(run.spikes) > 5
    assert run["V_m"].shape == run.times.shape == (2000,)
    assert capsys.readouterr().out.startswith("[")
    from matplotlib.image import imread

    pixels = imread(tmp_path / "v.png")[..., :3]
    assert pixels.shape[0] > 500
    assert pixels.shape[1] > 800
    assert 0.005 < (pixels.min(axis=2) < 0.9).mean() < 0.3


def test_the_page_about_networks_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = [body for kind, body in FENCE.findall(page) if kind == "python"]
    alone, network, learning, gap = (executed(body, tmp_path) for body in blocks)
    assert capsys.readouterr().out.startswith("[10. 30. 80.]\n[1. ")
    assert network["result"][network["recurrent"]]["w"].shape == (len(network["recurrent"]), 3000)
    assert len(network["times"]) > 50
    assert network["weight"].std() > 0.01
    assert alone["run"]["w"].shape == (2000,)
    assert len(set(learning["result"][learning["learning"]]["w"][0])) > 10
    potentials = gap["result"][gap["pair"]]["V_m"]
    assert -70 < potentials[1].mean() < potentials[0].mean()


def test_the_page_about_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    known = executed(
        "\n".join(body for kind, body in FENCE.findall(page) if kind == "python"), tmp_path
    )
    assert known["plane"].fixed_points[0].kind == "stable node"
    pictures = sorted(p.name for p in tmp_path.glob("*.png"))
    assert pictures == ["clamp.png", "f_i.png", "plane.png", "run.png"]


def executed(code: str, folder: Path) -> dict[str, Any]:
    """Run a script, as it stands, and return what it defines."""
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    return runpy.run_path(str(script))


def test_every_command_of_the_readme_exists() -> None:
    from nestml_core.cli.arguments import parser

    commands = set(re.findall(r"`nestml (\w+)", README)) | {"run"}
    help = parser().format_help()
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
