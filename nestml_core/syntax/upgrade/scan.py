"""Old texts line by line: tokens, blocks and depths, whether blocks close by ``end`` or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nestml_core.syntax.formatting import TOKEN
from nestml_core.syntax.layout import TAB

MODELS = ("neuron", "synapse", "model")
VARIABLES = ("state", "initial_values", "parameters", "internals")
BLOCKS = (*VARIABLES, "equations", "input", "output", "update")
HANDLERS = ("function", "onReceive", "onCondition", "preReceive", "postReceive")
STATEMENTS = ("if", "elif", "else", "for", "while")
HEADERS = frozenset((*MODELS, *BLOCKS, *HANDLERS, *STATEMENTS))

WORD = re.compile(r"[A-Za-z_$][\w$]*\Z")
_CODE = re.compile(r'(?:"(?:[^"\\\n]|\\.)*"|[^"#])*')


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Code:
    """A line with code: its tokens, one at least."""

    tokens: tuple[Token, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(t.text for t in self.tokens)

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        """Where its code ends; a comment may follow."""
        return self.tokens[-1].end


@dataclass(frozen=True, slots=True)
class Line(Code):
    """A logical line.

    Attributes
    ----------
    first, behind : where its first physical line begins, and where the line after it begins
    column : of its first token
    depth : how many blocks it stands in
    block : the block of the model that it stands in, or begins: "state", "update", ...
    model : which model it stands in or begins, from 0; -1 outside
    """

    first: int
    behind: int
    column: int
    depth: int = 0
    block: str = ""
    model: int = -1

    @property
    def is_header(self) -> bool:
        return self.words[0] in HEADERS and self.words[-1] == ":"

    @property
    def is_end(self) -> bool:
        return self.words == ("end",)

    @property
    def opens_block(self) -> str:
        """The kind of the block of a model that this line begins, or nothing."""
        return self.words[0] if self.is_header and self.depth == 1 else ""


@dataclass(frozen=True, slots=True)
class Scan:
    """All logical lines of a text; ``by_end`` if its blocks close with ``end``.

    ``members`` are the numbers of the lines of each model.
    """

    text: str
    lines: tuple[Line, ...]
    by_end: bool
    members: tuple[tuple[int, ...], ...]

    def body(self, k: int) -> tuple[Line, ...]:
        """Return the lines in the block that line ``k`` begins, without a closing ``end``."""
        depth = self.lines[k].depth
        found: list[Line] = []
        for line in self.lines[k + 1 :]:
            if line.depth <= depth:
                break
            found.append(line)
        return tuple(found)

    def blocks(self, model: int, *kinds: str) -> tuple[int, ...]:
        """Return which lines begin a block of the given kinds in a model."""
        return tuple(k for k in self.members[model] if self.lines[k].opens_block in kinds)

    def of(self, model: int) -> tuple[Line, ...]:
        """Return the lines of a model."""
        return tuple(self.lines[k] for k in self.members[model])


def scan(text: str) -> Scan:
    """Return the logical lines of ``text`` with the blocks they stand in."""
    lines = tuple(_logical(text))
    by_end = any(x.is_end for x in lines)
    placed = _placed_by_end(lines) if by_end else _placed_by_indentation(lines)
    found = tuple(_in_blocks(placed))
    members: list[list[int]] = []
    for k, line in enumerate(found):
        while len(members) <= line.model:
            members.append([])
        if line.model >= 0:
            members[line.model].append(k)
    return Scan(text, found, by_end, tuple(map(tuple, members)))


@dataclass(frozen=True, slots=True)
class CodeLine(Code):
    """A physical line with code.

    ``first`` and ``stop`` bound the line (without its line end); ``joined`` if a backslash or a
    comma joins the next one to it.
    """

    first: int
    stop: int
    column: int
    joined: bool


def code_lines(text: str) -> tuple[CodeLine, ...]:
    """Return the physical lines of ``text`` that hold code."""
    found: list[CodeLine] = []
    offset = 0
    for raw in text.split("\n"):
        code = _CODE.match(raw)
        body = code[0].rstrip() if code is not None else ""
        tokens = tuple(
            Token(m[0], m.start() + offset) for m in TOKEN.finditer(body) if m[0] != "\\"
        )
        if tokens:
            column = len(raw[: tokens[0].start - offset].expandtabs(TAB))
            stop = offset + len(raw.rstrip("\r"))
            found.append(CodeLine(tokens, offset, stop, column, body.endswith(("\\", ","))))
        offset += len(raw) + 1
    return tuple(found)


def _logical(text: str) -> Iterator[Line]:
    parts: list[CodeLine] = []
    depth = 0
    for line in code_lines(text):
        parts.append(line)
        depth += sum(_OPENING.get(t.text, 0) for t in line.tokens)
        if not line.joined and depth <= 0:
            yield _line(text, parts)
            parts, depth = [], 0
    if parts:
        yield _line(text, parts)


def _line(text: str, parts: list[CodeLine]) -> Line:
    end = text.find("\n", parts[-1].stop)
    tokens = tuple(t for p in parts for t in p.tokens)
    return Line(tokens, parts[0].first, end + 1 if end >= 0 else len(text), parts[0].column)


_OPENING = {"(": 1, ")": -1, "[": 1, "]": -1, "[[": 2}


def _placed_by_end(lines: tuple[Line, ...]) -> Iterator[tuple[Line, tuple[str, ...]]]:
    """Return the lines with their depths, and the heads of the blocks around them."""
    stack: list[str] = []
    for line in lines:
        word = line.words[0]
        if line.is_end:
            if stack:
                stack.pop()
            yield replace(line, depth=len(stack)), tuple(stack)
        elif word in ("elif", "else") and line.is_header and stack:
            yield replace(line, depth=len(stack) - 1), tuple(stack[:-1])
        else:
            yield replace(line, depth=len(stack)), tuple(stack)
            if line.is_header:
                stack.append(word)


def _placed_by_indentation(lines: tuple[Line, ...]) -> Iterator[tuple[Line, tuple[str, ...]]]:
    columns = [0]
    stack: list[str] = []
    pending = ""
    for line in lines:
        if pending and line.column > columns[-1]:
            columns.append(line.column)
            stack.append(pending)
        while len(columns) > 1 and line.column < columns[-1]:
            columns.pop()
            stack.pop()
        yield replace(line, depth=len(stack)), tuple(stack)
        pending = line.words[0] if line.is_header else ""


def _in_blocks(placed: Iterator[tuple[Line, tuple[str, ...]]]) -> Iterator[Line]:
    model = -1
    for line, stack in placed:
        inside = bool(stack) and stack[0] in MODELS
        if line.words[0] in MODELS and line.is_header and not stack:
            model += 1
            inside = True
        block = stack[1] if len(stack) > 1 else line.words[0] if line.is_header and stack else ""
        yield replace(line, block=block, model=model if inside else -1)


def closing(tokens: tuple[Token, ...], k: int) -> int:
    """Return the index of the bracket that closes the one at ``k``, or the number of tokens."""
    depth = 0
    for i in range(k, len(tokens)):
        depth += _OPENING.get(tokens[i].text, 0)
        if depth <= 0 and i > k:
            return i
    return len(tokens)


def split(tokens: tuple[Token, ...], separator: str = ",") -> tuple[tuple[Token, ...], ...]:
    """Return the parts of ``tokens`` between separators that stand in no bracket."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for t in tokens:
        depth += _OPENING.get(t.text, 0)
        if t.text == separator and depth == 0:
            parts.append([])
        else:
            parts[-1].append(t)
    return tuple(map(tuple, parts))


def outer(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return the tokens that stand in no bracket, without the brackets."""
    found: list[Token] = []
    depth = 0
    for t in tokens:
        change = _OPENING.get(t.text, 0)
        depth += change
        if depth == 0 and not change:
            found.append(t)
    return tuple(found)
