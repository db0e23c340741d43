"""What the names of a model stand for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.expr import Kind, Symbol
from nestml_core.resolve import codes
from nestml_core.resolve.builtins import FUNCTIONS, PREDEFINED
from nestml_core.source import Span
from nestml_core.syntax import tree
from nestml_core.types import UNKNOWN, Type


@dataclass(slots=True)
class Scope:
    """The names of one model while it is being resolved, and what was found wrong with it.

    ``names`` are global; ``locals`` those of the body being resolved. ``lost`` are names from
    lines that did not parse: nothing is said about these.
    """

    model: str
    lost: frozenset[str]
    names: dict[str, Symbol] = field(default_factory=dict)
    kernels: dict[str, Symbol] = field(default_factory=dict)
    functions: dict[str, tree.Function] = field(default_factory=dict)
    locals: dict[str, Symbol] | None = None
    found: list[Diagnostic] = field(default_factory=list)
    early: dict[str, Span] = field(default_factory=dict)
    """Names that are declared further down and must not be used yet, with their place."""

    def declare(self, name: str, kind: Kind, type: Type, span: Span) -> Symbol:
        """Add a name to the innermost scope; report it if it is there already."""
        symbol = Symbol(name, kind, type, span)
        if name in PREDEFINED:
            help = "choose another name"
            message = f"`{name}` is predefined and cannot be declared"
            self.found.append(codes.PREDEFINED_NAME.at(span, message, help=help))
            return symbol
        scope = self.names if self.locals is None else self.locals
        known = scope.get(name)
        if known is not None:
            self.twice(name, span, known)
            return known
        scope[name] = symbol
        return symbol

    def twice(self, name: str, span: Span, known: Symbol) -> None:
        note = Note(known.span, f"first declared here, as a {known.kind.value}")
        message = f"`{name}` is declared twice"
        self.found.append(codes.DUPLICATE_NAME.at(span, message, notes=(note,)))

    def look_up(self, name: str) -> Symbol | None:
        if self.locals is not None and name in self.locals:
            return self.locals[name]
        return self.names.get(name)

    def is_variable(self, name: str) -> bool:
        return name in PREDEFINED or self.look_up(name) is not None or name in self.lost

    def unknown(self, name: str, span: Span) -> Symbol:
        """Report an unknown name, and return a stand-in that fits everywhere."""
        if name not in self.lost:
            known = {**self.names, **(self.locals or {})}
            help = did_you_mean(name, (*known, *PREDEFINED))
            message = f"`{name}` is not defined in `{self.model}`"
            self.found.append(codes.UNKNOWN_NAME.at(span, message, help=help))
        return Symbol(name, Kind.LOCAL, UNKNOWN, span)

    def unknown_function(self, name: str, span: Span) -> None:
        if name in self.lost:
            return
        help = did_you_mean(name, (*self.functions, *FUNCTIONS))
        message = f"there is no function `{name}`"
        self.found.append(codes.UNKNOWN_FUNCTION.at(span, message, help=help))


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    listed = tuple(choices)
    same = [c for c in listed if c.lower() == name.lower()]
    close = same or get_close_matches(name, listed, 1, 0.6)
    return f"did you mean `{close[0]}`?" if close else ""
