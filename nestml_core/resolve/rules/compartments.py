"""Rules about compartmental models: those with ``@mechanism::`` decorators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.expr import Call, Convolve, Expr, Kind, Ref, Symbol, walk
from nestml_core.model import MECHANISMS, Model
from nestml_core.resolve import codes
from nestml_core.resolve.rules.survey import Survey
from nestml_core.resolve.scope import did_you_mean
from nestml_core.stmt import Emit, IntegrateOdes, expressions_in
from nestml_core.syntax import tree

POTENTIAL = "v_comp"
SELF_SPIKES = "self_spikes"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A mechanism: its kind, the inline or variable it is named after, and all it needs."""

    kind: str
    symbol: Symbol
    needs: tuple[Symbol, ...]
    """Parameters, internals and state variables, each once."""
    convolutions: tuple[Convolve, ...]


def mechanisms(model: Model) -> tuple[Mechanism, ...]:
    """Return the mechanisms of ``model``, with what their expressions need, directly or not.

    The name of another mechanism stands for its current or concentration and is not followed.
    """
    definitions: dict[str, list[Expr]] = {}
    roots: list[tuple[str, Symbol]] = []
    for i in model.inlines:
        definitions.setdefault(i.symbol.name, []).append(i.value)
        roots += [(kind, i.symbol) for kind in _kinds(i.decorators)]
    for q in model.equations:
        for x in q.variables:
            definitions.setdefault(x.name, []).append(q.value)
        roots += [(kind, q.variables[0]) for kind in _kinds(q.decorators)]
    for d in (*model.parameters, *model.internals, *model.state):
        definitions.setdefault(d.symbol.name, []).append(d.value)
    for k in model.kernels:
        values = [q.value for q in k.equations] + [v for _, v in k.initial]
        definitions[k.symbol.name] = values if k.value is None else [k.value]
    for f in model.functions:
        definitions[f"{f.name}()"] = list(expressions_in(f.body))
    stops = {s.name for _, s in roots} | {d.symbol.name for d in model.state if _is_potential(d)}
    return tuple(_mechanism(kind, symbol, definitions, stops) for kind, symbol in roots)


def _kinds(decorators: Sequence[str]) -> tuple[str, ...]:
    return tuple(MECHANISMS[d] for d in decorators if d in MECHANISMS)


def _is_potential(d: object) -> bool:
    symbol = getattr(d, "symbol", None)
    return symbol is not None and symbol.name.lower() == POTENTIAL


def _mechanism(
    kind: str, root: Symbol, definitions: dict[str, list[Expr]], stops: set[str]
) -> Mechanism:
    needs: dict[str, Symbol] = {root.name: root} if root.kind is Kind.STATE else {}
    convolutions: list[Convolve] = []
    seen = {root.name}
    waiting = list(definitions.get(root.name, ()))
    while waiting:
        for e in walk(waiting.pop()):
            name = ""
            match e:
                case Ref(symbol):
                    name = symbol.name
                    owned = symbol.kind in (Kind.STATE, Kind.PARAMETER, Kind.INTERNAL)
                    if owned and name not in stops:
                        needs.setdefault(name, symbol)
                case Convolve(kernel):
                    convolutions.append(e)
                    name = kernel.name
                case Call(function):
                    name = f"{function}()"
                case _:
                    continue
            if name not in seen and name not in stops:
                seen.add(name)
                waiting += definitions.get(name, ())
    return Mechanism(kind, root, tuple(needs.values()), tuple(convolutions))


def the_potential_is_declared(survey: Survey) -> Iterator[Diagnostic]:
    """A compartmental model declares ``v_comp``, and leaves its equation to the simulator."""
    model = survey.model
    if not model.is_compartmental:
        return
    if not any(_is_potential(d) for d in model.state):
        message = f"the compartmental model `{model.name}` has no state variable `{POTENTIAL}`"
        help = f"add `{POTENTIAL} mV = -70 mV` to `state`: the potential of the compartment"
        yield codes.NO_POTENTIAL.at(model.span, message, help=help)
    for q in model.equations:
        if q.variables[0].name.lower() == POTENTIAL:
            message = f"`{q.variables[0].name}` is moved by the currents and has no equation"
            help = "write the current as an `inline` with `@mechanism::channel`"
            yield codes.NO_POTENTIAL.at(q.span, message, help=help)


def each_receptor_has_one_port(survey: Survey) -> Iterator[Diagnostic]:
    """A receptor is driven by the spikes of one port, besides those of the cell itself."""
    for m in _mechanisms(survey):
        ports = dict.fromkeys(c.port.owner.name for c in m.convolutions)
        ports.pop(SELF_SPIKES, None)
        if m.kind != "receptor" or len(ports) == 1:
            continue
        names = ", ".join(f"`{p}`" for p in ports)
        message = f"the receptor `{m.symbol.name}` convolves with {names or 'no spike port'}"
        help = "use `convolve(kernel, port)` with one spike port"
        yield codes.RECEPTOR_PORT.at(m.symbol.span, message, help=help)


def other_mechanisms_have_no_port(survey: Survey) -> Iterator[Diagnostic]:
    """Spikes from outside come in through receptors."""
    for m in _mechanisms(survey):
        for c in m.convolutions:
            if m.kind != "receptor" and c.port.owner.name != SELF_SPIKES:
                message = (
                    f"`{m.symbol.name}` is no receptor and cannot convolve with `{c.port.name}`"
                )
                help = f"decorate it with `@mechanism::receptor`, or use `{SELF_SPIKES}`"
                yield codes.MECHANISM_PORT.at(c.span, message, help=help)


def mechanisms_share_nothing(survey: Survey) -> Iterator[Diagnostic]:
    """Each mechanism has its own state and constants, as it may stand in many compartments."""
    owners: dict[str, Mechanism] = {}
    reported: set[str] = set()
    for m in _mechanisms(survey):
        for s in m.needs:
            owner = owners.setdefault(s.name, m)
            if owner is m or s.name in reported:
                continue
            reported.add(s.name)
            message = (
                f"the {s.kind.value} `{s.name}` belongs to two mechanisms, "
                f"`{owner.symbol.name}` and `{m.symbol.name}`"
            )
            notes = tuple(Note(x.symbol.span, f"`{x.symbol.name}` needs it") for x in (owner, m))
            help = "declare one for each"
            yield codes.SHARED.at(s.span, message, help=help, notes=notes)


def _mechanisms(survey: Survey) -> tuple[Mechanism, ...]:
    return mechanisms(survey.model) if survey.model.is_compartmental else ()


def statements_play_a_role(survey: Survey) -> Iterator[Diagnostic]:
    """Compartments are integrated, and emit spikes, by the simulator."""
    model = survey.model
    if not model.is_compartmental:
        return
    for s in survey.statements:
        if isinstance(s, (IntegrateOdes, Emit)):
            what = "integrate_odes" if isinstance(s, IntegrateOdes) else "emit_spike"
            message = f"`{what}` is ignored in a compartmental model: the simulator does it"
            yield codes.IGNORED.at(s.span, message, help="leave it out")
    for h in model.on_receive:
        if h.port.name != SELF_SPIKES:
            message = f"the handler for `{h.port.name}` is ignored in a compartmental model"
            help = f"only `{SELF_SPIKES}` has a handler; other spikes go through `convolve`"
            yield codes.IGNORED.at(h.span, message, help=help)
    for c in model.on_condition:
        message = "`onCondition` is ignored in a compartmental model"
        yield codes.IGNORED.at(c.span, message, help="leave it out")


def decorators_mean_something(survey: Survey) -> Iterator[Diagnostic]:
    """Decorators of a known kind stand where they have a meaning."""
    for e in survey.tree.elements:
        match e:
            case tree.VariableBlock(kind, declarations):
                for d in declarations:
                    yield from _of_declaration(d.decorators, kind)
            case tree.Equations(items):
                for item in items:
                    if not isinstance(item, tree.Kernel):
                        yield from _of_equation(item)


def _of_declaration(decorators: tuple[tree.Decorator, ...], block: str) -> Iterator[Diagnostic]:
    sharing = [d for d in decorators if d.text in ("@homogeneous", "@heterogeneous")]
    for d in sharing if block != "parameters" else ():
        message = f"`{d.text}` has a meaning for parameters only"
        yield codes.IDLE_DECORATOR.at(d.span, message, help="leave it out")
    if len({d.text for d in sharing}) > 1:
        message = f"`{sharing[0].text}` and `{sharing[1].text}` contradict each other"
        yield codes.IDLE_DECORATOR.at(sharing[1].span, message, help="leave one of them out")
    for d in decorators:
        if d.text.startswith("@mechanism::"):
            message = f"`{d.text}` has no meaning on a declaration"
            help = "mechanisms are `inline` expressions and equations"
            yield codes.IDLE_DECORATOR.at(d.span, message, help=help)


def _of_equation(item: tree.Inline | tree.Equation) -> Iterator[Diagnostic]:
    for d in item.decorators:
        if not d.text.startswith("@mechanism::"):
            continue
        kind = MECHANISMS.get(d.text)
        if kind is None:
            message = f"there is no mechanism `{d.text}`; the decorator is ignored"
            help = did_you_mean(d.text, MECHANISMS) or f"known are {', '.join(MECHANISMS)}"
            yield codes.IDLE_DECORATOR.at(d.span, message, help=help)
        elif (kind == "concentration") is isinstance(item, tree.Inline):
            message = f"`{d.text}` has no meaning on {_described(item)}"
            help = "a concentration is an equation, every other mechanism an `inline`"
            yield codes.IDLE_DECORATOR.at(d.span, message, help=help)


def _described(item: tree.Inline | tree.Equation) -> str:
    return "an inline expression" if isinstance(item, tree.Inline) else "an equation"
