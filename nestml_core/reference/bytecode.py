"""Right-hand sides as Python functions, built node by node, for what is evaluated most often.

No text is ever compiled: the syntax tree is made here, of our own names, numbers and operators.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FunctionType, MappingProxyType
from typing import Any, TypeAlias

from nestml_core.expr import (
    INTRINSICS,
    Binary,
    Boolean,
    Call,
    Conditional,
    Constant,
    Expr,
    Number,
    Ref,
    Symbol,
    Unary,
    bottom_up,
)
from nestml_core.model import Function
from nestml_core.reference import operations
from nestml_core.reference.expressions import CONSTANTS, Slots, Values, number_value
from nestml_core.sharing import share
from nestml_core.solve.derivative import expanded

Vector: TypeAlias = Sequence[float]
Evaluated: TypeAlias = Callable[[Values, Vector], list[float]]
"""From all values and the vector of what moves, the values of the expressions."""

DEEPEST = 60
"""How deep a tree may be that Python's own compiler is given."""

_PLAIN: Mapping[str, type[ast.operator]] = MappingProxyType(
    {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div}
)
_COMPARISONS: Mapping[str, type[ast.cmpop]] = MappingProxyType(
    {"<": ast.Lt, "<=": ast.LtE, "==": ast.Eq, "!=": ast.NotEq, ">=": ast.GtE, ">": ast.Gt}
)
_FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"exp": math.exp, "ln": math.log, "log10": math.log10, "expm1": math.expm1}
)
"""Plain functions, which raise where those of ``operations`` say infinity."""


class _Unsuitable(Exception):
    """An expression holds what is left to closures; never leaves this module."""


def compiled(
    expressions: Sequence[Expr],
    moving: Sequence[Symbol],
    slots: Slots,
    functions: Mapping[str, Function],
) -> Evaluated | None:
    """Return a function that evaluates ``expressions`` together, each repeated part once.

    Where it returns, it returns what the closures of ``Compiler`` do. Where an operation has no
    finite value it raises ``ArithmeticError`` or ``ValueError``; closures then know what it is.

    Parameters
    ----------
    moving : the symbols whose values are in the vector; all others are read from their slots
    functions : of the model, by name; calls are replaced by what they return

    Returns
    -------
    None for expressions with vectors or text, or functions that do more than compute one value.
    """
    bodies = expanded(expressions, functions)
    if bodies is None:
        return None
    try:
        return _Writer(moving, slots).function(bodies)
    except _Unsuitable:
        return None


class _Writer:
    """The state of one call of ``compiled``."""

    def __init__(self, moving: Sequence[Symbol], slots: Slots) -> None:
        self.slots = slots
        self.names = {s: f"x{i}" for i, s in enumerate(moving)}
        self.moving: list[ast.expr] = [ast.Name(n, ast.Store()) for n in self.names.values()]
        self.loads: list[ast.stmt] = []
        self.functions: dict[str, str] = {}
        self.namespace: dict[str, Any] = {"__builtins__": {}}

    def function(self, expressions: Sequence[Expr]) -> Evaluated:
        definitions, values = share(expressions)
        shared: list[ast.stmt] = []
        for i, d in enumerate(definitions):
            value = self.tree(d.value)
            self.names[d.symbol] = f"s{i}"
            shared.append(ast.Assign([ast.Name(f"s{i}", ast.Store())], value))
        result = ast.Return(ast.List([self.tree(e) for e in values], ast.Load()))
        unpack = ast.Assign([ast.Tuple(self.moving, ast.Store())], ast.Name("x", ast.Load()))
        body = [*([unpack] if self.moving else []), *self.loads, *shared, result]
        return _function(body, self.namespace)

    def tree(self, expr: Expr) -> ast.expr:
        tree, depth = bottom_up(expr, self.node)
        if depth > DEEPEST:
            raise _Unsuitable
        return tree

    def node(self, e: Expr, operands: tuple[tuple[ast.expr, int], ...]) -> tuple[ast.expr, int]:
        parts = [tree for tree, _ in operands]
        tree = self.operation(e, parts) if parts else self.leaf(e)
        return tree, 1 + max((d for _, d in operands), default=0)

    def leaf(self, e: Expr) -> ast.expr:
        match e:
            case Number():
                return ast.Constant(number_value(e))
            case Constant(name):
                return ast.Constant(CONSTANTS[name])
            case Boolean(value):
                return ast.Constant(value)
            case Ref(symbol) if symbol.size is None:
                return ast.Name(self.name(symbol), ast.Load())
            case _:
                raise _Unsuitable

    def operation(self, e: Expr, parts: list[ast.expr]) -> ast.expr:
        match e:
            case Unary("-"):
                return ast.UnaryOp(ast.USub(), parts[0])
            case Unary("not"):
                return ast.UnaryOp(ast.Not(), parts[0])
            case Binary(op) if op in _PLAIN:
                return ast.BinOp(parts[0], _PLAIN[op](), parts[1])
            case Binary(op) if op in _COMPARISONS:
                return ast.Compare(parts[0], [_COMPARISONS[op]()], [parts[1]])
            case Binary("and"):
                return ast.BoolOp(ast.And(), parts)
            case Binary("or"):
                return ast.BoolOp(ast.Or(), parts)
            case Conditional():
                return ast.IfExp(*parts)
            case Unary():
                return self.call(f"unary {e.op}", operations.unary(e), parts)
            case Binary():
                bases = (e.left.type.base, e.right.type.base, e.type.base)
                return self.call(f"{e.op} {bases}", _operation(e), parts)
            case Call(name) if name in INTRINSICS:
                function = _FUNCTIONS.get(name) or operations.intrinsic(e)
                assert function is not None, "all intrinsics are known"
                return self.call(f"{name} {e.type.base}", function, parts)
            case _:
                raise _Unsuitable

    def name(self, symbol: Symbol) -> str:
        """Return the local variable of ``symbol``, loaded from its slot at its first mention."""
        if symbol not in self.names:
            slot = self.slots.at(symbol)
            name = self.names[symbol] = f"v{slot}"
            value = ast.Subscript(ast.Name("v", ast.Load()), ast.Constant(slot), ast.Load())
            self.loads.append(ast.Assign([ast.Name(name, ast.Store())], value))
        return self.names[symbol]

    def call(self, key: str, function: Callable[..., Any], parts: list[ast.expr]) -> ast.expr:
        name = self.functions.setdefault(key, f"f{len(self.functions)}")
        self.namespace[name] = function
        return ast.Call(ast.Name(name, ast.Load()), parts, [])


def _operation(e: Binary) -> Callable[..., Any]:
    operation = operations.binary(e)
    return math.pow if operation is operations.real_power else operation


def _function(body: Sequence[ast.stmt], namespace: dict[str, Any]) -> Evaluated:
    """Return the function of ``v`` and ``x`` with this body."""
    arguments = ast.arguments([], [ast.arg("v"), ast.arg("x")], None, [], [], None, [])
    definition = ast.FunctionDef("equations", arguments, list(body), [])
    module = ast.fix_missing_locations(ast.Module([definition], []))
    code = compile(module, "<equations>", "exec")
    (inner,) = (c for c in code.co_consts if isinstance(c, CodeType))
    return FunctionType(inner, namespace)
