"""The tree: a file as written, names still text, with exact spans and the comments beside it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from nestml_core.source import Span
from nestml_core.syntax.layout import Comment


@dataclass(frozen=True, slots=True)
class Remarks:
    """The comments that belong to an element.

    ``above`` are the lines directly above it, without a blank line between; ``beside`` those at
    the end of its own line, or of its lines where it goes on over several. A comment that belongs
    to no element stands in ``File.comments`` alone.
    """

    above: tuple[Comment, ...] = ()
    beside: tuple[Comment, ...] = ()

    @property
    def text(self) -> str:
        """The remark beside the element, or else the lines above it."""
        return "\n".join(c.text.strip() for c in self.beside or self.above)


NO_REMARKS = Remarks()


@dataclass(frozen=True, slots=True)
class Name:
    text: str
    span: Span


# Units and types


@dataclass(frozen=True, slots=True)
class UnitName:
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class UnitPower:
    base: Unit
    exponent: Fraction
    span: Span


@dataclass(frozen=True, slots=True)
class UnitProduct:
    """``left * right`` or ``left / right``."""

    left: Unit
    op: str
    right: Unit
    span: Span


@dataclass(frozen=True, slots=True)
class UnitReciprocal:
    """``numerator / unit``: the only place for a number in a unit, and it must be 1."""

    numerator: int
    unit: Unit
    span: Span


Unit: TypeAlias = UnitName | UnitPower | UnitProduct | UnitReciprocal


@dataclass(frozen=True, slots=True)
class TypeName:
    """A primitive type by name, or a unit."""

    primitive: str | None
    unit: Unit | None
    span: Span


# Expressions


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as written and the unit factor that follows it directly."""

    text: str
    unit: Unit | None
    number_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Truth:
    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Infinity:
    span: Span


@dataclass(frozen=True, slots=True)
class Variable:
    """A name with primes (``g''``) and, for elements of vectors, an index."""

    name: Name
    index: Expression | None
    order: int
    span: Span

    @property
    def text(self) -> str:
        return self.name.text + "'" * self.order


@dataclass(frozen=True, slots=True)
class Group:
    """An expression in parentheses."""

    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    name: Name
    arguments: tuple[Expression, ...]
    span: Span


Atom: TypeAlias = Quantity | Text | Truth | Infinity | Variable | Group | Call


@dataclass(frozen=True, slots=True)
class Operator:
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Operand:
    """An atom behind prefix operators, the outermost first."""

    prefixes: tuple[Operator, ...]
    atom: Atom
    span: Span


@dataclass(frozen=True, slots=True)
class Expression:
    """Operands with operators between them, and an optional ``? then : otherwise`` behind."""

    operands: tuple[Operand, ...]
    operators: tuple[Operator, ...]
    then: Expression | None
    otherwise: Expression | None
    span: Span


# Declarations, equations, ports


@dataclass(frozen=True, slots=True)
class Decorator:
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Declaration:
    recordable: bool
    inline: bool
    variables: tuple[Variable, ...]
    type: TypeName
    value: Expression | None
    guard: Expression | None
    decorators: tuple[Decorator, ...]
    span: Span
    remarks: Remarks = NO_REMARKS

    @property
    def documentation(self) -> str:
        return self.remarks.text


@dataclass(frozen=True, slots=True)
class VariableBlock:
    kind: str
    declarations: tuple[Declaration, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class Inline:
    recordable: bool
    name: Name
    type: TypeName
    value: Expression
    decorators: tuple[Decorator, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class Equation:
    variable: Variable
    value: Expression
    decorators: tuple[Decorator, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class Kernel:
    equations: tuple[Equation, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


EquationItem: TypeAlias = Inline | Kernel | Equation


@dataclass(frozen=True, slots=True)
class Equations:
    items: tuple[EquationItem, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class SpikePort:
    variable: Variable
    qualifiers: tuple[Name, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class ContinuousPort:
    variable: Variable
    type: TypeName
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class Input:
    ports: tuple[SpikePort | ContinuousPort, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class Output:
    """``kind_remarks`` are the comments of the line that says the kind."""

    kind: str
    span: Span
    remarks: Remarks = NO_REMARKS
    kind_remarks: Remarks = NO_REMARKS


# Statements


@dataclass(frozen=True, slots=True)
class Return:
    value: Expression | None
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class Assignment:
    variable: Variable
    op: str
    value: Expression
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class CallStatement:
    call: Call
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class Branch:
    condition: Expression
    body: tuple[Statement, ...]
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class If:
    """``otherwise_remarks`` are the comments of the line ``else:``."""

    branches: tuple[Branch, ...]
    otherwise: tuple[Statement, ...]
    span: Span
    otherwise_remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class For:
    variable: Name
    start: Expression
    stop: Expression
    step: Quantity
    down: bool
    body: tuple[Statement, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class While:
    condition: Expression
    body: tuple[Statement, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


Statement: TypeAlias = Return | Assignment | CallStatement | Declaration | If | For | While


@dataclass(frozen=True, slots=True)
class Update:
    body: tuple[Statement, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class Setting:
    """A named constant of a handler, such as ``priority=1``."""

    name: Name
    value: Quantity | Text | Truth | Infinity
    span: Span


@dataclass(frozen=True, slots=True)
class OnReceive:
    port: Name
    settings: tuple[Setting, ...]
    body: tuple[Statement, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class OnCondition:
    condition: Expression
    settings: tuple[Setting, ...]
    body: tuple[Statement, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class Parameter:
    name: Name
    type: TypeName
    span: Span


@dataclass(frozen=True, slots=True)
class Function:
    name: Name
    parameters: tuple[Parameter, ...]
    result: TypeName | None
    body: tuple[Statement, ...]
    span: Span
    remarks: Remarks = NO_REMARKS


Element: TypeAlias = (
    VariableBlock | Equations | Input | Output | Update | OnReceive | OnCondition | Function
)


@dataclass(frozen=True, slots=True)
class Model:
    """``span`` is that of the model's name."""

    name: Name
    elements: tuple[Element, ...]
    span: Span
    remarks: Remarks = NO_REMARKS

    @property
    def documentation(self) -> str:
        """The lines above ``model``, without the blank behind each ``#``."""
        return "\n".join(c.text.removeprefix(" ") for c in self.remarks.above)


@dataclass(frozen=True, slots=True)
class File:
    """A parsed file.

    ``lost`` are the names that stand in lines which did not parse: what is said of them elsewhere
    may be wrong, so later passes keep silent about them.
    """

    models: tuple[Model, ...]
    comments: tuple[Comment, ...]
    lost: tuple[str, ...]
