"""Ports, convolutions and emitted spikes of old files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nestml_core.diagnostics import Diagnostic
from nestml_core.syntax.upgrade.declarations import PLAIN, declaration, kernel_states, literal
from nestml_core.syntax.upgrade.draft import Draft, Edit
from nestml_core.syntax.upgrade.notes import CHANGED, LEFT, Step, step
from nestml_core.syntax.upgrade.scan import WORD, Line, closing, scan, split

SUMS = {"curr_sum": "pA", "cond_sum": "nS"}
EMISSIONS = ("emit_spike", "deliver_spike")
CONVOLUTIONS = ("convolve", *SUMS)


@dataclass(frozen=True, slots=True)
class Port:
    """A spike port: its unit as declared ("" for a plain number), and whether it had a type."""

    unit: str
    typed: bool


def emissions(draft: Draft) -> Step:
    """Spikes have a weight and no delay: ``deliver_spike(w, d)`` becomes ``emit_spike(w)``."""
    edits: list[Edit] = []
    notes: list[Diagnostic] = []
    for line in scan(draft.text).lines:
        for k, t in enumerate(line.tokens[:-1]):
            if t.text not in EMISSIONS or line.words[k + 1] != "(":
                continue
            if t.text == "deliver_spike":
                edits.append(Edit(t.start, t.end, "emit_spike"))
            close = closing(line.tokens, k + 1)
            arguments = split(line.tokens[k + 2 : close])
            if close == len(line.tokens) or len(arguments) != 2 or not all(arguments):
                continue
            if any(a.text in EMISSIONS for part in arguments for a in part):
                continue  # nonsense, which is reported when the result is checked
            delay = arguments[1]
            edits.append(draft.cut(arguments[0][-1].end, delay[-1].end))
            text = draft.text[delay[0].start : delay[-1].end]
            message = f"the delay `{text}` is no longer part of an emitted spike"
            help = "connections have delays: set it where the synapse is used"
            if len(delay) == 1 and WORD.match(text):
                help = f"where a target needs it, name `{text}` in its option `delay_variable`"
            where = draft.span(delay[0].start, delay[-1].end)
            notes.append(CHANGED.at(where, message, help=help))
    return step(draft, edits, notes)


def ports(draft: Draft, before_8: bool) -> Step:
    """Spike ports lose their type; what they bring gets its unit where it is used.

    Before: ``spikes pA <- spike`` and ``convolve(K, spikes)``. After: ``spikes <- spike`` and
    ``1 pA * convolve(K, spikes)``; in handlers, ``(1 pA * spikes * 1 s)`` for ``spikes``.

    ``before_8`` says that the models are of a version before 8, in which the value of a port
    without type is a plain number and not a rate.
    """
    edits: list[Edit] = []
    notes: list[Diagnostic] = []
    s = scan(draft.text)
    for model in range(len(s.members)):
        found: dict[str, Port] = {}
        kernels = dict(kernel_states(s, model).keys())
        for line in s.of(model):
            if line.block != "input" or line.words[-1] != "spike":
                continue
            port, changes = _port(draft, line)
            found[line.words[0]] = port
            edits += changes
        uses = _Uses(draft, found, kernels, before_8)
        for line in s.of(model):
            if line.block != "input":
                uses.add(line)
        edits += uses.edits
        notes += uses.notes
    return step(draft, edits, notes)


def _port(draft: Draft, line: Line) -> tuple[Port, list[Edit]]:
    """Return a port with the edits that make its line one of 9.0."""
    edits: list[Edit] = []
    arrow = line.words.index("<-") if "<-" in line.words else len(line.words) - 1
    qualifiers = line.tokens[arrow + 1 : -1]
    if len(qualifiers) > 1:
        edits.append(draft.cut(qualifiers[0].start, line.tokens[-1].start))
    head = declaration(line)
    if head is None:
        return Port("", False), edits
    type = "".join(t.text for t in head.type)
    edits.append(draft.cut(head.variables[-1][-1].end, head.type[-1].end))
    return Port("" if type in PLAIN else type, True), edits


class _Uses:
    """Collects the edits for all uses of the ports of one model."""

    def __init__(
        self,
        draft: Draft,
        ports: Mapping[str, Port],
        kernels: Mapping[str, str],
        before_8: bool,
    ) -> None:
        self.draft = draft
        self.ports = ports
        self.kernels = kernels
        self.before_8 = before_8
        self.edits: list[Edit] = []
        self.notes: list[Diagnostic] = []

    def add(self, line: Line) -> None:
        """Add what a line needs."""
        inside: set[int] = set()
        for k, t in enumerate(line.tokens[:-1]):
            if t.text in CONVOLUTIONS and line.words[k + 1] == "(":
                close = closing(line.tokens, k + 1)
                inside.update(range(k, close + 1))
                self.convolution(line, k, close)
        if line.is_header and line.words[0] in ("onReceive", "function"):
            return
        for k, t in enumerate(line.tokens):
            port = self.ports.get(t.text)
            if port is not None and k not in inside and (port.typed or self.before_8):
                self.value(line, k, port)

    def value(self, line: Line, k: int, port: Port) -> None:
        """Rewrite the use of a port's value at token ``k``."""
        t = line.tokens[k]
        if line.block == "equations":
            help = "in 9.0 it is a train of pulses: write how far one spike moves the variable"
            message = f"`{t.text}` in an equation meant its value in this step"
            self.notes.append(LEFT.at(self.draft.span(t.start, t.end), message, help=help))
            return
        indexed = k + 1 < len(line.tokens) and line.words[k + 1] == "["
        close = closing(line.tokens, k + 1) if indexed else k
        if close < len(line.tokens):
            factor = f"{literal(port.unit)} * " if port.unit else ""
            alone = close + 1 == len(line.tokens) and k > 0 and line.words[k - 1][-1] == "="
            left, right = ("", "") if alone else ("(", ")")
            self.around(t.start, left + factor, line.tokens[close].end, f" * 1 s{right}")

    def around(self, start: int, before: str, end: int, behind: str) -> None:
        self.edits += [Edit(start, start, before), Edit(end, end, behind)]

    def convolution(self, line: Line, k: int, close: int) -> None:
        """Give the convolution at token ``k`` its unit."""
        name = line.tokens[k]
        arguments = split(line.tokens[k + 2 : close])
        if close >= len(line.tokens) or len(arguments) != 2 or not all(arguments):
            return
        if name.text != "convolve":
            self.edits.append(Edit(name.start, name.end, "convolve"))
        unit = self.unit_of(name.text, arguments[0][0].text, arguments[1][0].text)
        if not unit:
            return
        before = line.words[k - 1] if k else ""
        behind = line.words[close + 1] if close + 1 < len(line.tokens) else ""
        if before in ("/", "//", "%", "**") or behind == "**":
            self.around(name.start, f"({literal(unit)} * ", line.tokens[close].end, ")")
        else:
            self.around(name.start, f"{literal(unit)} * ", line.tokens[close].end, "")

    def unit_of(self, function: str, kernel: str, port: str) -> str:
        """Return the unit that a convolution had: its port's, else its kernel's."""
        declared = self.ports.get(port)
        if declared is not None and declared.unit:
            return declared.unit
        return self.kernels.get(kernel) or SUMS.get(function, "")
