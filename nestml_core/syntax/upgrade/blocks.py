"""Blocks of old files: how they begin and end, and which of them there are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from nestml_core.diagnostics import Diagnostic
from nestml_core.syntax.upgrade.draft import Draft, Edit
from nestml_core.syntax.upgrade.notes import CHANGED, LEFT, Step, step
from nestml_core.syntax.upgrade.scan import BLOCKS, Line, Scan, scan

LEVEL = 4


def model_lines(draft: Draft) -> Step:
    """Begin every model with ``model``.

    Names stay as they are, so that scripts still find the models; only where a neuron and a
    synapse have one name, each gets what it is behind it.
    """
    s = scan(draft.text)
    heads = [x for x in s.lines if x.depth == 0 and x.is_header and len(x.tokens) == 3]
    names = [x.words[1] for x in heads]
    edits: list[Edit] = []
    notes: list[Diagnostic] = []
    for line in heads:
        word, name = line.tokens[0], line.tokens[1]
        if word.text not in ("neuron", "synapse"):
            continue
        edits.append(Edit(word.start, word.end, "model"))
        if names.count(name.text) > 1:
            edits.append(Edit(name.end, name.end, f"_{word.text}"))
            message = f"`{name.text}` names two models; this one is now `{name.text}_{word.text}`"
            notes.append(CHANGED.at(draft.span(name.start, name.end), message))
    return step(draft, edits, notes)


def ends(draft: Draft) -> Step:
    """Delete ``end`` lines; where the indentation does not show the blocks, indent anew."""
    s = scan(draft.text)
    if not s.by_end:
        return Step(draft)
    edits: list[Edit] = []
    for line in s.lines:
        if not line.is_end:
            continue
        behind = draft.text[line.end : line.behind]
        if behind.strip():  # a comment
            edits.append(Edit(line.start, line.end + len(behind) - len(behind.lstrip()), ""))
        else:
            edits.append(Edit(line.first, line.behind, ""))
    if not _fits(s):
        edits += _indented(draft, s)
    return step(draft, edits)


def _fits(s: Scan) -> bool:
    """Return whether the indentation of a text shows the blocks that ``end`` closes."""
    columns: list[int] = []
    for line in s.lines:
        if line.is_end:
            continue
        deeper = line.depth - len(columns) + 1
        if deeper > 1 or (deeper == 1 and columns and line.column <= columns[-1]):
            return False
        del columns[line.depth + 1 :]
        if deeper == 1:
            columns.append(line.column)
        elif columns[line.depth] != line.column:
            return False
    return not columns or columns[0] == 0


def _indented(draft: Draft, s: Scan) -> Iterator[Edit]:
    """Return the edits that indent every line by four blanks a level."""
    text, offset = draft.text, 0
    waiting = deque(s.lines)
    for raw in text.split("\n"):
        while waiting and offset >= waiting[0].behind:
            waiting.popleft()
        lead = len(raw) - len(raw.lstrip(" \t"))
        if raw.strip():
            depth = waiting[0].depth if waiting else 0
            if waiting and offset > waiting[0].first:
                depth += 1  # the line goes on
            elif waiting and waiting[0].is_end and raw.strip().startswith("#"):
                depth += 1  # a comment in the block that ends
            deleted = bool(waiting) and waiting[0].is_end and offset == waiting[0].first
            if not deleted or "#" in raw:
                yield Edit(offset, offset + lead, " " * (LEVEL * depth))
        offset += len(raw) + 1


def outputs(draft: Draft) -> Step:
    """Put the kind of output on its own line, without attributes.

    Before: ``output: spike(weight real, delay ms)``. After: ``output:``, and ``spike`` below.
    """
    edits: list[Edit] = []
    for line in scan(draft.text).lines:
        words = line.words
        if words[:2] == ("output", ":") and len(words) > 2 and words[2] in ("spike", "continuous"):
            lead = draft.text[line.first : line.start]
            lead += lead or " " * LEVEL
            edits.append(
                draft.cut(line.tokens[1].end, line.tokens[2].start, f"{draft.newline}{lead}")
            )
            if len(words) > 3:
                edits.append(draft.cut(line.tokens[2].end, line.end))
        elif line.block == "output" and words[0] == "spike" and len(words) > 1:
            edits.append(draft.cut(line.tokens[0].end, line.end))
    return step(draft, edits)


def initial_values(draft: Draft) -> Step:
    """Make ``initial_values`` a part of ``state``."""
    s = scan(draft.text)
    edits: list[Edit] = []
    for model in range(len(s.members)):
        states = s.blocks(model, "state")
        for n, k in enumerate(s.blocks(model, "initial_values")):
            head = s.lines[k]
            if not states or not s.body(states[0]):
                edits.append(Edit(head.tokens[0].start, head.tokens[0].end, "state"))
                edits += (_header(draft, s.lines[i]) for i in states if n == 0)
            elif s.body(k):
                edits += _moved(draft, s, k, s.body(states[0]))
    return step(draft, edits)


def _header(draft: Draft, line: Line) -> Edit:
    """Return the edit that deletes the header of an empty block, but not its comment."""
    if "#" in draft.text[line.start : line.behind]:
        kept = draft.cut(line.start, line.behind).text
        return Edit(line.start, line.behind, kept.lstrip(" \t"))
    return Edit(line.first, line.behind)


def _moved(draft: Draft, s: Scan, k: int, above: tuple[Line, ...]) -> Iterator[Edit]:
    """Return the edits that put the block of line ``k`` below the lines ``above``."""
    body = s.body(k)
    head = s.lines[k]
    text = draft.text[head.end : body[-1].behind]
    remark, _, inner = text.partition("\n")
    shift = above[0].column - body[0].column
    lines = [_shifted(line, shift) for line in inner.rstrip("\n").split("\n")]
    if remark.strip():
        lines.insert(0, " " * above[0].column + remark.strip())
    block = draft.newline.join(line.rstrip("\r") for line in lines) + draft.newline
    if not draft.text[: above[-1].behind].endswith("\n"):
        block = draft.newline + block
    yield Edit(above[-1].behind, above[-1].behind, block)
    before = draft.text[: head.first]
    blank = len(before) - len(before.rstrip(" \t\r\n"))
    gap = before[len(before) - blank :]
    yield Edit(head.first - blank + gap.find("\n") + 1, body[-1].behind, "")


def _shifted(line: str, by: int) -> str:
    body = line.lstrip(" \t")
    if not body:
        return ""
    return " " * max(0, len(line[: len(line) - len(body)].expandtabs(8)) + by) + body


def handlers(draft: Draft) -> Step:
    """Name the port of each handler: ``preReceive:`` becomes ``onReceive(pre_spikes):``."""
    s = scan(draft.text)
    edits: list[Edit] = []
    notes: list[Diagnostic] = []
    for line in s.lines:
        word = line.tokens[0]
        if line.opens_block not in ("preReceive", "postReceive"):
            continue
        side = word.text.removesuffix("Receive")
        ports = [x.words[0] for x in s.of(line.model) if x.block == "input" and "spike" in x.words]
        found = [p for p in ports if p.startswith(side)] or [p for p in ports if side in p]
        if len(found) == 1:
            edits.append(Edit(word.start, word.end, f"onReceive({found[0]})"))
        else:
            message = f"`{word.text}` handles the spikes of no particular port"
            help = f"write `onReceive(port)` with the name of the {side}synaptic port"
            notes.append(LEFT.at(draft.span(word.start, word.end), message, help=help))
    return step(draft, edits, notes)


def empty_blocks(draft: Draft) -> Step:
    """Delete blocks that hold nothing, which 9.0 does not allow."""
    s = scan(draft.text)
    edits: list[Edit] = []
    for k, line in enumerate(s.lines):
        if line.opens_block in BLOCKS and not s.body(k):
            edits.append(_header(draft, line))
    return step(draft, edits)


def semicolons(draft: Draft) -> Step:
    """Put statements on lines of their own: a semicolon ends only equations now."""
    edits: list[Edit] = []
    for line in scan(draft.text).lines:
        if line.block == "equations":
            continue
        lead = draft.text[line.first : line.start]
        for k, t in enumerate(line.tokens):
            if t.text != ";":
                continue
            if k + 1 < len(line.tokens):
                end = line.tokens[k + 1].start
                if "\n" not in draft.text[t.start : end]:
                    edits.append(Edit(t.start, end, draft.newline + lead))
            else:
                edits.append(Edit(t.start, t.end))
    return step(draft, edits)
