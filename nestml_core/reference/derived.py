"""Constants of a model: what its parameters and derived constants come to. Needs no NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from nestml_core.diagnostics import Result
from nestml_core.expr import RANDOM, Expr, Kind, Number, Symbol, symbols_in
from nestml_core.model import Declaration
from nestml_core.reference import operations
from nestml_core.reference.exponential import matrix_exponential
from nestml_core.reference.expressions import Compiler, Evaluate, Slots, Step, Values
from nestml_core.reference.failure import (
    ARITHMETIC,
    ENDLESS,
    GUARD_VIOLATED,
    UNDEFINED,
    Failure,
    undefined,
)
from nestml_core.reference.functions import defined
from nestml_core.reference.state import Progress, blank
from nestml_core.solved import (
    DT,
    RESOLUTION,
    Definition,
    Derived,
    MatrixExponential,
    ModelKind,
    SolvedModel,
)
from nestml_core.types import INTEGER


def constants(
    model: SolvedModel, parameters: Mapping[Symbol, Any] = MappingProxyType({}), dt: float = 0.1
) -> Result[Mapping[Symbol, Any]]:
    """Return the values of all parameters and derived constants of ``model``.

    For backends that compute on their host what the target only stores, and for the reader.

    Parameters
    ----------
    parameters : values in coherent units that replace defaults
    dt : the step, in ms; of a synapse both the interval and the step of the grid

    Returns
    -------
    By symbol, parameters first, then ``dt``, then derived constants in order of evaluation: floats
    in coherent units, ``int``, ``bool`` or ``str`` where the symbol has that type; of a vector a
    tuple of these.

    Errors
    ------
    NML931 : a parameter violates its guard (guards that read state variables are left out).
    NML932 : a constant has no value: a function outside its domain.
    NML933, NML934 : a constant is not finite, or a whole number beyond 64 bits.
    NML935 : a function that a constant calls does not end.
    """
    slots = Slots(sizes(model, parameters))
    calls: dict[str, Callable[..., Any]] = {}

    def called(name: str) -> Callable[..., Any]:
        if name in RANDOM:
            return _no_call(name)
        # looked up when called: functions may call each other
        return lambda v, *arguments: calls[name](v, *arguments)  # noqa: PLW0108

    flows = tuple(_no_flow for _ in model.flows)
    try:
        steps = constant_steps(model, Compiler(slots, called), parameters, dt)
        calls |= {f.name: defined(f, slots, called, flows) for f in model.functions}
        v = blank(slots, Progress())
        for step in steps:
            step(v)
    except Failure as failure:
        return Result(None, (failure.diagnostic(),))
    except RecursionError:
        message = "functions call each other too deeply"
        return Result(None, (Failure(ENDLESS, message, model.span).diagnostic(),))
    steps_of_time = (DT, RESOLUTION) if model.kind is ModelKind.SYNAPSE else (DT,)
    symbols = (*(d.symbol for d in model.parameters), *steps_of_time, *model.internals)
    return Result(MappingProxyType({s: _value(s, slots, v) for s in symbols}))


def _value(symbol: Symbol, slots: Slots, v: Values) -> Any:
    return v[slots.at(symbol)] if symbol.size is None else tuple(v[slots.all_of(symbol)])


def sizes(model: SolvedModel, parameters: Mapping[Symbol, Any]) -> Mapping[Symbol, int]:
    """Return the values of the integer parameters whose default is a number, sizes among them.

    What is no size counts as 0; the guard of the parameter will say so.
    """
    found = {
        d.symbol: max(0, int(parameters.get(d.symbol, d.value.value)))
        for d in model.parameters
        if isinstance(d.value, Number) and d.symbol.type == INTEGER and d.symbol.size is None
    }
    return MappingProxyType(found)


def evaluate(expr: Expr, values: Mapping[Symbol, Any]) -> Result[Any]:
    """Return the value of ``expr`` where each symbol in it has the given value.

    Everything is in coherent units. ``expr`` calls intrinsics only, no functions of a model.

    Errors
    ------
    NML932 : ``expr`` has no value: a function outside its domain.
    """
    slots = Slots()
    try:
        function = Compiler(slots, _no_call).expr(expr)
        v: Values = [0.0] * len(slots)
        for symbol in symbols_in(expr):
            v[slots.at(symbol)] = values[symbol]
        return Result(function(v))
    except ARITHMETIC as problem:
        return Result(None, (undefined("the expression", expr, problem).diagnostic(),))
    except Failure as failure:
        return Result(None, (failure.diagnostic(),))


def _no_call(name: str) -> Callable[..., Any]:
    def call(*_: Any) -> Any:
        raise Failure(UNDEFINED, f"`{name}` cannot be called where constants are computed")

    return call


def _no_flow(_: Values) -> None:
    raise AssertionError("what computes constants does not integrate")


def constant_steps(
    model: SolvedModel, compiler: Compiler, parameters: Mapping[Symbol, Any], dt: float
) -> tuple[Step, ...]:
    """Return what gives parameters, ``dt`` and derived constants their values, in order."""
    steps = [given(compiler, DT, dt), given(compiler, RESOLUTION, dt)]
    steps += [
        given(compiler, d.symbol, parameters[d.symbol])
        if d.symbol in parameters
        else default(compiler, d)
        for d in model.parameters
    ]
    steps += [guard(compiler, d) for d in early_guards(model)]
    steps += [derived(compiler, d) for d in model.derived]
    return tuple(steps)


def early_guards(model: SolvedModel) -> tuple[Declaration, ...]:
    """Return the parameters whose guards can be tested before anything is derived from them."""
    return tuple(d for d in model.parameters if d.guard is not None and not reads_state(d.guard))


def late_guards(model: SolvedModel) -> tuple[Declaration, ...]:
    """Return what else has a guard."""
    early = early_guards(model)
    declared = (*model.parameters, *model.state)
    return tuple(d for d in declared if d.guard is not None and d not in early)


def of_the_interval(model: SolvedModel) -> tuple[Derived, ...]:
    """Return the derived constants that change with ``dt``, in order of evaluation."""
    moving = {DT}
    found: list[Derived] = []
    for d in model.derived:
        match d:
            case Definition(symbol, value) if not moving.isdisjoint(symbols_in(value)):
                moving.add(symbol)
                found.append(d)
            case MatrixExponential(symbols):
                moving.update(s for row in symbols for s in row if s is not None)
                found.append(d)
    return tuple(found)


def reads_state(expr: Expr) -> bool:
    """Return whether ``expr`` reads more than parameters, so that it must wait for the rest."""
    return any(s.kind not in (Kind.PARAMETER, Kind.STEP) for s in symbols_in(expr))


def default(compiler: Compiler, d: Declaration) -> Step:
    """Return what gives a declared symbol its default."""
    return compiler.store(d.symbol, d.value)


def given(compiler: Compiler, symbol: Symbol, value: Any) -> Step:
    """Return what gives a symbol a value from outside, in coherent units."""
    convert = operations.conversion(symbol.type)
    if symbol.size is not None:
        slots, elements = compiler.slots.all_of(symbol), [convert(x) for x in value]

        def run_vector(v: Values) -> None:
            v[slots] = elements

        return run_vector
    slot, converted = compiler.slot(symbol), convert(value)

    def run(v: Values) -> None:
        v[slot] = converted

    return run


def guard(compiler: Compiler, d: Declaration) -> Step:
    """Return what fails if the guard of ``d`` does not hold."""
    assert d.guard is not None
    expr = d.guard
    holds = compiler.expr(expr)
    read = [(s, compiler.slot(s)) for s in symbols_in(expr) if s.size is None]

    def run(v: Values) -> None:
        values = ", ".join(f"{s.name} = {in_declared_unit(s, v[slot])}" for s, slot in read)
        try:
            if holds(v):
                return
        except ARITHMETIC as problem:
            raise undefined(f"the guard of `{d.symbol.name}`", expr, problem) from None
        text = f"guard `{expr.span.text}`" if expr.span.text else "guard"
        message = f"the {text} of `{d.symbol.name}` does not hold: {values}"
        raise Failure(GUARD_VIOLATED, message, expr.span)

    return run


def in_declared_unit(symbol: Symbol, value: Any) -> str:
    """Return ``value``, which is in coherent units, as text in the unit of ``symbol``."""
    unit = symbol.type.unit
    if unit is None:
        return operations.text(value)
    return f"{operations.text(value / float(unit.factor))} {unit.text}"


def derived(compiler: Compiler, d: Derived) -> Step:
    """Return what computes a derived constant."""
    match d:
        case Definition(symbol, value):
            return compiler.store(symbol, value)
        case MatrixExponential():
            return _matrix(compiler, d)


def _matrix(compiler: Compiler, d: MatrixExponential) -> Step:
    rows: list[list[tuple[Expr, Evaluate]]] = [
        [(e, compiler.expr(e)) for e in row] for row in d.matrix
    ]
    dt = compiler.slot(DT)
    targets = [
        (i, j, compiler.slot(s))
        for i, row in enumerate(d.symbols)
        for j, s in enumerate(row)
        if s is not None
    ]

    def entry(e: Expr, f: Evaluate, v: Values) -> float:
        try:
            return float(f(v))
        except ARITHMETIC as problem:
            raise undefined("a rate of the linear system", e, problem) from None

    def run(v: Values) -> None:
        matrix = [[entry(e, f, v) for e, f in row] for row in rows]
        result = matrix_exponential(matrix, v[dt])
        for i, j, slot in targets:
            v[slot] = result[i][j]

    return run
