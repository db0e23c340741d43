"""The expressions and statements of a model as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nestml_core.syntax import tree


@dataclass(frozen=True, slots=True)
class Written:
    """All expressions of a model, those inside others too, and all calls that are statements."""

    expressions: tuple[tree.Expression, ...]
    calls: tuple[tree.Call, ...]


def written(model: tree.Model) -> Written:
    """Return what is written in ``model``, in no particular order."""
    calls: list[tree.Call] = []
    waiting: list[tree.Expression] = []
    for e in model.elements:
        match e:
            case tree.VariableBlock(_, declarations):
                for d in declarations:
                    waiting += _of_declaration(d)
            case tree.Equations(items):
                for item in items:
                    equations = item.equations if isinstance(item, tree.Kernel) else (item,)
                    waiting += [q.value for q in equations]
            case tree.OnCondition(condition, _, body):
                waiting.append(condition)
                _statements(body, waiting, calls)
            case tree.Update(body) | tree.OnReceive(_, _, body) | tree.Function(_, _, _, body):
                _statements(body, waiting, calls)
    return Written(_all(waiting), tuple(calls))


def _of_declaration(d: tree.Declaration) -> list[tree.Expression]:
    sizes = [v.index for v in d.variables]
    return [e for e in (d.value, d.guard, *sizes) if e is not None]


def _statements(
    body: tuple[tree.Statement, ...], waiting: list[tree.Expression], calls: list[tree.Call]
) -> None:
    """Add the expressions and calls of all statements in ``body``."""
    for s in all_statements(body):
        waiting += expressions_of(s)
        if isinstance(s, tree.CallStatement):
            calls.append(s.call)


def all_statements(body: tuple[tree.Statement, ...]) -> Iterator[tree.Statement]:
    """Yield all statements in ``body``, outer before inner, in source order."""
    for s in body:
        yield s
        for inner in inner_bodies(s):
            yield from all_statements(inner)


def inner_bodies(s: tree.Statement) -> tuple[tuple[tree.Statement, ...], ...]:
    """Return the blocks inside a statement."""
    match s:
        case tree.If(branches, otherwise):
            return (*(b.body for b in branches), otherwise)
        case tree.For() | tree.While():
            return (s.body,)
        case _:
            return ()


def expressions_of(s: tree.Statement) -> tuple[tree.Expression, ...]:
    """Return the expressions that ``s`` itself evaluates, not those of inner statements."""
    match s:
        case tree.Declaration():
            return tuple(_of_declaration(s))
        case tree.Assignment(variable, _, value):
            return (value,) if variable.index is None else (value, variable.index)
        case tree.CallStatement(call):
            return call.arguments
        case tree.Return(value):
            return () if value is None else (value,)
        case tree.If(branches):
            return tuple(b.condition for b in branches)
        case tree.For(_, start, stop):
            return (start, stop)
        case tree.While(condition):
            return (condition,)


def _all(waiting: list[tree.Expression]) -> tuple[tree.Expression, ...]:
    """Return ``waiting`` and all expressions inside them; empties ``waiting``."""
    found: list[tree.Expression] = []
    while waiting:
        e = waiting.pop()
        found.append(e)
        waiting += inside(e)
    return tuple(found)


def inside(e: tree.Expression) -> list[tree.Expression]:
    """Return the expressions directly inside ``e``."""
    result: list[tree.Expression] = []
    for operand in e.operands:
        atom = operand.atom
        if isinstance(atom, tree.Group):
            result.append(atom.value)
        elif isinstance(atom, tree.Call):
            result += atom.arguments
        elif isinstance(atom, tree.Variable) and atom.index is not None:
            result.append(atom.index)
    if e.then is not None and e.otherwise is not None:
        result += (e.then, e.otherwise)
    return result
