"""What is generated, and what is refused."""

from __future__ import annotations

import ast
import builtins
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nestml_lava import interpreter
from nestml_lava.backend import LavaBackend, Options
from nestml_lava.reserved import MODELS

from nestml_core.api import SolvedProgram, render
from nestml_core.pipeline import compile_files, generate, library_models
from nestml_core.testing import corpus

Compile = Callable[[str], SolvedProgram]

ACCEPTED = [
    m.name
    for m in corpus.models().values()
    if LavaBackend().lower(SolvedProgram((m,)), Options()).value is not None
]


def files(program: Any) -> dict[str, str]:
    result = generate(program, LavaBackend(), Options())
    assert result.value is not None, "\n".join(render(d) for d in result.diagnostics)
    return {path: str(text) for path, text in result.value.items()}


def refusal(program: SolvedProgram) -> str:
    result = LavaBackend().lower(program, Options())
    assert result.value is None
    return "\n".join(render(d) for d in result.diagnostics)


def test_a_model_is_a_folder_of_its_own_with_the_runtime_it_needs() -> None:
    """Lava executes every file beside that of a process, so there is nothing else."""
    program = compile_files(["iaf_psc_exp", "izhikevich"]).value
    assert program is not None
    assert sorted(files(program)) == [
        "iaf_psc_exp/__init__.py",
        "iaf_psc_exp/inprocess.py",
        "iaf_psc_exp/linear.py",
        "iaf_psc_exp/network.py",
        "iaf_psc_exp/population.py",
        "iaf_psc_exp/report.json",
        "iaf_psc_exp/statements.py",
        "izhikevich/__init__.py",
        "izhikevich/inprocess.py",
        "izhikevich/integrators.py",
        "izhikevich/network.py",
        "izhikevich/population.py",
        "izhikevich/report.json",
        "izhikevich/statements.py",
    ]


def test_python_3_10_imports_all_packages_without_a_warning(
    lava: interpreter.Interpreter, tmp_path: Path
) -> None:
    program = SolvedProgram(tuple(corpus.models()[name] for name in ACCEPTED))
    generated = files(program)
    for path, text in generated.items():
        target = tmp_path / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")
    packages = sorted({path.split("/")[0] for path in generated})
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + "\n".join(
        f"import {package}" for package in packages
    )
    compiles = [lava.path, "-W", "error", "-m", "py_compile", *map(str, tmp_path.rglob("*.py"))]
    for command in (compiles, [lava.path, "-B", "-W", "error", "-c", code]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert "rror" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lower": "stock"},
        {"arith": "loihi1", "export": "sanafe"},
        {"arith": "fixed24"},
        {"learning": "rule"},
    ],
    ids=str,
)
def test_packages_keep_to_the_style_of_python(options: dict[str, Any], tmp_path: Path) -> None:
    """Names, which are the model's, apart; blanks around the colon of a slice are a formatter's."""
    for path in library_models():
        program = compile_files([path]).value
        assert program is not None
        generated = generate(program, LavaBackend(), Options(**options)).value or {}
        for file, text in generated.items():
            if file.endswith(".py"):
                target = tmp_path / file
                target.parent.mkdir(exist_ok=True)
                target.write_text(str(text), encoding="utf-8")
    assert list(tmp_path.rglob("*.py"))
    command = [sys.executable, "-m", "flake8", "--isolated", "--max-line-length", "100"]
    command += ["--extend-ignore", "E203,E741", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ACCEPTED)
def test_generated_modules_use_only_names_they_define(name: str) -> None:
    """Every global that a module reads is imported, defined in it, or a builtin."""
    text = files(SolvedProgram((corpus.models()[name],)))
    tree = ast.parse(next(t for path, t in text.items() if path.endswith("__init__.py")))
    defined: set[str | None] = set(dir(builtins))
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=n) | ast.ClassDef(name=n) | ast.ExceptHandler(name=n):
                defined.add(n)
            case ast.alias(name=n, asname=asname):
                defined.add(asname or n.split(".")[0])
            case ast.Name(id=n, ctx=ast.Store()) | ast.arg(arg=n):
                defined.add(n)
            case _:
                pass
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    assert read <= defined


@pytest.mark.parametrize("name", ACCEPTED)
def test_generated_modules_use_all_that_they_import(name: str) -> None:
    text = files(SolvedProgram((corpus.models()[name],)))
    tree = ast.parse(next(t for path, t in text.items() if path.endswith("__init__.py")))
    imported = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    exported = next(
        ast.literal_eval(n.value)
        for n in tree.body
        if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"
    )
    assert imported <= read | set(exported)


def test_documentation_cannot_leave_its_docstring(compiled: Compile) -> None:
    text = 'r"""; import os; os.remove(1) \\" \\'
    model = (
        f"# {text}\n# second \t\x07line\nmodel quoted:\n    state:\n        x real = 0 # {text}\n"
    )
    for source in files(compiled(model)).values():
        tree = ast.parse(source)
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        assert "remove" not in names
        attributes = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        assert "remove" not in attributes
        assert "\x07" not in source
    module = ast.parse(files(compiled(model))["quoted/__init__.py"])
    process = next(n for n in module.body if isinstance(n, ast.ClassDef) and n.name == "quoted")
    assert text.rstrip() in (ast.get_docstring(process) or "")


@pytest.mark.parametrize("name", ["numpy", "lava", "random", "lambda_", "list", "InProcess", "np"])
def test_models_named_like_modules(name: str, compiled: Compile) -> None:
    generated = files(compiled(f"model {name}:\n    state:\n        x real = 0\n"))
    package = next(iter(generated)).split("/")[0]
    assert package not in MODELS
    assert package.rstrip("_") == name.rstrip("_")


def test_synapses_have_packages_of_their_own() -> None:
    synapses = [m for m in corpus.models().values() if m.kind.value == "synapse"]
    assert synapses
    for m in synapses:
        found = set(files(SolvedProgram((m,))))
        assert {f"{m.name}/__init__.py", f"{m.name}/connection.py"} <= found


def test_synapses_among_whole_numbers_are_refused() -> None:
    m = corpus.models()["relay"]
    result = LavaBackend().lower(SolvedProgram((m,)), Options(arith="fixed24"))
    assert result.value is None
    text = "\n".join(render(d) for d in result.diagnostics)
    assert "error[LAVA216]" in text
    assert f"{m.span.source.name}:{m.span.line}:" in text


def test_strings_as_variables_are_refused(compiled: Compile) -> None:
    shown = refusal(compiled('model m:\n    state:\n        greeting string = "hello"\n'))
    assert "model.nestml:3:9: error[LAVA002]: `greeting` is a string" in shown
    assert "help: use a whole number" in shown


def test_options_that_cannot_be(compiled: Compile) -> None:
    program = compiled("model m:\n    state:\n        x real = 0\n")
    for options in (
        Options(runtime="loihi"),
        Options(timeout=0),
        Options(timeout=float("nan")),
        Options(step=0),
        Options(step=float("inf")),
    ):
        result = LavaBackend().lower(program, options)
        assert result.value is None
        assert [d.code.id for d in result.diagnostics] == ["LAVA010"]


def test_the_step_is_that_of_the_option() -> None:
    program = compile_files(["iaf_psc_exp"]).value
    assert program is not None
    result = generate(program, LavaBackend(), Options(step=0.25))
    assert result.value is not None
    assert "        dt=0.25,\n" in str(result.value["iaf_psc_exp/__init__.py"])


def test_templates_name_no_place_of_this_machine(written: Callable[..., Any]) -> None:
    package = written("model m:\n    state:\n        x real = 0\n")
    for path in package.directory.rglob("*.py"):
        assert str(package.directory) not in path.read_text("utf-8")
