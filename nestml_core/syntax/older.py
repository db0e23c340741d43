"""Constructs of older versions of NESTML: each is refused once a file, and read past.

A file of an older version breaks the grammar in almost every line. Here those lines are found,
each kind is reported once with the number of its places, and the text goes on as if it had been
brought up to date, so that what else is wrong with the model is found in the same run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.source import Span
from nestml_core.syntax.layout import (
    DEDENT,
    INDENT,
    NEWLINE,
    OLD_SYNTAX,
    Edit,
    Laid,
    logical_line,
    without_empty_blocks,
)
from nestml_core.syntax.words import OLD_SUMS

SEMICOLON = Code("NML021", Severity.ERROR, "a semicolon that ends no equation")
UPGRADE = "; `nestml upgrade` does it"

NAME = r"[A-Za-z_$][\w$]*"
_VARIABLES = ("state", "parameters", "internals", "initial_values")
_TYPE = r"[A-Za-z][\w$]*(?:\s*(?:\*\*|\*|/)\s*-?(?:[\w$]+|\([^()\[\]]*\)))*"


@dataclass(frozen=True, slots=True)
class Old:
    """What is said of a kind of construct."""

    message: str
    help: str
    code: Code = OLD_SYNTAX


@dataclass(frozen=True, slots=True)
class Found:
    """A place of an old construct, and the edits that let the parser read past it.

    ``lost`` drops the whole line. ``unknown`` are names in the edits that stand for something of
    which nothing is known.
    """

    old: Old
    start: int
    end: int
    edits: tuple[Edit, ...]
    lost: bool = False
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mended:
    """A layout without old constructs.

    ``lost`` are the names in lines that were dropped, and those of which nothing is known.
    ``joined`` says that there may now be two state blocks in a model, which count as one.
    """

    laid: Laid
    diagnostics: tuple[Diagnostic, ...]
    lost: tuple[str, ...] = ()
    joined: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    """A logical line, the number of blocks around it, and the first word of the innermost."""

    start: int
    text: str
    depth: int
    block: str

    def found(self, old: Old, match: re.Match[str], *edits: Edit, group: int | str = 0) -> Found:
        moved = tuple((self.start + a, self.start + b, new) for a, b, new in edits)
        return Found(old, self.start + match.start(group), self.start + match.end(group), moved)


def once_each(places: Iterable[tuple[Old, Span]]) -> tuple[Diagnostic, ...]:
    """Return one diagnostic for each kind, at its first place, with the number of places."""
    kinds: dict[Old, list[Span]] = {}
    for old, span in places:
        kinds.setdefault(old, []).append(span)
    return tuple(
        old.code.at(
            spans[0],
            old.message + (f" ({len(spans)} times in this file)" if len(spans) > 1 else ""),
            help=old.help,
        )
        for old, spans in kinds.items()
    )


def mend(laid: Laid, begin: int) -> Mended:
    """Return ``laid`` with the old constructs behind ``begin`` taken out or brought up to date."""
    found: list[Found] = []
    for line in _lines(laid.text, begin):
        if not _SUSPECT.search(line.text):
            continue
        found += _anywhere(line)
        first = next(filter(None, (rule(line) for rule in _RULES)), None)
        if first is not None:
            found.append(first)
    edits: list[Edit] = []
    lost: dict[str, None] = {}
    for f in found:
        if f.lost:
            start, end = logical_line(laid.text, f.start)
            lost |= dict.fromkeys(re.findall(NAME, laid.text[start:end]))
            edits.append((start, end, ""))
        else:
            edits += f.edits
            lost |= dict.fromkeys(f.unknown)
    places = ((f.old, laid.span(f.start, f.end)) for f in found)
    joined = any(f.old is _INITIAL_VALUES for f in found)
    mended = without_empty_blocks(laid.edited(*_apart(edits))) if edits else laid
    return Mended(mended, once_each(places), tuple(lost), joined)


def _apart(edits: list[Edit]) -> list[Edit]:
    """Return the edits in order, without those inside of others."""
    result: list[Edit] = []
    for edit in sorted(edits, key=lambda e: (e[0], -e[1])):
        if not result or edit[0] >= result[-1][1]:
            result.append(edit)
    return result


def _lines(text: str, begin: int) -> Iterator[_Line]:
    blocks: list[str] = []
    last = ""
    for piece in re.finditer(
        f"[{NEWLINE}{INDENT}{DEDENT}]|[^{NEWLINE}{INDENT}{DEDENT}]+", text[begin:]
    ):
        match piece[0]:
            case "\ue001":
                blocks.append(last)
            case "\ue002":
                del blocks[-1:]
            case "\ue000":
                pass
            case code:
                word = re.match(NAME, code)
                last = word[0] if word else ""
                block = blocks[-1] if blocks else ""
                yield _Line(begin + piece.start(), code, len(blocks), block)


# The constructs

_END = Old(
    "`end` closes nothing since NESTML 5.3",
    "delete it: blocks end with their indentation" + UPGRADE,
)
_INITIAL_VALUES = Old(
    "the block `initial_values` is of NESTML 3",
    "declare these variables in the block `state`" + UPGRADE,
)
_ATTRIBUTES = Old(
    "attributes of the output are of NESTML 8.0 to 8.2",
    "write `spike`: an event carries the one number of `emit_spike(w)`, and delays are no part "
    "of a model" + UPGRADE,
)
_OUTPUT_LINE = Old(
    "the kind of output stands on its own line since NESTML 5.3",
    "put `spike` on a line of its own below `output:`, indented" + UPGRADE,
)
_TYPED_PORT = Old(
    "spike ports have no type since NESTML 6",
    "delete the type, and give the unit where the port is used, as in `1 pA * convolve(K, spikes)`"
    + UPGRADE,
)
_PORT_ATTRIBUTES = Old(
    "spike ports have no attributes",
    "write `<- spike`: in an expression the port stands for the weight of its spikes",
)
_CURRENT = Old("`current` ports are of NESTML 3", "write `<- continuous`" + UPGRADE)
_CURRENT_WITHOUT_TYPE = Old(
    "`current` ports are of NESTML 3",
    "write the unit and `continuous`, as in `I_stim pA <- continuous`",
)
_NO_PORT_TYPE = Old(
    "a continuous port needs a type since NESTML 6",
    "write the unit of its signal before the arrow, as in `I_stim pA <- continuous`",
)
_SHAPE = Old("`shape` is of NESTML 3", "write `kernel`" + UPGRADE)
_INLINE = Old("`function` for an expression is of NESTML 3", "write `inline`" + UPGRADE)
_ALIAS = Old(
    "`function` in a declaration is of NESTML 3",
    "delete the word, or move the line to `equations` as an `inline`" + UPGRADE,
)
_SIZE = Old(
    "the size of a vector stands behind its name",
    "write `name[size] type`" + UPGRADE,
)
_ATTRIBUTE = Old(
    "ports have no attributes", "the name of the port alone stands for the weight of its spikes"
)
_SEMICOLON = Old(
    "a semicolon can end only an equation, an inline or a kernel", "delete it", SEMICOLON
)
_HANDLERS = {
    "preReceive": Old("`preReceive` was never in a release of NESTML", "write `onReceive(port):`"),
    "postReceive": Old(
        "`postReceive` was never in a release of NESTML", "write `onReceive(port):`"
    ),
}
_KINDS = {
    word: Old(f"`{word}` blocks are of NESTML before 8.0", f"write `model` for `{word}`" + UPGRADE)
    for word in ("neuron", "synapse")
}

OLD_CALLS = MappingProxyType(
    {
        "emit_spike": Old(
            "`emit_spike` with a delay is of NESTML 8.0 to 8.2",
            "write `emit_spike(w)`: delays are no part of a model" + UPGRADE,
        ),
        "deliver_spike": Old(
            "`deliver_spike` is of NESTML before 8.0",
            "write `emit_spike(w)`: delays are no part of a model" + UPGRADE,
        ),
        **{
            name: Old(
                f"`{name}` is of NESTML 3", "write `convolve(kernel, port)`, times a unit" + UPGRADE
            )
            for name in OLD_SUMS
        },
    }
)
"""Calls that the grammar knows no better than others."""

_SUSPECT = re.compile(
    r"\b(?:end|neuron|synapse|initial_values|shape|function|output|spike|continuous|current"
    r"|preReceive|postReceive)\b|;|\[|[A-Za-z_$][\w$]*\.[A-Za-z_$]"
)
"""What every old construct has in it; most lines are passed over at once."""

_Rule = Callable[[_Line], Found | None]


def _kind_of_model(line: _Line) -> Found | None:
    m = re.match(rf"(neuron|synapse)\b(?=\s+{NAME}\s*:?\s*\Z)", line.text)
    if m is None or line.depth:
        return None
    colon: tuple[Edit, ...] = ()
    if not line.text.rstrip().endswith(":"):
        colon = ((len(line.text), len(line.text), ":"),)
    return line.found(_KINDS[m[1]], m, (m.start(), m.end(), "model"), *colon)


def _end(line: _Line) -> Found | None:
    m = re.fullmatch(r"end\s*", line.text)
    return line.found(_END, m, _drop(line)) if m else None


def _drop(line: _Line) -> Edit:
    return (0, len(line.text) + 1, "")


def _block(line: _Line) -> Found | None:
    if line.depth != 1:
        return None
    if m := re.match(r"initial_values(?=\s*:)", line.text):
        return line.found(_INITIAL_VALUES, m, (0, m.end(), "state"))
    if m := re.match(r"(preReceive|postReceive)\b", line.text):
        here = line.found(_HANDLERS[m[1]], m)
        return Found(here.old, here.start, here.end, (), lost=True)
    if m := re.match(r"output\s*:\s*(spike|continuous)\b\s*(\(.*\))?\s*\Z", line.text):
        new = f"output:{NEWLINE}{INDENT}{m[1]}{NEWLINE}{DEDENT}"
        old = _ATTRIBUTES if m[2] else _OUTPUT_LINE
        return line.found(old, m, (0, len(line.text) + 1, new))
    return None


def _output(line: _Line) -> Found | None:
    m = re.match(r"(?:spike|continuous)\s*(\(.*\))\s*\Z", line.text)
    if m is None or line.block != "output":
        return None
    return line.found(_ATTRIBUTES, m, (m.start(1), m.end(1), ""), group=1)


_PORT = re.compile(
    rf"{NAME}\s*(?:\[[^\[\]]*\])?\s*(?P<type>[^<>=]*?)\s*<-\s*"
    r"(?:(?:inhibitory|excitatory)\s+)*(?P<kind>spike|continuous|current)\b\s*(?P<attributes>\(.*\))?\s*\Z"
)


def _port(line: _Line) -> Found | None:
    m = _PORT.match(line.text)
    if m is None or line.block != "input":
        return None
    if m["kind"] == "spike":
        if m["type"]:
            here = line.found(_TYPED_PORT, m, group="type")
            return Found(here.old, here.start, here.end, (), lost=True)
        if m["attributes"]:
            edit = (m.start("attributes"), m.end("attributes"), "")
            return line.found(_PORT_ATTRIBUTES, m, edit, group="attributes")
        return None
    if not m["type"]:
        old = _CURRENT_WITHOUT_TYPE if m["kind"] == "current" else _NO_PORT_TYPE
        here = line.found(old, m)
        return Found(here.old, here.start, here.end, (), lost=True)
    if m["kind"] == "current":
        edit = (m.start("kind"), m.end("kind"), "continuous")
        return line.found(_CURRENT, m, edit, group="kind")
    return None


def _equation(line: _Line) -> Found | None:
    if line.block != "equations":
        return None
    if m := re.match(rf"shape(?=\s+{NAME})", line.text):
        return line.found(_SHAPE, m, (0, m.end(), "kernel"))
    if m := re.match(rf"(?:recordable\s+)?(function)(?=\s+{NAME}\s)", line.text):
        return line.found(_INLINE, m, (m.start(1), m.end(1), "inline"), group=1)
    return None


def _alias(line: _Line) -> Found | None:
    if line.block not in _VARIABLES:
        return None
    m = re.match(rf"(?:recordable\s+)?(function)\s+(?={NAME}\s)", line.text)
    return line.found(_ALIAS, m, (m.start(1), m.end(), ""), group=1) if m else None


_SIZED = re.compile(
    rf"(?:recordable\s+)?(?:inline\s+)?(?P<names>{NAME}(?:\s*,\s*{NAME})*)\s+"
    rf"(?!(?:and|or|in)\b){_TYPE}\s*(?P<size>\[(?!\[)(?P<inner>[^\[\]]*)\])(?!\])"
)
_NO_DECLARATION = re.compile(r"(?:if|elif|while|for|return|kernel|inline|not|function)\b")


def _size(line: _Line) -> Found | None:
    m = _SIZED.match(line.text)
    if m is None or line.depth < 2 or line.block in ("input", "equations"):
        return None
    if _NO_DECLARATION.match(line.text):
        return None
    ends = [m.start("names") + n.end() for n in re.finditer(NAME, m["names"])]
    added = [(e, e, f"[{m['inner']}]") for e in ends]
    return line.found(_SIZE, m, *added, (m.start("size"), m.end("size"), ""), group="size")


_RULES: tuple[_Rule, ...] = (
    _end,
    _kind_of_model,
    _block,
    _output,
    _port,
    _equation,
    _alias,
    _size,
)
_PREFIXES = ("self", "this", "math", "np", "numpy")
"""What stands before a dot in other languages, and is no port."""
_STRING = r'"(?:[^"\\]|\\.)*"'
_DOTTED = re.compile(rf"{_STRING}|(?<![\w$.]){NAME}(?P<attribute>\.{NAME})(?![\w$])(?!\s*\()")


def _anywhere(line: _Line) -> Iterator[Found]:
    """Yield what can stand in any line of a block."""
    if line.depth < 2:
        return
    for m in _DOTTED.finditer(line.text) if "." in line.text else ():
        if m["attribute"] is not None and m[0].split(".")[0] not in _PREFIXES:
            dot = m.start("attribute")
            here = line.found(_ATTRIBUTE, m, (dot, dot + 1, "$"))
            yield replace(here, unknown=(m[0].replace(".", "$"),))
    end = re.search(r";\s*\Z", line.text)
    if end is not None and line.block != "equations":
        yield line.found(_SEMICOLON, end, (end.start(), end.end(), ""))
