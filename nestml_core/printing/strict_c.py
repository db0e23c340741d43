"""C++ without silent conversions between whole and real numbers, and with every parenthesis."""

from __future__ import annotations

from dataclasses import replace

from nestml_core.expr import Binary, Expr, Number
from nestml_core.printing.base import Piece
from nestml_core.printing.c import CPrinter
from nestml_core.types import REAL, Base, Type

REALS = (Base.REAL, Base.QUANTITY)
LOGICAL = frozenset({"and", "or"})
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
BITWISE = frozenset({"|", "^", "&", "<<", ">>"})


class StrictCPrinter(CPrinter):
    """Print what compilers have no warning for."""

    def real(self, e: Expr) -> str:
        """Return ``e`` as the value of something real: whole numbers with a point."""
        if isinstance(e, Number) and e.type.base is Base.INTEGER:
            return self.number(replace(e, type=REAL)).text
        return self.widened(self.expr(e)) if e.type.base is Base.INTEGER else self.expr(e)

    def value_for(self, type: Type, e: Expr) -> str:
        return self.real(e) if type.base in REALS else self.expr(e)

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        is_real = e.left.type.base in REALS
        if e.op not in BITWISE and is_real != (e.right.type.base in REALS):
            left, right = self.as_reals(((e.left, left), (e.right, right)))
        left, right = (grouped(e.op, x, p) for x, p in ((e.left, left), (e.right, right)))
        return super().binary(e, left, right)

    def as_reals(self, operands: tuple[tuple[Expr, Piece], ...]) -> tuple[Piece, ...]:
        """Return operands of which one is real, each as a real number."""
        return tuple(
            Piece(self.real(x), p.level)
            if isinstance(x, Number)
            else Piece(self.widened(p.text))
            if x.type.base is Base.INTEGER
            else p
            for x, p in operands
        )


def grouped(op: str, operand: Expr, piece: Piece) -> Piece:
    """Put parentheses where precedence needs none but compilers warn without them."""
    if not isinstance(operand, Binary):
        return piece
    inner = operand.op
    if op in BITWISE:
        warned = inner != op
    else:
        warned = inner != op and any(op in g and inner in g for g in (LOGICAL, COMPARISONS))
        warned = warned or (op in COMPARISONS and inner == op)
    return Piece(f"({piece.text})") if warned else piece
