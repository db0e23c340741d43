"""What can go wrong while a model runs, and the diagnostics that say so."""

from __future__ import annotations

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.expr import Expr
from nestml_core.source import NOWHERE, Span

NO_DELAY = Code("NML930", Severity.ERROR, "a delay that no run can have")
GUARD_VIOLATED = Code("NML931", Severity.ERROR, "a value violates the guard of its declaration")
UNDEFINED = Code("NML932", Severity.ERROR, "an expression has no value")
NOT_FINITE = Code("NML933", Severity.ERROR, "a variable is not a finite number")
INTEGER_RANGE = Code("NML934", Severity.ERROR, "a whole number does not fit into 64 bits")
ENDLESS = Code("NML935", Severity.ERROR, "a loop or recursion does not end")
STEP_TOO_SMALL = Code("NML936", Severity.ERROR, "an equation cannot be integrated")
MESSAGE = Code("NML937", Severity.HINT, "a message of the model")
NO_ELEMENT = Code("NML939", Severity.ERROR, "an index outside of its vector, found in a run")
MODEL_WARNING = Code("NML938", Severity.WARNING, "a warning of the model")

ARITHMETIC = (ArithmeticError, ValueError)
"""What Python and NumPy raise where an operation has no value."""


class Failure(Exception):
    """Ends a run. It never leaves this package: ``simulate`` and ``constants`` return it."""

    def __init__(self, code: Code, message: str, span: Span = NOWHERE, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.span = span
        self.help = help

    def diagnostic(self, when: str = "") -> Diagnostic:
        return self.code.at(self.span, self.message + when, help=self.help)


def undefined(what: str, expr: Expr, problem: Exception) -> Failure:
    """Return the failure of evaluating ``expr``, which was to become ``what``."""
    text = f" in `{expr.span.text}`" if expr.span.text else ""
    return Failure(UNDEFINED, f"{what} has no value: {_cause(problem)}{text}", expr.span)


def _cause(problem: Exception) -> str:
    if isinstance(problem, ZeroDivisionError):
        return "division by zero"
    if isinstance(problem, ValueError) and "math domain" in str(problem):
        return "a function outside its domain"
    return str(problem)
