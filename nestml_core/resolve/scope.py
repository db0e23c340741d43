"""What the names of a model stand for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.expr import Expr, Kind, Symbol
from nestml_core.resolve import codes
from nestml_core.resolve.builtins import ELSEWHERE, FUNCTIONS, PREDEFINED
from nestml_core.source import Span
from nestml_core.syntax import tree
from nestml_core.types import UNKNOWN, Type

MAX_LISTED = 5


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
    dialect: str = "9.0"
    internals: dict[str, tree.Declaration] = field(default_factory=dict)
    powers: list[tree.Quantity] = field(default_factory=list)
    """Literals such as ``3 mV**2``, which NESTML 8 reads differently."""
    free_units: bool = False
    """Whether a unit stands without a number, as it did in NESTML 8."""
    coming: dict[str, Span] = field(default_factory=dict)
    """The local variables of the body being resolved, known already or not, with their place."""
    read: set[str] = field(default_factory=set)
    """The global names that some expression mentions."""

    def declare(
        self, name: str, kind: Kind, type: Type, span: Span, size: Expr | None = None
    ) -> Symbol:
        """Add a name to the innermost scope; report it if it is there already."""
        symbol = Symbol(name, kind, type, span, size)
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
        note = Note(known.span, f"first declared here, as {with_article(known.kind)}")
        message = f"`{name}` is declared twice"
        help = "a name is declared once in a body, whatever block it stands in"
        if self.locals is None:
            help = "choose another name for one of them"
        self.found.append(codes.DUPLICATE_NAME.at(span, message, help=help, notes=(note,)))

    def known(self, name: str) -> Symbol | None:
        """Return what a name stands for, without reading its value."""
        if self.locals is not None and name in self.locals:
            return self.locals[name]
        return self.names.get(name)

    def look_up(self, name: str) -> Symbol | None:
        """Return what a name stands for in an expression."""
        if self.locals is not None and name in self.locals:
            return self.locals[name]
        self.read.add(name)
        return self.names.get(name)

    def is_variable(self, name: str) -> bool:
        return name in PREDEFINED or self.look_up(name) is not None or name in self.lost

    def unknown(
        self, name: str, span: Span, among: Iterable[Kind] = (), advice: str = ""
    ) -> Symbol:
        """Report an unknown name, and return a stand-in that fits everywhere.

        ``among`` are the kinds of names that could stand there; none means all. ``advice`` is
        given where no name is near.
        """
        if name in self.coming:
            note = Note(self.coming[name], "declared here")
            message = f"`{name}` is used before it is declared"
            help = "move the declaration up"
            self.found.append(codes.USED_TOO_EARLY.at(span, message, help=help, notes=(note,)))
            return Symbol(name, Kind.LOCAL, UNKNOWN, span)
        if name not in self.lost and name.isascii():  # what is not has been reported
            kinds = frozenset(among)
            known = {**self.names, **(self.locals or {})}
            fitting = tuple(n for n, s in known.items() if not kinds or s.kind in kinds)
            help = did_you_mean(name, fitting if kinds else (*fitting, *PREDEFINED))
            if not help and (name in self.functions or name in FUNCTIONS):
                help = f"`{name}` is a function: write `{name}(...)`"
            if not help and advice:
                help = advice
            elif not help and kinds and 0 < len(fitting) <= MAX_LISTED:
                help = f"there {'are' if fitting[1:] else 'is'} {listed(fitting)}"
            message = f"`{name}` is not defined in `{self.model}`"
            self.found.append(codes.UNKNOWN_NAME.at(span, message, help=help))
        return Symbol(name, Kind.LOCAL, UNKNOWN, span)

    def unknown_function(self, name: str, span: Span) -> None:
        if name in self.lost:
            return
        help = did_you_mean(name, (*self.functions, *FUNCTIONS))
        known = self.known(name)
        if known is not None:
            help = f"`{name}` is {with_article(known.kind)}; write `*` for a product"
        elif name.lower() in ELSEWHERE:
            help = f"write {ELSEWHERE[name.lower()]}"
        message = f"there is no function `{name}`"
        self.found.append(codes.UNKNOWN_FUNCTION.at(span, message, help=help))


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    all_choices = tuple(choices)
    same = [c for c in all_choices if c.lower() == name.lower()]
    close = same or get_close_matches(name, all_choices, 1, 0.6)
    return f"did you mean `{close[0]}`?" if close else ""


def with_article(kind: Kind) -> str:
    """Return a kind of names as in "`a` is an internal"."""
    return f"{'an' if kind.value[0] in 'aeiou' else 'a'} {kind.value}"


def listed(names: Iterable[str]) -> str:
    """Return names as in "`a`, `b` and `c`"."""
    *first, last = (f"`{n}`" for n in names)
    return f"{', '.join(first)} and {last}" if first else last
