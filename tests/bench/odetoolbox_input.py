"""The equations of a resolved model as ODE-toolbox takes them: JSON with formulas as text."""

from __future__ import annotations

from typing import Any

from nestml_core.expr import (
    Binary,
    Boolean,
    Call,
    Conditional,
    Constant,
    Convolve,
    Element,
    Expr,
    Kind,
    Number,
    Ref,
    Symbol,
    Unary,
    rewrite,
    substitute,
    symbols_in,
    walk,
)
from nestml_core.model import Kernel, Model
from nestml_core.solve.algebra import ZERO
from nestml_core.solve.derivative import without_calls
from nestml_core.solve.inlines import expanded_inlines

FUNCTIONS = {"ln": "log", "abs": "Abs", "min": "Min", "max": "Max"}


def shape(model: Model) -> dict[str, Any] | None:
    """Return what ``odetoolbox.analysis`` takes for ``model``, or None if it has no equations.

    Inlines are expanded, convolutions are the variables of their kernels, one set for each kernel
    and port; spikes on right-hand sides are left out, as they are no part of the flow. Functions
    of the model are replaced by their bodies. ODE-toolbox knows no case distinctions: of these the
    first case is taken.
    """
    inlines = expanded_inlines(model)
    functions = {f.name: f for f in model.functions}
    found: list[dict[str, Any]] = []
    used: dict[tuple[Symbol, Symbol], None] = {}
    for q in model.equations:
        for e in walk(substitute(q.value, inlines)):
            if isinstance(e, Convolve):
                used[e.kernel, e.port] = None
    kernels = {k.symbol.name: k for k in model.kernels}
    delta = {(k, p) for k, p in used if _is_delta(kernels[k.name])}

    def plain(e: Expr) -> Expr:
        if isinstance(e, Convolve):
            zero = (e.kernel, e.port) in delta
            return ZERO if zero else Ref(Symbol(_joined(e.kernel, e.port), Kind.STATE))
        if isinstance(e, Ref) and e.symbol.kind is Kind.SPIKE_PORT:
            return ZERO
        return e

    parameters: dict[str, str] = {}
    for q in model.equations:
        value = without_calls(rewrite(substitute(q.value, inlines), plain), functions)
        found.append(_equation([v.identifier for v in q.variables], value, 0))
        parameters |= _constants(value, model)
    for k, p in used:
        if (k, p) not in delta:
            found += _kernel(kernels[k.name], p, inlines)
            parameters |= {
                name: text
                for e in _values(kernels[k.name])
                for name, text in _constants(substitute(e, inlines), model).items()
            }
    if not found:
        return None
    options = {"output_timestep_symbol": "__h", "sim_time": "100", "max_step_size": "0.1"}
    return {"dynamics": found, "options": options, "parameters": parameters}


def _is_delta(kernel: Kernel) -> bool:
    return kernel.value is None and not kernel.equations


def _joined(kernel: Symbol, port: Symbol) -> str:
    return f"{kernel.identifier}__X__{port.identifier}"


def _values(kernel: Kernel) -> tuple[Expr, ...]:
    if kernel.value is not None:
        return (kernel.value,)
    return tuple(q.value for q in kernel.equations)


def _kernel(kernel: Kernel, port: Symbol, inlines: dict[Symbol, Expr]) -> list[dict[str, Any]]:
    if kernel.value is not None:
        value = substitute(kernel.value, inlines)
        return [{"expression": f"{_joined(kernel.symbol, port)} = {text(value)}"}]
    found = []
    names = {
        v: Symbol(_primed(_joined(q.variables[0], port), k), Kind.STATE)
        for q in kernel.equations
        for k, v in enumerate(q.variables)
    }
    for q in kernel.equations:
        value = substitute(substitute(q.value, inlines), {v: Ref(s) for v, s in names.items()})
        found.append(_equation([names[v].name for v in q.variables], value, 0))
    return found


def _primed(name: str, order: int) -> str:
    return name + "'" * order


def _equation(names: list[str], value: Expr, initial: int) -> dict[str, Any]:
    main = names[0]
    left = _primed(main, len(names))
    renamed = {f"{main}{'__d' * k}": _primed(main, k) for k in range(len(names))}
    first = {_primed(main, k): str(initial) for k in range(len(names))}
    return {"expression": f"{left} = {text(value, renamed)}", "initial_values": first}


def _constants(value: Expr, model: Model) -> dict[str, str]:
    """Return a value for each constant of ``value``, plain numbers where the default is one."""
    known = {d.symbol: d.value for d in (*model.parameters, *model.internals)}
    found = {}
    for s in symbols_in(value):
        if s.kind in (Kind.PARAMETER, Kind.INTERNAL):
            default = known.get(s.owner)
            is_number = isinstance(default, Number)
            found[s.identifier] = str(float(default.value)) if is_number else "1.0"  # type: ignore[union-attr]
    return found


def text(e: Expr, renamed: dict[str, str] | None = None) -> str:
    """Return ``e`` as a formula in SymPy's notation."""
    renamed = renamed or {}

    def of(e: Expr) -> str:
        match e:
            case Number(value) if value.denominator == 1:
                return str(value) if value >= 0 else f"({value})"
            case Number(value):
                return f"({value})"
            case Constant("e"):
                return "e"
            case Constant(name):
                return name
            case Boolean(value):
                return str(value)
            case Ref(symbol):
                return renamed.get(
                    symbol.identifier, symbol.name if "'" in symbol.name else symbol.identifier
                )
            case Unary(_, operand):
                return f"(-{of(operand)})"
            case Binary(op, left, right):
                return f"({of(left)} {op} {of(right)})"
            case Call(name, arguments):
                inner = ", ".join(map(of, arguments))
                return f"{FUNCTIONS.get(name, name)}({inner})"
            case Conditional(_, then, _):
                return of(then)
            case Element(vector):
                return vector.identifier
            case _:
                raise ValueError(f"no formula for {e}")

    return of(e)
