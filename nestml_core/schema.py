"""The file format of solved models, described: a JSON Schema, and a page for people.

Both are made of the classes themselves. ``python -m nestml_core.schema json`` writes the schema
(``docs/solved-model.schema.json``), ``python -m nestml_core.schema page`` the page
(``docs/solved-model.md``).
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import types as python_types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType, ModuleType
from typing import Any

from nestml_core import expr, model, solved, stmt, types
from nestml_core.interchange import FORMAT, VERSION
from nestml_core.source import Span

GONE = (expr.Convolve, stmt.IntegrateOdes)
"""What ``solve`` replaces, so that no solved model has it."""

UNIONS: Mapping[str, Any] = MappingProxyType(
    {"Expr": expr.Expr, "Stmt": stmt.Stmt, "Derived": solved.Derived}
)
CHAPTERS: tuple[tuple[str, ModuleType], ...] = (
    ("The program and its models", solved),
    ("Parts of a model", model),
    ("Statements", stmt),
    ("Expressions and symbols", expr),
    ("Types and units", types),
)


@lru_cache(maxsize=1)
def classes() -> tuple[type[Any], ...]:
    """Return the classes that occur in the format, in the order of the page."""
    found: dict[type[Any], None] = {}
    waiting: list[Any] = [solved.SolvedProgram]
    while waiting:
        hint = waiting.pop()
        if isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, Enum)):
            if hint in found or hint in (*GONE, Span):
                continue
            found[hint] = None
            if is_dataclass(hint):
                waiting += typing.get_type_hints(hint).values()
        else:
            waiting += typing.get_args(hint)
    order = {m.__name__: k for k, (_, m) in enumerate(CHAPTERS)}
    return tuple(sorted(found, key=lambda c: (order[c.__module__], _line(c))))


def _line(cls: type[Any]) -> int:
    return inspect.getsourcelines(cls)[1]


# JSON Schema


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what ``to_json`` returns."""
    text, count = {"type": "string"}, {"type": "integer", "minimum": 0}
    definitions = {
        "Span": {
            "description": "[source, start, end], or null where no source text stands for it",
            "anyOf": [
                {"type": "null"},
                {"type": "array", "prefixItems": [count] * 3, "items": False, "minItems": 3},
            ],
        },
        "Fraction": {"type": "string", "pattern": "^-?[0-9]+(/[1-9][0-9]*)?$"},
        "SymbolIndex": _object({"symbol": count}, "the symbol at this place of `symbols`"),
        **{name: _union(members) for name, members in _members().items()},
        **{c.__name__: _class(c) for c in classes()},
    }
    properties = {
        "format": {"const": FORMAT},
        "version": {"const": VERSION},
        "sources": {"type": "array", "items": _object({"name": text, "text": text})},
        "symbols": {"type": "array", "items": _reference("Symbol")},
        "program": _reference("SolvedProgram"),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"NESTML solved models, version {VERSION}",
        **_object(properties),
        "$defs": definitions,
    }


def _object(properties: Mapping[str, Any], description: str = "") -> dict[str, Any]:
    said = {"description": description} if description else {}
    return {
        **said,
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _union(members: Sequence[type[Any]]) -> dict[str, Any]:
    return {"anyOf": [_reference(m.__name__) for m in members]}


def _members() -> dict[str, tuple[type[Any], ...]]:
    """Return the classes of each named union."""
    return {
        name: tuple(m for m in typing.get_args(union) if m not in GONE)
        for name, union in UNIONS.items()
    }


def _class(cls: type[Any]) -> dict[str, Any]:
    description = _docstring(cls).split("\n\n")[0].replace("\n", " ")
    if issubclass(cls, Enum):
        return {"description": description, "enum": [m.value for m in cls]}
    hints = typing.get_type_hints(cls)
    properties = {"node": {"const": cls.__name__}}
    properties |= {f.name: _of_hint(hints[f.name]) for f in fields(cls)}
    return _object(properties, description)


def _of_hint(hint: Any) -> dict[str, Any]:
    """Return the schema of the values of a type annotation."""
    plain = {bool: "boolean", int: "integer", float: "number", str: "string"}
    if hint in plain:
        return {"type": plain[hint]}
    if hint is type(None):
        return {"type": "null"}
    if hint is expr.Symbol:
        return _reference("SymbolIndex")
    if isinstance(hint, type) and typing.get_origin(hint) is None:
        return _reference(hint.__name__)
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return _of_tuple(arguments)
    if typing.get_origin(hint) in (typing.Union, python_types.UnionType):
        return _of_union(arguments)
    raise TypeError(f"no schema for {hint}")


def _of_tuple(arguments: tuple[Any, ...]) -> dict[str, Any]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "items": _of_hint(arguments[0])}
    items = [_of_hint(a) for a in arguments]
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}


def _of_union(arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Return the schema of a union; the unions that have a name appear under it."""
    left = list(arguments)
    choices: list[dict[str, Any]] = []
    for name, union in UNIONS.items():
        members = typing.get_args(union)
        if set(members) <= set(left):
            choices.append(_reference(name))
            left = [a for a in left if a not in members]
    choices += [_of_hint(a) for a in left]
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


# The page


INTRODUCTION = f"""\
# The solved model

`nestml inspect --json MODEL` prints what a model computes in each step, as data that any program
can read; `nestml_core.interchange` has `to_json` and `from_json` for Python. This page and the JSON
Schema beside it ([solved-model.schema.json](solved-model.schema.json)) are generated from the
classes of the compiler.

## The document

An object with these members:

- `format`: `"{FORMAT}"`.
- `version`: {VERSION}. A reader refuses any other version.
- `sources`: the texts that the models were read from, each with its `name` and `text`.
- `symbols`: all symbols, each once; a symbol stands behind those it needs.
- `program`: a [`SolvedProgram`](#solvedprogram).

Values are written as follows:

- An object of a class has the member `node`, the name of the class, and one member for each field.
- A `Symbol` is `{{"symbol": k}}`, the place k in `symbols`, counted from 0.
- A `Span`, the place in a source, is `[source, start, end]`: an index into `sources`, and offsets
  in characters, counted from 0, the end not included. It is null where nothing in a source stands
  for the value.
- A `Fraction` is text: `"-70"`, `"1/3"`. It is exact.
- A list is an array, the value of an enumeration is text, and nothing is null.

Numbers are in coherent units: ms, mV, pA, um, K, mmol, cd and their products (hence nS, pF, GOhm,
1/ms).
"""


def page() -> str:
    """Return the description of the format as Markdown."""
    lines = [INTRODUCTION, "## One step", "", _prose(_meaning_of_a_step()), ""]
    for title, module in CHAPTERS:
        lines += [f"## {title}", ""]
        for name in UNIONS:
            if _owner(name) is module:
                listed = ", ".join(_link(m.__name__) for m in _members()[name])
                text = _variable_docs(module).get(name, "")
                lines += [f"### {name}", "", *([text, ""] if text else []), f"One of {listed}.", ""]
        for cls in classes():
            if cls.__module__ == module.__name__:
                lines += [*_entry(cls), ""]
        if module is expr:
            lines += [*_functions(), ""]
    return "\n".join(lines).rstrip() + "\n"


def _owner(name: str) -> ModuleType:
    return {"Expr": expr, "Stmt": stmt, "Derived": solved}[name]


def _meaning_of_a_step() -> str:
    """Return what the module of the solved model says behind its first sentence."""
    return inspect.cleandoc(solved.__doc__ or "").partition("\n")[2].strip()


def _entry(cls: type[Any]) -> Iterator[str]:
    yield f"### {cls.__name__}"
    if _docstring(cls):
        yield ""
        yield _prose(_docstring(cls))
    yield ""
    if issubclass(cls, Enum):
        yield "One of " + ", ".join(f"`{json.dumps(m.value)}`" for m in cls) + "."
        return
    said = _field_docs(cls)
    for f in fields(cls):
        text = _prose(said[f.name]).replace("\n", "\n  ") if f.name in said else ""
        yield f"- `{f.name}`: {_linked(str(f.type))}." + (f" {text}" if text else "")


def _functions() -> Iterator[str]:
    said = _variable_docs(expr)
    for title, name, table in (
        ("Functions", "INTRINSICS", expr.INTRINSICS),
        ("Random functions", "RANDOM", expr.RANDOM),
    ):
        yield f"### {title}"
        yield ""
        yield _prose(said[name])
        yield ""
        yield ", ".join(f"`{f}` ({'any' if n is None else n})" for f, n in table.items()) + "."
        yield ""


def _linked(annotation: str) -> str:
    """Return a type annotation in words, with links to the classes it names."""
    written = None
    while written != annotation:
        written = annotation
        annotation = re.sub(r"tuple\[([^\[\]]*), \.\.\.\]", r"list of \1", written)
    annotation = annotation.replace("None", "nothing")
    known = {c.__name__ for c in classes()} | set(UNIONS)
    parts = re.split(r"(\w+)", annotation)
    return "".join(_link(p) if p in known else p for p in parts).replace("|", "or")


def _link(name: str) -> str:
    return f"[`{name}`](#{name.lower()})"


def _prose(text: str) -> str:
    return text.replace("``", "`")


def _docstring(cls: type[Any]) -> str:
    """Return what is written below the head of a class, not what ``dataclass`` makes up."""
    return inspect.cleandoc(_written(cls.__module__)[0].get(cls.__name__, ""))


def _field_docs(cls: type[Any]) -> Mapping[str, str]:
    return _written(cls.__module__)[1].get(cls.__name__, {})


def _variable_docs(module: ModuleType) -> Mapping[str, str]:
    return _written(module.__name__)[1].get("", {})


@lru_cache(maxsize=16)
def _written(module: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return the docstrings of classes, and the texts below fields and variables, by class."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    found = [n for n in tree.body if isinstance(n, ast.ClassDef)]
    docs = {n.name: ast.get_docstring(n) or "" for n in found}
    below = {n.name: _texts_below(n.body) for n in found}
    return docs, {**below, "": _texts_below(tree.body)}


def _texts_below(body: Sequence[ast.stmt]) -> dict[str, str]:
    """Return the strings that stand right below assignments, by the name assigned to."""
    found: dict[str, str] = {}
    for statement, text in pairwise(body):
        if not isinstance(text, ast.Expr) or not isinstance(text.value, ast.Constant):
            continue
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = inspect.cleandoc(str(text.value.value))
            case _:
                continue
    return found


def _schema_text() -> str:
    return json.dumps(json_schema(), indent=1) + "\n"


def main(words: Sequence[str]) -> int:
    """Write the page (``page``) or the JSON Schema (``json``) to standard output."""
    texts: dict[str, Callable[[], str]] = {
        "page": page,
        "json": _schema_text,
    }
    if len(words) != 1 or words[0] not in texts:
        sys.stderr.write(f"say one of {', '.join(texts)}\n")
        return 2
    sys.stdout.write(texts[words[0]]())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
