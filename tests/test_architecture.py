"""The rules of the house that a program can check."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "nestml_core"
FILES = sorted(p for p in CORE.rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").glob("*/nestml_*/**/*.py"))

HOME = {
    "textx": ("syntax/parse.py", "textx_language.py"),
    "pygments": ("lexer.py",),
    "arpeggio": ("syntax/parse.py", "syntax/dispatch.py"),
    "pint": ("units.py",),
    "sympy": ("solve/",),
    "jinja2": ("rendering.py", "testing/"),
    "pluggy": ("plugins.py",),
    "tqdm": ("progress.py",),
    "matplotlib": ("plotting/",),
    "PIL": ("plotting/",),
}
LAYERS = (
    ("source", "types", "files", "optional", "progress"),
    ("diagnostics", "units"),
    ("expr",),
    ("stmt",),
    ("model",),
    ("solved",),
    ("syntax", "naming", "printing", "rendering", "interchange", "derivatives"),
    ("resolve", "library", "dump", "describe", "datasheet", "schema", "typesetting"),
    ("solve", "backend", "hoisting", "sharing", "runtime", "lanes"),
    ("verify", "experiment", "network", "plugins"),
    ("pipeline", "reference", "selection", "builds", "explaining"),
    ("stimuli", "api", "arguments", "problems", "showing"),
    ("checking", "declared", "notebook", "plotting", "portrait", "results", "targets"),
    ("running", "building"),
    ("loading",),
    ("comparing", "experiments", "networks"),
    ("testing", "cli", "gallery", "rewriting", "textx_language", "lexer", "editors"),
)
LAYER = {name: k for k, layer in enumerate(LAYERS) for name in layer}


def _for_types_only(tree: ast.Module) -> set[ast.AST]:
    """Return what stands under ``if TYPE_CHECKING``."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            found.update(part for inner in node.body for part in ast.walk(inner))
    return found


def imports(path: Path) -> list[str]:
    """Return the modules that a file imports at run time, also inside functions."""
    found: list[str] = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    types = _for_types_only(tree)
    for node in ast.walk(tree):
        if node in types:
            continue
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module == "nestml_core":
                found += [f"nestml_core.{a.name}" for a in node.names]
            else:
                found.append(node.module)
    return found


def part(path: Path) -> str:
    return path.relative_to(CORE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(CORE)))
def test_heavy_libraries_stay_at_home(path: Path) -> None:
    own = path.relative_to(CORE).as_posix()
    for name in imports(path):
        homes = HOME.get(name.partition(".")[0])
        if homes is not None:
            assert own.startswith(homes), f"{name} outside its home {homes}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(CORE)))
def test_imports_point_inwards(path: Path) -> None:
    own = part(path)
    if own == "__init__":
        return
    assert own in LAYER, f"{own} has no layer"
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top != "nestml_core":
            continue
        other = rest.split(".")[0]
        if other.startswith("__") or other == own:
            continue
        assert LAYER[other] <= LAYER[own], f"{own} imports {other}"


@pytest.mark.parametrize("path", PLUGINS, ids=lambda p: str(p.relative_to(ROOT)))
def test_plugins_import_only_the_interface(path: Path) -> None:
    for name in imports(path):
        if name.startswith("nestml_core"):
            assert name in ("nestml_core.api", "nestml_core.testing"), f"imports {name}"
        assert name.partition(".")[0] not in ("textx", "pint", "sympy", "pluggy"), name


@pytest.mark.parametrize("path", [*FILES, *PLUGINS], ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_evaluated(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "__import__"), node.lineno
            if node.func.id == "compile":  # of a syntax tree made there, never of text
                assert path == CORE / "reference" / "bytecode.py", node.lineno
        if isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            assert name not in ("sympify", "parse_expr", "setrecursionlimit"), node.lineno


@pytest.mark.parametrize("path", [*FILES, *PLUGINS], ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_command_line_prints_and_exits(path: Path) -> None:
    if path.is_relative_to(CORE / "cli") or path.name == "runner.py" or "templates" in path.parts:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"print in line {node.lineno}"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"bare except in line {node.lineno}"
            only_pass = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
            assert not only_pass, f"an exception is swallowed in line {node.lineno}"


def _is_frozen(decorators: list[ast.expr]) -> bool:
    for d in decorators:
        if isinstance(d, ast.Call) and getattr(d.func, "id", "") == "dataclass":
            return any(
                k.arg == "frozen" and getattr(k.value, "value", False) is True for k in d.keywords
            )
    return True


VALUES = ("source", "diagnostics", "types", "expr", "stmt", "model", "solved")


@pytest.mark.parametrize("name", VALUES)
def test_values_are_immutable(name: str) -> None:
    tree = ast.parse((CORE / f"{name}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        assert _is_frozen(node.decorator_list), f"{node.name} is not frozen"
        for item in node.body:
            if isinstance(item, ast.AnnAssign) and "ClassVar" not in ast.unparse(item.annotation):
                words = ast.unparse(item.annotation).replace("[", " ").replace("]", " ").split()
                assert not {"list", "dict", "set"} & set(words), f"{node.name}: {words}"
