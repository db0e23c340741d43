"""The grammar's parser, made faster: one character of lookahead decides what is tried at all.

textX turns the grammar into a graph of parsing expressions. Running that graph with Arpeggio
spends most of its time on alternatives that fail at their first character, each failure an
exception. Here the same graph becomes nested functions that return -1 where nothing fits, and
choices are tried only if they can begin with the character that comes next.

Only acceptance and the objects are the same, not where an error is reported: what does not parse
here is parsed again by Arpeggio, which then says where it got stuck and what it tried there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as regex_syntax  # type: ignore[attr-defined]
from typing import Any, TypeAlias

from arpeggio import (
    And,
    EndOfFile,
    Match,
    Not,
    OneOrMore,
    Optional,
    OrderedChoice,
    RegExMatch,
    Sequence,
    ZeroOrMore,
)

BLANKS = " \t\r"
END = "\0"
"""Stands behind the text, so that there is always a next character."""

Parse: TypeAlias = Callable[[str, int, list[Any]], int]
"""From text and offset to the offset behind what was read, or -1; objects go into the list."""

ALPHABET = frozenset(map(chr, range(128))) | frozenset("\ue000\ue001\ue002")
NOTHING: frozenset[str] = frozenset()


class NotUnderstood(Exception):
    """A kind of parsing expression, or a use of one, that is not known here."""


def parser(metamodel: Any) -> Callable[[str], Any]:
    """Return the parser of a textX metamodel: from a text to its root object, or None.

    Raises
    ------
    NotUnderstood : the grammar uses what this module does not know.
    """
    model = metamodel._parser_blueprint.parser_model
    parse = _Compiler(metamodel).expression(model.nodes[0])

    def root(text: str) -> Any:
        found: list[Any] = []
        begin = len(text) - len(text.lstrip(BLANKS))
        end = parse(text + END, begin, found)
        return found[0] if end == len(text) else None

    return root


# What can come first


def _characters(items: Iterable[tuple[Any, Any]]) -> frozenset[str]:
    """Return the characters of the alphabet in a class of a regular expression."""
    found: set[str] = set()
    negated = False
    for kind, value in items:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            found.add(chr(value))
        elif kind is op.RANGE:
            found.update(map(chr, range(value[0], value[1] + 1)))
        elif kind is op.CATEGORY and value in _CATEGORIES:
            found.update(c for c in ALPHABET if re.match(_CATEGORIES[value], c))
        else:
            return ALPHABET
    return ALPHABET - found if negated else frozenset(found)


_CATEGORIES = {op.CATEGORY_DIGIT: r"\d", op.CATEGORY_WORD: r"\w", op.CATEGORY_SPACE: r"\s"}
_ZERO_WIDTH = (op.AT, op.ASSERT, op.ASSERT_NOT)
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT)


def _first_of_pattern(items: Any) -> tuple[frozenset[str], bool]:
    """Return what a parsed regular expression can begin with, and whether it can be empty."""
    found = NOTHING
    for kind, value in items:
        empty = False
        if kind is op.LITERAL:
            here = frozenset(chr(value))
        elif kind is op.IN:
            here = _characters(value)
        elif kind is op.SUBPATTERN:
            here, empty = _first_of_pattern(value[3])
        elif kind is op.BRANCH:
            parts = [_first_of_pattern(b) for b in value[1]]
            here = frozenset().union(*(p[0] for p in parts))
            empty = any(p[1] for p in parts)
        elif kind in _REPEATS:
            here, empty = _first_of_pattern(value[2])
            empty = empty or value[0] == 0
        elif kind in _ZERO_WIDTH:
            here, empty = NOTHING, True
        else:
            here, empty = ALPHABET, True
        found |= here
        if not empty:
            return found, False
    return found, True


class _Compiler:
    """Makes functions of parsing expressions, each expression once."""

    def __init__(self, metamodel: Any) -> None:
        self.metamodel = metamodel
        self.made: dict[int, Parse] = {}
        self.firsts: dict[int, tuple[frozenset[str], bool]] = {}

    # FIRST sets

    def first(self, node: Any) -> tuple[frozenset[str], bool]:
        """Return what ``node`` can begin with, and whether it can be empty."""
        key = id(node)
        if key not in self.firsts:
            self.firsts[key] = (ALPHABET, True)  # were it left-recursive
            self.firsts[key] = self.compute_first(node)
        return self.firsts[key]

    def compute_first(self, node: Any) -> tuple[frozenset[str], bool]:
        match node:
            case RegExMatch():
                return _first_of_pattern(regex_syntax.parse(node.to_match_regex))
            case EndOfFile() | Not() | And():
                return NOTHING, True
            case Match():
                return frozenset(node.to_match[:1]), not node.to_match
            case OrderedChoice():
                parts = [self.first(n) for n in node.nodes]
                return frozenset().union(*(p[0] for p in parts)), any(p[1] for p in parts)
            case Optional() | ZeroOrMore():
                return self.first_of_sequence(node.nodes)[0], True
            case OneOrMore() | Sequence():
                return self.first_of_sequence(node.nodes)
            case _:
                raise NotUnderstood(type(node).__name__)

    def first_of_sequence(self, nodes: list[Any]) -> tuple[frozenset[str], bool]:
        found = NOTHING
        for n in nodes:
            here, empty = self.first(n)
            found |= here
            if not empty:
                return found, False
        return found, True

    def worth_trying(self, node: Any) -> frozenset[str]:
        here, empty = self.first(node)
        return ALPHABET if empty else here

    # Functions

    def expression(self, node: Any) -> Parse:
        """Return the function of ``node``; one that is still being made is looked up when run."""
        key = id(node)
        if key not in self.made:
            made = self.made

            def later(text: str, at: int, out: list[Any]) -> int:
                return made[key](text, at, out)

            made[key] = later
            made[key] = self.make(node)
        return self.made[key]

    def make(self, node: Any) -> Parse:
        name = node.rule_name
        if name.startswith("__asgn"):
            return self.assignment(node, name.rpartition("_")[2])
        if isinstance(node, Match | Not | And):
            return self.terminal(node)
        kind = getattr(node, "_tx_class", None) if node.root else None
        if kind is not None and kind._tx_type == "common":
            return self.rule(kind, node)
        return self.plain(node)

    def plain(self, node: Any) -> Parse:
        match node:
            case OrderedChoice():
                return self.choice(node.nodes)
            case Optional():
                return self.optional(node)
            case ZeroOrMore() | OneOrMore():
                return self.repeat(node)
            case Sequence():
                return self.sequence(node.nodes)
            case _:
                raise NotUnderstood(type(node).__name__)

    def terminal(self, node: Any) -> Parse:
        if isinstance(node, EndOfFile):
            return lambda text, at, out: at if at == len(text) - 1 else -1
        if isinstance(node, Not):
            inner = self.sequence(node.nodes)
            return lambda text, at, out: at if inner(text, at, []) < 0 else -1
        if isinstance(node, And):
            inner = self.sequence(node.nodes)
            return lambda text, at, out: at if inner(text, at, []) >= 0 else -1
        match = self.pattern(node).match

        def run(text: str, at: int, out: list[Any]) -> int:
            found = match(text, at)
            return -1 if found is None else found.end()

        return run

    def pattern(self, node: Any) -> re.Pattern[str]:
        """Return the pattern of a terminal with the blanks behind it; group 1 is the terminal."""
        if isinstance(node, RegExMatch):
            return re.compile(f"({node.to_match_regex})[{BLANKS}]*", node.regex.flags)
        return re.compile(f"({re.escape(node.to_match)})[{BLANKS}]*")

    def sequence(self, nodes: list[Any]) -> Parse:
        parts = tuple(map(self.expression, nodes))
        if len(parts) == 1:
            return parts[0]

        def run(text: str, at: int, out: list[Any]) -> int:
            for part in parts:
                at = part(text, at, out)
                if at < 0:
                    return -1
            return at

        return run

    def choice(self, nodes: list[Any]) -> Parse:
        parts = tuple((self.worth_trying(n), self.expression(n)) for n in nodes)
        everything = tuple(p for _, p in parts)
        table = {c: tuple(p for first, p in parts if c in first) for c in ALPHABET}

        def run(text: str, at: int, out: list[Any]) -> int:
            size = len(out)
            for part in table.get(text[at], everything):
                end = part(text, at, out)
                if end >= 0:
                    return end
                del out[size:]
            return -1

        return run

    def optional(self, node: Any) -> Parse:
        inner = self.sequence(node.nodes)
        first = self.first_of_sequence(node.nodes)[0]

        def run(text: str, at: int, out: list[Any]) -> int:
            if text[at] not in first:
                return at
            size = len(out)
            end = inner(text, at, out)
            if end >= 0:
                return end
            del out[size:]
            return at

        return run

    def repeat(self, node: Any, part: Parse | None = None) -> Parse:
        """Return the function of ``x*`` or ``x+``, with a separator between the parts or none."""
        inner = part or self.sequence(node.nodes)
        first = self.first_of_sequence(node.nodes)[0]
        between = self.terminal(node.sep) if node.sep is not None else None
        least = isinstance(node, OneOrMore)
        if self.first_of_sequence(node.nodes)[1] or node.eolterm:
            raise NotUnderstood("a repetition of what can be empty")

        def run(text: str, at: int, out: list[Any]) -> int:
            end = inner(text, at, out) if text[at] in first else -1
            if end < 0:
                return -1 if least else at
            while True:
                at = end
                size = len(out)
                if between is not None:
                    end = between(text, at, out)
                    if end < 0:
                        return at
                end = inner(text, end, out) if text[end] in first else -1
                if end < 0:
                    del out[size:]
                    return at

        return run

    def assignment(self, node: Any, how: str) -> Parse:
        """Return the function of ``attribute=x`` and its like; it puts (attribute, value) out."""
        attribute = node._attr_name
        match how:
            case "plain" if isinstance(node.nodes[0], Match):
                return self.text(attribute, node.nodes[0])
            case "plain":
                return self.one(attribute, self.sequence(node.nodes))
            case "optional":
                return self.flag(attribute, self.optional(node))
            case "zeroormore" | "oneormore":
                inner = self.text(None, node.nodes[0]) if isinstance(node.nodes[0], Match) else None
                return self.many(attribute, self.repeat(node, inner))
            case _:
                raise NotUnderstood(how)

    def text(self, attribute: str | None, node: Any) -> Parse:
        match = self.pattern(node).match

        def run(text: str, at: int, out: list[Any]) -> int:
            found = match(text, at)
            if found is None:
                return -1
            out.append(found[1] if attribute is None else (attribute, found[1]))
            return found.end()

        return run

    def one(self, attribute: str, inner: Parse) -> Parse:
        def run(text: str, at: int, out: list[Any]) -> int:
            end = inner(text, at, out)
            if end >= 0:
                out[-1] = (attribute, out[-1])
            return end

        return run

    def flag(self, attribute: str, inner: Parse) -> Parse:
        def run(text: str, at: int, out: list[Any]) -> int:
            end = inner(text, at, out)
            if end > at:
                out.append((attribute, True))
            return end

        return run

    def many(self, attribute: str, inner: Parse) -> Parse:
        def run(text: str, at: int, out: list[Any]) -> int:
            size = len(out)
            end = inner(text, at, out)
            if end >= 0:
                values = out[size:]
                del out[size:]
                out.append((attribute, values))
            return end

        return run

    def rule(self, kind: Any, node: Any) -> Parse:
        """Return the function of a rule that makes an object."""
        inner = self.plain(node)
        attributes = kind._tx_attrs
        lists = tuple(a for a, d in attributes.items() if d.mult in ("0..*", "1..*"))
        empty = {a: "" if d.cls._tx_type == "match" else None for a, d in attributes.items()}
        empty |= {a: False for a, d in attributes.items() if d.bool_assignment}
        made = type(kind.__name__, (), {"__slots__": ("__dict__",), **empty})
        several = frozenset(lists)

        def run(text: str, at: int, out: list[Any]) -> int:
            found: list[Any] = []
            end = inner(text, at, found)
            if end < 0:
                return -1
            thing = made()
            values = thing.__dict__
            for attribute in lists:
                values[attribute] = []
            for attribute, value in found:
                if attribute in several:
                    values[attribute] += value
                else:
                    values[attribute] = value
            values["_tx_position"] = at
            values["_tx_position_end"] = end
            out.append(thing)
            return end

        return run
