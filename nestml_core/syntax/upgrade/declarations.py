"""Declarations of old files: aliases, sizes, kernels, decorators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nestml_core.diagnostics import Diagnostic
from nestml_core.syntax.upgrade.draft import Draft, Edit
from nestml_core.syntax.upgrade.notes import CHANGED, Step, step
from nestml_core.syntax.upgrade.scan import VARIABLES, WORD, Line, Scan, Token, outer, scan, split

PLAIN = ("real", "integer", "boolean", "string", "void")


@dataclass(frozen=True, slots=True)
class Head:
    """The parts of a declaration: its variables, their sizes, its type, what follows."""

    variables: tuple[tuple[Token, ...], ...]
    type: tuple[Token, ...]
    size: tuple[Token, ...]
    value: tuple[Token, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The variables without sizes, with primes."""
        return tuple(
            "".join(t.text for t in v if t.text == "'" or v[0] is t) for v in self.variables
        )


def declaration(line: Line) -> Head | None:
    """Return the parts of a line that declares something with a type, else None."""
    tokens = line.tokens
    k = 0
    while tokens[k].text in ("recordable", "inline", "function") and k + 1 < len(tokens):
        k += 1
    stop = next(
        (i for i, t in enumerate(tokens) if t.text in ("=", "[[", "<-") or t.text[0] == "@"),
        len(tokens),
    )
    parts = split(tokens[k:stop])
    last = parts[-1]
    if tokens[k].text == "return" or not all(p and WORD.match(p[0].text) for p in parts):
        return None
    end = _variable_end(last)
    type, size = last[end:], _size(last[end:])
    type = type[: len(type) - len(size)]
    if not type or not (WORD.match(type[0].text) or type[0].text[0] in "(0123456789"):
        return None
    if type[0].text == "(" and not size and stop == len(tokens):
        return None  # a call
    value = tokens[stop + 1 :] if stop < len(tokens) and tokens[stop].text == "=" else ()
    guard = next(
        (i for i, t in enumerate(value) if t.text in ("[[", ";") or t.text[0] == "@"), None
    )
    return Head((*parts[:-1], last[:end]), type, size, value[:guard])


def _variable_end(tokens: tuple[Token, ...]) -> int:
    k = 1
    while k < len(tokens) and tokens[k].text in ("'", "["):
        if tokens[k].text == "[":
            while k < len(tokens) and tokens[k].text != "]":
                k += 1
        k += 1
    return min(k, len(tokens))


def _size(type: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return the ``[n]`` at the end of a type."""
    if not type or type[-1].text != "]":
        return ()
    for k in range(len(type) - 1, 0, -1):
        if type[k].text == "[":
            return type[k:]
    return ()


def sizes(draft: Draft) -> Step:
    """Put the size of a vector behind its name: ``x mV[3]`` becomes ``x[3] mV``."""
    edits: list[Edit] = []
    for line in scan(draft.text).lines:
        head = declaration(line) if not line.is_header else None
        if head is None or not head.size:
            continue
        size = draft.text[head.size[0].start : head.size[-1].end]
        edits.append(draft.cut(head.type[-1].end, head.size[-1].end))
        for v in head.variables:
            if not any(t.text == "[" for t in v):
                edits.append(Edit(v[-1].end, v[-1].end, size))
    return step(draft, edits)


def keywords(draft: Draft) -> Step:
    """Rename what has another name now: ``shape``, ``function`` in equations, ``current``."""
    edits: list[Edit] = []
    for line in scan(draft.text).lines:
        first, *others = line.tokens
        if line.is_header:
            continue
        if line.block == "equations":
            if first.text == "shape" and others and WORD.match(others[0].text):
                edits.append(Edit(first.start, first.end, "kernel"))
            elif first.text == "function":
                edits.append(Edit(first.start, first.end, "inline"))
            elif line.words[:2] == ("recordable", "function"):
                edits.append(Edit(others[0].start, others[0].end, "inline"))
        elif line.block == "input" and line.words[-2:] == ("<-", "current"):
            edits.append(Edit(line.tokens[-1].start, line.tokens[-1].end, "continuous"))
    return step(draft, edits)


ALIAS_HOME = {"state": "equations", "parameters": "internals"}


def aliases(draft: Draft) -> Step:
    """Move names for expressions to where such names can stand.

    ``function V_m mV = V_abs + E_L`` among the state becomes a recordable inline expression; among
    the parameters, which nobody could set, an internal.
    """
    edits: list[Edit] = []
    notes: list[Diagnostic] = []
    s = scan(draft.text)
    for model in range(len(s.members)):
        for block, home in ALIAS_HOME.items():
            moving = [x for x in s.of(model) if x.block == block and _alias(x)]
            if moving:
                edits += _rehoused(draft, s, moving, home)
                notes += (_note(draft, x, home) for x in moving)
    for line in s.lines:
        word = _alias(line)
        if word is not None and line.block == "internals":
            edits.append(Edit(word.start, word.end + 1))
    return step(draft, edits, notes)


def _alias(line: Line) -> Token | None:
    """Return the word ``function`` of a declaration that is an alias."""
    if line.block not in VARIABLES or line.is_header:
        return None
    k = 1 if line.words[0] == "recordable" else 0
    return (
        line.tokens[k] if line.words[k : k + 1] == ("function",) and line.words[k + 1 :] else None
    )


def _note(draft: Draft, line: Line, home: str) -> Diagnostic:
    k = line.words.index("function") + 1
    name = line.tokens[k]
    what = "a recordable inline expression" if home == "equations" else "an internal"
    message = f"`{name.text}` is a name for an expression; it is now {what}"
    return CHANGED.at(draft.span(name.start, name.end), message)


def _rehoused(draft: Draft, s: Scan, moving: list[Line], home: str) -> Iterator[Edit]:
    """Return the edits that put lines at the beginning of the block ``home``."""
    model = moving[0].model
    sources = s.blocks(model, moving[0].block)
    source = [k for k in sources if s.lines[k].first < moving[-1].first][-1]
    homes = s.blocks(model, home)
    body = s.body(homes[0]) if homes else ()
    lead = " " * (body[0] if body else moving[0]).column
    block = "".join(_rewritten(draft, x, lead, home) for x in moving)
    if homes:
        at = s.lines[homes[0]].behind
    else:
        at = s.body(source)[-1].behind
        head = " " * s.lines[source].column
        block = f"{draft.newline}{head}{home}:{draft.newline}{block}"
    if not draft.text[:at].endswith("\n"):
        block = draft.newline + block
    yield Edit(at, at, block)
    for x in moving:
        yield Edit(_above(draft.text, x), x.behind)


def _above(text: str, line: Line) -> int:
    """Return where the comments directly above a line begin."""
    at = line.first
    while at > 0:
        start = text.rfind("\n", 0, at - 1) + 1
        if not text[start:at].lstrip().startswith("#"):
            break
        at = start
    return at


def _rewritten(draft: Draft, line: Line, lead: str, home: str) -> str:
    text = draft.text[_above(draft.text, line) : line.behind].rstrip("\r\n")
    word = _alias(line)
    assert word is not None
    at = word.start - _above(draft.text, line)
    begin = line.start - _above(draft.text, line)
    keyword = "recordable inline " if home == "equations" else ""
    text = text[:begin] + keyword + text[at + len(word.text) :].lstrip()
    lines = (lead + x.strip() for x in text.split("\n"))
    return "".join(f"{x}{draft.newline}" for x in lines)


OPTIONS = {"@nest::weight": "weight_variable", "@nest::delay": "delay_variable"}


def decorators(draft: Draft) -> Step:
    """Remove decorators that mean nothing any more, and say which option replaces them."""
    edits: list[Edit] = []
    notes: list[Diagnostic] = []
    for line in scan(draft.text).lines:
        for k, t in enumerate(line.tokens):
            if t.text not in OPTIONS or k == 0:
                continue
            edits.append(draft.cut(line.tokens[k - 1].end, t.end))
            name = next((n.text for n in line.tokens if WORD.match(n.text)), "")
            message = f"`{t.text}` is not of the language any more"
            help = f"where a target needs it, name `{name}` in its option `{OPTIONS[t.text]}`"
            notes.append(CHANGED.at(draft.span(t.start, t.end), message, help=help))
    return step(draft, edits, notes)


def kernel_units(draft: Draft) -> Step:
    """Make kernels plain functions: what has a unit is the convolution, by its port.

    Before, for ``kernel g'' = ...``: ``g' nS/ms = e / tau * nS``. After: ``g' 1/ms = e / tau * nS
    / 1 nS``.
    """
    edits: list[Edit] = []
    notes: list[Diagnostic] = []
    s = scan(draft.text)
    for model in range(len(s.members)):
        for (name, unit), lines in kernel_states(s, model).items():
            for _, head in lines:
                rest = "".join(t.text for t in head.type).removeprefix(unit)
                start, end = head.type[0].start, head.type[-1].end
                edits.append(draft.cut(start, end, f"1{rest}" if rest else "real"))
                if not head.value:
                    continue
                last = head.value[-1].end
                if not all(t.text in FACTORS or t.text[-1].isalnum() for t in outer(head.value)):
                    first = head.value[0].start
                    edits += [Edit(first, first, "("), Edit(last, last, ")")]
                edits.append(Edit(last, last, f" / {literal(unit)}"))
            token = lines[0][1].variables[0][0]
            message = f"the kernel `{name}` is a plain function now, without the unit {unit}"
            notes.append(CHANGED.at(draft.span(token.start, token.end), message))
    return step(draft, edits, notes)


def kernel_names(s: Scan, model: int) -> dict[str, None]:
    """Return the names of the kernels of a model, in order."""
    found: dict[str, None] = {}
    for line in s.of(model):
        if line.block == "equations" and line.words[0] in KERNELS:
            for part in split(line.tokens[1:]):
                if part:
                    found[part[0].text] = None
    return found


KERNELS = ("kernel", "shape")
FACTORS = ("*", "/")


def kernel_states(s: Scan, model: int) -> dict[tuple[str, str], list[tuple[Line, Head]]]:
    """Return the declarations of each kernel that has a unit, by its name and this unit."""
    units: dict[str, str] = {}
    found: dict[tuple[str, str], list[tuple[Line, Head]]] = {}
    kernels = kernel_names(s, model)
    declared = [
        (line, head)
        for line in s.of(model)
        if line.block in ("state", "initial_values") and not line.is_header
        if (head := declaration(line)) is not None and len(head.variables) == 1
    ]
    for _, head in declared:
        type = "".join(t.text for t in head.type)
        if head.names[0] in kernels and type not in PLAIN:
            units[head.names[0]] = type
    for line, head in declared:
        name = head.names[0].rstrip("'")
        unit = units.get(name)
        type = "".join(t.text for t in head.type)
        if unit is not None and (type == unit or type.startswith(f"{unit}/")):
            found.setdefault((name, unit), []).append((line, head))
    return found


def literal(unit: str) -> str:
    """Return one of a unit, as a factor that takes in nothing of what follows it."""
    return f"1 {unit}" if WORD.match(unit) else f"1 ({unit})"
