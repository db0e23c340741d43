"""One style for all models: a source becomes the same model with uniform blanks and indentation.

Only blanks, line ends and the indentation of lines change. What each token is for (a sign or a
difference, a factor of a unit or of a product) is read off the tree, never guessed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise

from nestml_core.diagnostics import Code, Result, Severity
from nestml_core.source import Source, Span
from nestml_core.syntax import tree
from nestml_core.syntax.layout import DEDENT, INDENT, MARKERS, TAB, Comment, Laid, lay_out
from nestml_core.syntax.mistakes import RESERVED
from nestml_core.syntax.parse import parse

NOT_THE_SAME = Code("NML950", Severity.ERROR, "a rewriting that would change a model")

LEVEL = 4
"""Blanks for each level of indentation."""
BETWEEN_BLOCKS, BETWEEN_MODELS = 1, 2
"""Blank lines."""

TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|@?[A-Za-z_$][\w$]*(?:::[A-Za-z_$][\w$]*)?'
    r"|(?:\d+\.(?!\.)\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?"
    r"|\.\.\.|//=|\*\*|//|<<|>>|<-|<=|>=|==|!=|<>|\+=|-=|\*=|/=|\[\[|[^ \t\r]",
    re.DOTALL,
)
_WORD = re.compile(r"[A-Za-z_$][\w$]*\Z")
PREDEFINED = ("t", "e", "pi")


def formatted(source: Source) -> Result[str]:
    """Return the text of ``source`` in the house style.

    The result is compared with the source before it is returned: the trees are equal up to spans,
    the comments are the same, and formatting it again changes nothing.

    Errors
    ------
    those of ``parse`` : a text that does not parse is not formatted; NML950 : the comparison
    failed, which is a mistake of the formatter.
    """
    before = parse(source)
    if any(d.is_error for d in before.diagnostics):
        return Result(None, before.diagnostics)
    text = _format(source, before.file)
    again = Source(source.name, text)
    after = parse(again)
    if any(d.is_error for d in after.diagnostics):
        return _failed(source, "the formatted text does not parse")
    if not _same_comments(before.file.comments, after.file.comments):
        return _failed(source, "a comment is not where it was")
    if not alike(before.file.models, after.file.models):
        return _failed(source, "the formatted text is not the same model")
    if _format(again, after.file) != text:
        return _failed(source, "formatting the formatted text would change it again")
    return Result(text)


def _failed(source: Source, what: str) -> Result[str]:
    help = "the file is left as it is; this is a mistake of the formatter: please report it"
    message = f"{source.name} cannot be formatted: {what}"
    return Result(None, (NOT_THE_SAME.at(Span(source, 0, 0), message, help=help),))


def _same_comments(one: tuple[Comment, ...], other: tuple[Comment, ...]) -> bool:
    return [(c.text, c.own_line) for c in one] == [(c.text, c.own_line) for c in other]


def alike(one: object, other: object) -> bool:
    """Return whether two parts of trees are equal but for their spans."""
    waiting = [(one, other)]
    while waiting:
        a, b = waiting.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, Span):
            continue
        if isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                return False
            waiting += zip(a, b, strict=True)
        elif is_dataclass(a):
            waiting += ((getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
        elif a != b:
            return False
    return True


def nodes(value: object) -> Iterator[object]:
    """Return all dataclass values of a tree but spans, parents before children."""
    waiting = [value]
    while waiting:
        v = waiting.pop()
        if isinstance(v, tuple):
            waiting += reversed(v)
        elif is_dataclass(v) and not isinstance(v, Span):
            yield v
            waiting += (getattr(v, f.name) for f in reversed(fields(v)))


# What tokens are for


@dataclass(frozen=True, slots=True)
class _Roles:
    """What the tree says about tokens, by their offsets in the source.

    ``signs`` are prefix operators; ``tight`` are powers written without blanks; ``types`` is where
    types begin; ``starts`` and ``ends`` bound the regions (units, settings) without any blanks.
    """

    signs: frozenset[int]
    tight: frozenset[int]
    types: frozenset[int]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def together(self, first: int, second: int) -> bool:
        """Return whether two offsets are in one region without blanks."""
        k = bisect_right(self.starts, first) - 1
        return k >= 0 and second < self.ends[k]


def declared_names(part: object) -> frozenset[str]:
    """Return all names that a part of a tree declares: none of them is taken for a unit."""
    found: set[str] = set(PREDEFINED)
    for node in nodes(part):
        match node:
            case tree.Declaration(variables=variables):
                found |= {v.name.text for v in variables}
            case tree.Inline(name=name) | tree.Parameter(name=name) | tree.For(variable=name):
                found.add(name.text)
            case tree.Equation(variable=v) | tree.SpikePort(variable=v):
                found.add(v.name.text)
            case tree.ContinuousPort(variable=v):
                found.add(v.name.text)
    return frozenset(found)


def _roles(file: tree.File) -> _Roles:
    signs: set[int] = set()
    tight: set[int] = set()
    types: set[int] = set()
    regions: list[tuple[int, int]] = []
    for model in file.models:
        declared = declared_names(model)
        for node in nodes(model):
            match node:
                case tree.Operand(prefixes=prefixes):
                    signs |= {p.span.start for p in prefixes}
                case tree.Expression():
                    tight |= _tight_powers(node)
                    regions += _literal_units(node, declared)
                case tree.TypeName(span=span):
                    types.add(span.start)
                    regions.append((span.start, span.end))
                case tree.Setting(span=span):
                    regions.append((span.start, span.end))
    regions.sort()
    return _Roles(
        frozenset(signs),
        frozenset(tight),
        frozenset(types),
        tuple(start for start, _ in regions),
        tuple(end for _, end in regions),
    )


def _tight_powers(e: tree.Expression) -> set[int]:
    """Return the powers between a name or number and a name or number, which may be signed."""
    return {
        op.span.start
        for i, op in enumerate(e.operators)
        if op.text == "**" and _is_simple(e.operands[i]) and _is_simple(e.operands[i + 1])
    }


def _is_simple(operand: tree.Operand) -> bool:
    match operand.atom:
        case tree.Variable(index=None) | tree.Quantity(unit=None):
            return all(p.text != "not" for p in operand.prefixes)
    return False


def _literal_units(e: tree.Expression, declared: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Return the regions of the units behind numbers, with all factors that belong to them."""
    for i, operand in enumerate(e.operands):
        if not isinstance(operand.atom, tree.Quantity) or operand.atom.unit is None:
            continue
        quantity, last, k = operand.atom, operand, i + 1
        while k < len(e.operands) and e.operators[k - 1].text in "*/":
            if not _is_unit(e.operands[k], declared):
                break
            last, k = e.operands[k], k + 1
            if k < len(e.operands) and e.operators[k - 1].text == "**":
                if not _is_exponent(e.operands[k]):
                    break
                last, k = e.operands[k], k + 1
        # behind the number stands at least one blank, or what cannot begin a token
        yield quantity.number_span.end, last.span.end


def _is_unit(operand: tree.Operand, declared: frozenset[str]) -> bool:
    """Return whether an operand behind a quantity can only be a factor of its unit."""
    if operand.prefixes:
        return False
    match operand.atom:
        case tree.Variable(name, None, 0):
            return name.text not in declared
        case tree.Group(tree.Expression(operands, operators, None)):
            raised = {k + 1 for k, op in enumerate(operators) if op.text == "**"}
            return all(op.text in ("*", "/", "**") for op in operators) and all(
                _is_exponent(o) if k in raised else _is_unit(o, declared)
                for k, o in enumerate(operands)
            )
    return False


def _is_exponent(operand: tree.Operand) -> bool:
    match operand.atom:
        case tree.Quantity(unit=None):
            return True
        case tree.Group(tree.Expression(operands, operators, None)):
            return all(isinstance(o.atom, tree.Quantity) for o in operands) and all(
                op.text == "/" for op in operators
            )
    return False


# Lines


@dataclass(frozen=True, slots=True)
class _Code:
    """The code of one physical line; ``continues`` if it goes on with what the last one began."""

    text: str
    comment: str
    depth: int
    column: int
    continues: bool
    opens: bool


@dataclass(frozen=True, slots=True)
class _Remark:
    """A comment on a line of its own, or, without text, a blank line."""

    text: str
    column: int = 0


_BLANK = _Remark("")


def _format(source: Source, file: tree.File) -> str:
    lines = _lines(lay_out(source)[0], _Spacer(_roles(file)))
    return "".join(f"{line}\n" for line in _laid_out(lines))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of code of one physical line, by its place in the source.

    ``opens`` if its logical line opens a block, ``ends`` if that line does not go on behind it.
    """

    start: int
    text: str
    depth: int
    continues: bool
    opens: bool
    ends: bool


def _pieces(laid: Laid) -> list[_Piece]:
    """Return the code of each physical line that has any."""
    bounds = (*laid.starts, len(laid.text))
    parts = [laid.text[a:b] for a, b in pairwise(bounds)]
    opening = _opening(parts)
    found: list[_Piece] = []
    depth, joined = 0, False
    for k, part in enumerate(parts):
        if part == " ":
            joined = True
        elif part and part in MARKERS:
            depth += (part == INDENT) - (part == DEDENT)
        else:
            ends = k + 1 == len(parts) or parts[k + 1] != " "
            found.append(_Piece(laid.origins[k], part, depth, joined, k in opening, ends))
            joined = False
    return found


def _opening(parts: list[str]) -> frozenset[int]:
    """Return which pieces of a layout are of a logical line that opens a block."""
    found: set[int] = set()
    line: list[int] = []
    for k, part in enumerate(parts):
        if part == INDENT:
            found.update(line)
        elif part != " " and (not part or part not in MARKERS):
            line = [*line, k] if k and parts[k - 1] == " " else [k]
    return frozenset(found)


def _lines(laid: Laid, spacer: _Spacer) -> list[_Code | _Remark]:
    """Return the physical lines of a source, blanks inside them already as they should be."""
    code = {laid.source.position(p.start)[0]: p for p in _pieces(laid)}
    comments = {c.span.line: c for c in laid.comments}
    found: list[_Code | _Remark] = []
    offset = 0
    for number, raw in enumerate(laid.source.text.split("\n"), 1):
        lead = raw[: len(raw) - len(raw.lstrip(" \t"))]
        column = len(lead.expandtabs(TAB))
        comment = comments.get(number)
        remark = comment.span.text if comment is not None else ""
        piece = code.get(number)
        if piece is not None:
            text = spacer.spaced(piece)
            behind = raw[piece.start - offset + len(piece.text) :]
            if comment is None and behind.strip() == "\\":
                text = f"{text} \\".lstrip()
            line = _Code(text, remark, piece.depth, column, piece.continues, piece.opens)
            found.append(line)
        else:
            found.append(_Remark(remark, column) if remark else _BLANK)
        offset += len(raw) + 1
    return found


def _laid_out(lines: list[_Code | _Remark]) -> Iterator[str]:
    """Return the lines indented, with the blank lines between them that should be there."""
    columns: list[int] = []
    last: _Code | None = None
    gap: list[_Remark] = []
    for line in lines:
        if isinstance(line, _Remark):
            gap.append(line)
            continue
        yield from _between(last, line, gap, columns)
        gap = []
        if not line.continues:
            del columns[line.depth :]
            columns.append(line.column)
        text = _indented(line.text, _depth(line))
        yield f"{text}  {line.comment}" if line.comment else text
        last = line
    yield from _between(last, None, gap, columns)


def _depth(line: _Code) -> int:
    """Return the level of a line; what continues a line is one deeper, or two before a block."""
    return line.depth + (1 + line.opens if line.continues else 0)


def _indented(text: str, depth: int) -> str:
    return " " * (LEVEL * depth) + text if text else ""


def _between(
    last: _Code | None, code: _Code | None, gap: list[_Remark], columns: list[int]
) -> list[str]:
    """Return the comments and blank lines between two lines of code (None: an end of the file).

    A comment above a line stands at the level of that line, unless it stood deeper, at the level
    of a block that ends there. Comments directly above a line belong to it: blank lines come
    before them.
    """
    if code is not None and code.continues:
        return _single([_indented(g.text, _depth(code)) for g in gap])
    below = code.depth if code is not None else 0
    levels = [_level(g, below, last, columns) for g in gap]
    wanted = _wanted(last, code)
    at = len(gap)
    while wanted and at > 0 and gap[at - 1].text:
        at -= 1
    shown = [_indented(g.text, d) for g, d in zip(gap, levels, strict=True)]
    head = _single(shown[:at], at_start=last is None or last.opens)
    while head and not head[-1] and (wanted or code is None):
        head.pop()
    return [*head, *[""] * wanted, *shown[at:]]


def _wanted(last: _Code | None, code: _Code | None) -> int:
    """Return how many blank lines must stand between two lines of code."""
    if last is None or code is None:
        return 0
    if code.depth == 0:
        return BETWEEN_MODELS
    return BETWEEN_BLOCKS if code.depth == 1 and last.depth > 0 else 0


def _level(remark: _Remark, below: int, last: _Code | None, columns: list[int]) -> int:
    if last is None:
        return below
    fitting = (d for d in range(below, last.depth + 1) if columns[d] <= remark.column)
    return max(fitting, default=below)


def _single(lines: list[str], *, at_start: bool = False) -> list[str]:
    """Return lines without repeated blank ones, nor any at the start of a block or file."""
    found: list[str] = []
    for line in lines:
        if line or (found[-1] if found else not at_start):
            found.append(line)
    return found


# Blanks between tokens


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int


class _Spacer:
    """Puts blanks between tokens; brackets that stay open lead from one line to the next."""

    def __init__(self, roles: _Roles) -> None:
        self.roles = roles
        self.open: list[str] = []

    def spaced(self, piece: _Piece) -> str:
        """Return the code of a physical line with blanks as they should be."""
        tokens = list(self.tokens(piece.text, piece.start))
        out: list[str] = []
        for k, token in enumerate(tokens):
            if k:
                last = k + 1 == len(tokens) and piece.opens and piece.ends
                before = tokens[k - 2] if k > 1 else None
                out.append(self.gap(before, tokens[k - 1], token, last))
            out.append(token.text)
        return "".join(out)

    def tokens(self, code: str, offset: int) -> Iterator[_Token]:
        """Return the tokens of a line; ``]]`` is one only where it closes a guard."""
        at = 0
        while (m := TOKEN.search(code, at)) is not None:
            text, at = m[0], m.end()
            if text in ("(", "[", "[["):
                self.open.append(text)
            elif text in (")", "]"):
                opened = self.open.pop() if self.open else ""
                if opened == "[[" and code.startswith("]]", m.start()):
                    text, at = "]]", m.end() + 1
            yield _Token(text, m.start() + offset)

    def gap(self, before: _Token | None, a: _Token, b: _Token, last: bool) -> str:
        """Return what stands between the tokens ``a`` and ``b``; ``last``: ``b`` opens a block."""
        roles = self.roles
        glued = (
            roles.together(a.start, b.start)
            or a.text in ("(", "[")
            or b.text in (")", ",", ";", "'", "[")
            or (b.text == "]" and a.text != "]")
            or (b.text == ":" and last)
            or (b.text == "(" and self.is_called(a, b))
            or (a.start in roles.signs and a.text != "not")
            or a.start in roles.tight
            or b.start in roles.tight
            or (a.text == "-" and before is not None and before.text == "step")
        )
        return "" if glued else " "

    def is_called(self, name: _Token, bracket: _Token) -> bool:
        """Return whether a bracket holds the arguments of the name before it."""
        if not _WORD.match(name.text) or bracket.start in self.roles.types:
            return False
        return name.text not in RESERVED or name.text in ("onReceive", "onCondition")
