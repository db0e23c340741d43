"""Rules about statements: what is reached, what ends, what has an effect."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.expr import (
    INTRINSICS,
    Binary,
    Call,
    Constant,
    Expr,
    Kind,
    Ref,
    Symbol,
    is_constant,
    symbols_in,
    walk,
)
from nestml_core.model import OnCondition
from nestml_core.resolve import codes
from nestml_core.resolve.reach import NOTHING, reach
from nestml_core.resolve.rules.constants import known_value
from nestml_core.resolve.rules.survey import Survey
from nestml_core.resolve.rules.written import expressions_of, inner_bodies, inside
from nestml_core.resolve.statements import always_returns, split_braces
from nestml_core.source import NOWHERE
from nestml_core.stmt import (
    Assign,
    Declare,
    Evaluate,
    For,
    If,
    IntegrateOdes,
    Return,
    While,
    bodies,
    expressions_in,
    walk_statements,
)
from nestml_core.syntax import tree
from nestml_core.types import Base


def locals_stay_in_their_block(survey: Survey) -> Iterator[Diagnostic]:
    """A local variable that is declared in a branch or loop is known in that block only."""
    found: list[Diagnostic] = []
    for e in survey.tree.elements:
        if isinstance(e, (tree.Update, tree.OnReceive, tree.OnCondition, tree.Function)):
            _block(e.body, {}, found)
    return iter(found)


def _block(
    body: tuple[tree.Statement, ...], closed: dict[str, tree.Name], found: list[Diagnostic]
) -> dict[str, tree.Name]:
    """Report uses of names from closed blocks; return the names that this block declares."""
    opened: dict[str, tree.Name] = {}
    for s in body:
        if closed:
            for name in _names(s):
                if name.text in closed:
                    found.append(_outside(name, closed.pop(name.text)))
        if isinstance(s, tree.Declaration):
            opened |= {v.name.text: v.name for v in s.variables}
            for v in s.variables:
                closed.pop(v.name.text, None)
        for inner in inner_bodies(s):
            closed |= _block(inner, closed, found)
    return opened


def _outside(name: tree.Name, declared: tree.Name) -> Diagnostic:
    message = f"`{name.text}` was declared in a block that has ended"
    note = Note(declared.span, "declared here, for the rest of this block")
    help = "declare it before the block, and only assign to it inside"
    return codes.OUTSIDE_BLOCK.at(name.span, message, help=help, notes=(note,))


def _names(s: tree.Statement) -> Iterator[tree.Name]:
    """Yield the names that ``s`` itself reads or assigns."""
    match s:
        case tree.Assignment(variable):
            yield variable.name
        case tree.For(variable):
            yield variable
        case _:
            pass
    waiting = list(reversed(expressions_of(s)))
    while waiting:
        e = waiting.pop()
        for operand in e.operands:
            atom = operand.atom
            if isinstance(atom, tree.Variable):
                yield atom.name
            elif isinstance(atom, tree.Text) and "{" in atom.value:
                yield from (tree.Name(n, atom.span) for n in split_braces(atom.value)[1::2])
        waiting.extend(inside(e))


def every_statement_is_reached(survey: Survey) -> Iterator[Diagnostic]:
    """Nothing stands behind ``return``."""
    for body in survey.bodies:
        waiting = [body.statements]
        while waiting:
            block = waiting.pop()
            for s, following in pairwise(block):
                if always_returns((s,)):
                    message = "this statement is never reached: what is before it returns"
                    yield codes.NEVER_REACHED.at(following.span, message, help="leave it out")
                    break
            for s in block:
                waiting += bodies(s)


def conditions_depend_on_something(survey: Survey) -> Iterator[Diagnostic]:
    """A condition that is always the same needs no asking."""
    for body in survey.bodies:
        if isinstance(body.of, OnCondition):
            truth = _truth(body.of.condition)
            if truth is not None:
                message = f"this handler runs in {'every step' if truth else 'no step'}"
                help = "write its statements into `update`" if truth else "leave it out"
                yield codes.CONSTANT_CONDITION.at(body.of.condition.span, message, help=help)
        for s in body.every:
            for condition in (b.condition for b in s.branches) if isinstance(s, If) else ():
                yield from _constant(condition)
            if isinstance(s, For) and _never_runs(s):
                message = "this loop never runs: it begins where it ends, or beyond"
                help = "check the sign of `step`"
                yield codes.CONSTANT_CONDITION.at(s.span, message, help=help)
    for parts in survey.parts:
        for condition in parts.conditions:
            yield from _constant(condition)


def _constant(condition: Expr) -> Iterator[Diagnostic]:
    truth = _truth(condition)
    if truth is not None and condition.span is not NOWHERE:
        message = f"this condition is always {'true' if truth else 'false'}"
        help = "leave out the condition, or what can never happen"
        yield codes.CONSTANT_CONDITION.at(condition.span, message, help=help)


def _truth(condition: Expr) -> bool | None:
    match condition:
        case Binary(op, Ref(a), Ref(b)) if op in ("==", "<=", ">=", "!=", "<", ">") and a == b:
            return op in ("==", "<=", ">=")
        case _:
            value = known_value(condition)
            return value if isinstance(value, bool) else None


def _never_runs(s: For) -> bool:
    start, stop, step = known_value(s.start), known_value(s.stop), known_value(s.step)
    if start is None or stop is None or step is None:
        return False
    return start >= stop if step > 0 else start <= stop


def loops_end(survey: Survey) -> Iterator[Diagnostic]:
    """Something in a loop changes what its condition reads."""
    for s in survey.statements:
        if not isinstance(s, While) or _may_leave(s):
            continue
        truth = _truth(s.condition)
        message = "nothing in this loop changes its condition: it never runs or never ends"
        help = "assign in the loop to what the condition reads"
        if truth is False:
            message, help = "this loop never runs", "leave it out"
        elif truth:
            message = "this loop never ends"
        yield codes.NEVER_ENDS.at(s.condition.span, message, help=help)


def _may_leave(loop: While) -> bool:
    """Return whether the body returns or changes what the condition reads."""
    changed: set[tuple[bool, str]] = set()
    for s in walk_statements(loop.body):
        match s:
            case Return() | IntegrateOdes() | Evaluate():
                return True
            case Assign(target) | Declare(target) | For(target):
                changed.add((target.kind is Kind.STATE, target.owner.name))
            case _:
                pass
    if any(_calls_functions(e) for e in expressions_in(loop.body)):
        return True
    return _calls_functions(loop.condition) or any(
        (s.kind is Kind.STATE, s.name) in changed for s in _read(loop.condition)
    )


def _calls_functions(e: Expr) -> bool:
    return any(isinstance(part, Call) and part.function not in INTRINSICS for part in walk(e))


def _read(e: Expr) -> Iterator[Symbol]:
    return (s.owner for s in symbols_in(e))


def statements_have_an_effect(survey: Survey) -> Iterator[Diagnostic]:
    """A statement changes something."""
    effects = None
    for s in survey.statements:
        match s:
            case Evaluate(Call(name, type=type)) if type.base not in (Base.VOID, Base.UNKNOWN):
                effects = reach(survey.model.functions) if effects is None else effects
                if not effects.get(name, NOTHING).effects:
                    message = f"the value of `{name}` is not used"
                    help = "assign it, or leave the statement out"
                    yield codes.NO_EFFECT.at(s.span, message, help=help)
            case Assign(target, Ref(source), index=None) if source == target:
                message = f"`{target.name}` is assigned to itself"
                yield codes.NO_EFFECT.at(s.span, message, help="leave the statement out")
            case IntegrateOdes() if not survey.model.equations:
                message = f"`{survey.model.name}` has no equations to integrate"
                yield codes.NO_EFFECT.at(s.span, message, help="leave the statement out")
            case _:
                pass


def reals_are_not_compared_for_equality(survey: Survey) -> Iterator[Diagnostic]:
    """Computed real numbers hardly ever are exactly equal.

    A constant may be compared with a number: ``tau == 0 ms`` is a common way of switching.
    """
    for parts in survey.parts:
        for e in parts.comparisons:
            if not (_is_real(e.left) or _is_real(e.right)) or e.right.span is NOWHERE:
                continue
            if (_literal(e.left) and is_constant(e.right)) or (
                _literal(e.right) and is_constant(e.left)
            ):
                continue
            message = f"`{e.op}` compares real numbers, which rounding makes differ"
            help = "compare with `<` or `>`, or the distance with a tolerance"
            yield codes.REAL_EQUALITY.at(e.span, message, help=help)


def _is_real(e: Expr) -> bool:
    return e.type.base in (Base.REAL, Base.QUANTITY)


def _literal(e: Expr) -> bool:
    return known_value(e) is not None or any(isinstance(p, Constant) for p in walk(e))
