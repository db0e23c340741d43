"""Statements compiled to Python closures over the state of an instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from nestml_core.expr import Expr
from nestml_core.reference import operations
from nestml_core.reference.expressions import PROGRESS, Compiler, Step, Values
from nestml_core.reference.failure import ENDLESS, MESSAGE, MODEL_WARNING, Failure
from nestml_core.reference.state import Progress
from nestml_core.source import Span
from nestml_core.stmt import (
    Assign,
    Branch,
    Channel,
    Declare,
    Emit,
    For,
    If,
    Integrate,
    IntegrateOdes,
    Return,
    Say,
    Stmt,
    While,
)
from nestml_core.stmt import Evaluate as EvaluateStmt

Run: TypeAlias = Callable[[Values], bool]
"""Executes something; True if a ``return`` was met."""

MAX_PASSES = 10**6
"""How many passes all loops of one step may make together."""

MAX_MESSAGES = 100


class StatementCompiler:
    """Turns the statements of one scope into closures.

    Parameters
    ----------
    expressions : compiles the expressions of that scope
    flows : what ``Integrate(k)`` does, for each k
    result : the slot that ``return`` writes to, None outside functions
    """

    def __init__(
        self,
        expressions: Compiler,
        flows: tuple[Step, ...],
        result: int | None = None,
    ) -> None:
        self.expressions = expressions
        self.flows = flows
        self.result = result

    def body(self, body: tuple[Stmt, ...]) -> Run:
        steps = tuple(self.statement(s) for s in body)

        def run(v: Values) -> bool:
            for step in steps:  # noqa: SIM110 -- a generator would be slower and deeper
                if step(v):
                    return True
            return False

        return run

    def statement(self, stmt: Stmt) -> Run:
        match stmt:
            case Assign(vector, value, span, index) if index is not None:
                return _always(self.expressions.store_element(vector, index, value, span))
            case Assign(symbol, value) | Declare(symbol, value):
                return _always(self.expressions.store(symbol, value))
            case If(branches, otherwise):
                return self.choice(branches, otherwise)
            case For():
                return self.counted(stmt)
            case While():
                return self.repeated(stmt)
            case Return(value):
                return self.returned(value)
            case Integrate(flow):
                return _always(self.flows[flow])
            case Emit(weight):
                return self.emitted(weight)
            case Say():
                return self.said(stmt)
            case EvaluateStmt(call):
                return _always(self.expressions.value(call, "the call"))
            case IntegrateOdes():
                raise AssertionError("integrate_odes is gone after solve")

    def choice(self, branches: tuple[Branch, ...], otherwise: tuple[Stmt, ...]) -> Run:
        compiled = tuple(
            (self.expressions.value(b.condition, "the condition"), self.body(b.body))
            for b in branches
        )
        other = self.body(otherwise)

        def run(v: Values) -> bool:
            for condition, body in compiled:
                if condition(v):
                    return body(v)
            return other(v)

        return run

    def counted(self, stmt: For) -> Run:
        slot = self.expressions.slot(stmt.variable)
        begin = self.expressions.store(stmt.variable, stmt.start)
        stop = self.expressions.value(stmt.stop, "the bound")
        step = self.expressions.value(stmt.step, "the step")
        convert = operations.conversion(stmt.variable.type)
        body = self.body(stmt.body)

        def run(v: Values) -> bool:
            begin(v)
            by = step(v)
            while v[slot] < stop(v) if by > 0 else v[slot] > stop(v):
                _count(v, stmt.span)
                if body(v):
                    return True
                v[slot] = convert(v[slot] + by)
            return False

        return run

    def repeated(self, stmt: While) -> Run:
        condition = self.expressions.value(stmt.condition, "the condition")
        body = self.body(stmt.body)

        def run(v: Values) -> bool:
            while condition(v):
                _count(v, stmt.span)
                if body(v):
                    return True
            return False

        return run

    def returned(self, value: Expr | None) -> Run:
        slot = self.result
        if value is None or slot is None:
            return lambda v: True
        evaluate = self.expressions.value(value, "the result")

        def run(v: Values) -> bool:
            v[slot] = evaluate(v)
            return True

        return run

    def emitted(self, weight: Expr | None) -> Run:
        evaluate = None if weight is None else self.expressions.value(weight, "the weight")

        def run(v: Values) -> bool:
            strength = 1.0 if evaluate is None else evaluate(v)
            progress: Progress = v[PROGRESS]
            progress.spike_steps.append(progress.step)
            progress.spike_weights.append(strength)
            return False

        return run

    def said(self, stmt: Say) -> Run:
        parts = tuple(self.expressions.value(p, "a part of a message") for p in stmt.parts)
        code = MODEL_WARNING if stmt.channel is Channel.WARNING else MESSAGE

        def run(v: Values) -> bool:
            progress: Progress = v[PROGRESS]
            if len(progress.messages) < MAX_MESSAGES:
                text = "".join(operations.text(part(v)) for part in parts)
                progress.messages.append(code.at(stmt.span, f"t = {progress.time:g} ms: {text}"))
            else:
                progress.unsaid += 1
            return False

        return run


def _count(v: Values, span: Span) -> None:
    progress: Progress = v[PROGRESS]
    progress.passes += 1
    if progress.passes > MAX_PASSES:
        message = f"the loops of one step made more than {MAX_PASSES} passes"
        raise Failure(ENDLESS, message, span, "does this loop ever end?")


def _always(step: Callable[[Values], object]) -> Run:
    def run(v: Values) -> bool:
        step(v)
        return False

    return run
