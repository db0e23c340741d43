"""What a syntax error means: from the place where parsing stopped to a message and a remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.syntax.habits import BRACKETED_UNIT, HABITS, MAX_LINE, NAME
from nestml_core.syntax.layout import (
    DEDENT,
    INDENT,
    MARKERS,
    NEWLINE,
    Edit,
    Laid,
)

UNEXPECTED = Code("NML010", Severity.ERROR, "something that does not fit here")
MISSING_COLON = Code("NML011", Severity.ERROR, "a missing colon")
UNKNOWN_BLOCK = Code("NML012", Severity.ERROR, "an unknown block or keyword")
ASSIGN_IN_CONDITION = Code("NML013", Severity.ERROR, "an assignment in a condition")
NO_TYPE = Code("NML014", Severity.ERROR, "a declaration without a type")
RESERVED_NAME = Code("NML015", Severity.ERROR, "a reserved word as a name")
UNCLOSED = Code("NML005", Severity.ERROR, "a bracket that is never closed")
EMPTY_BLOCK = Code("NML016", Severity.ERROR, "a block with nothing in it")
FOREIGN_OPERATOR = Code("NML018", Severity.ERROR, "an operator of another language")
BAD_NAME = Code("NML019", Severity.ERROR, "not a name")
MISPLACED_DECORATOR = Code("NML023", Severity.ERROR, "a decorator that cannot stand here")
NO_STEP = Code("NML024", Severity.ERROR, "a loop without a step")

BLOCKS = (
    "state",
    "parameters",
    "internals",
    "equations",
    "input",
    "output",
    "update",
    "onReceive",
    "onCondition",
    "function",
)
OTHER_BLOCKS = MappingProxyType(
    {
        "def": "function",
        "fn": "function",
        "variables": "state",
        "constants": "parameters",
        "dynamics": "equations",
        "odes": "equations",
        "ports": "input",
        "receive": "onReceive",
        "threshold": "onCondition",
        "when": "onCondition",
    }
)
"""What a modeller may call the blocks who comes from elsewhere."""
HEADS = (*BLOCKS, "if", "elif", "else", "for", "while", "model")
RESERVED = frozenset(
    (
        *HEADS,
        *("integer", "real", "string", "boolean", "void", "inline", "return", "in", "step"),
        *("inf", "and", "or", "not", "recordable", "kernel", "continuous", "spike"),
        *("inhibitory", "excitatory", "true", "True", "false", "False"),
    )
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Where the parser got stuck, as an offset in the laid-out text, and what it tried there."""

    offset: int
    tried: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A syntax error explained.

    ``fixes`` are the edits of the laid-out text that mend it, where they are certain: pairs of
    a stretch and its new text, in ascending order.
    """

    diagnostic: Diagnostic
    offset: int
    fixes: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A failure with what stands around it."""

    laid: Laid
    offset: int
    tried: frozenset[str]
    line: str
    start: int
    found: str

    def make(
        self,
        code: Code,
        message: str,
        help: str,
        *,
        start: int | None = None,
        end: int | None = None,
        fixes: tuple[Edit, ...] = (),
    ) -> Mistake:
        first = self.offset if start is None else start
        last = first + max(1, len(self.found)) if end is None else end
        diagnostic = code.at(self.laid.span(first, last), message, help=help)
        return Mistake(diagnostic, self.offset, fixes)


_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|[A-Za-z_$][\w$]*|\d+\.?\d*(?:[eE][-+]?\d+)?|<-|\.\.\.|\*\*|//|[<>=!+*/-]=|&&|\|\||.',
    re.DOTALL,
)
_WORD = re.compile(r"[A-Za-z_$][\w$]*\Z")
_LEVEL = re.compile(f"[{INDENT}{DEDENT}]")


def explain(laid: Laid, failure: Failure) -> Mistake:
    """Return what is wrong where ``failure`` says parsing stopped."""
    scene = _scene(laid, failure)
    rules: tuple[Callable[[Scene], Mistake | None], ...] = (
        _missing_colon,
        _too_far_right,
        _blocks_not_indented,
        _lines_not_indented,
        _empty_block,
        _foreign_comment,
        _braces,
        _written_otherwise,
        _same_line,
        _else_if,
        _without_if,
        _type_first,
        _unknown_block,
        _word_of_python,
        _conditional_of_python,
        _reserved_name,
        _bad_model_name,
        _foreign_operator,
        _assignment_in_condition,
        _absolute_value,
        _no_step,
        _handler,
        _decorator,
        _several_statements,
        _single_bracket,
        _list,
        _comma,
        _quotes,
        _no_type,
        _no_equals,
        _unclosed,
        _unfinished,
        _unopened,
        _no_statement,
        _no_operator,
    )
    for rule in rules:
        mistake = rule(scene)
        if mistake is not None:
            return mistake
    return _anything(scene)


def _scene(laid: Laid, failure: Failure) -> Scene:
    text = laid.text
    offset = failure.offset
    while offset < len(text) and text[offset] in " \t\r":
        offset += 1
    start = offset
    while start > 0 and text[start - 1] not in MARKERS:
        start -= 1
    end = start
    while end < len(text) and text[end] not in MARKERS:
        end += 1
    token = _TOKEN.match(text, offset)
    found = token[0] if token else ""
    return Scene(laid, offset, frozenset(failure.tried), text[start:end].strip(), start, found)


def _head(scene: Scene) -> str:
    word = re.match(r"[A-Za-z_$][\w$]*", scene.line)
    return word[0] if word else ""


def _at_line_end(scene: Scene) -> bool:
    return scene.found in ("", NEWLINE, INDENT, DEDENT)


def _missing_colon(scene: Scene) -> Mistake | None:
    if not _at_line_end(scene) or ":" not in scene.tried or _head(scene) not in HEADS:
        return None
    return scene.make(
        MISSING_COLON,
        f"`{_head(scene)}` needs a colon at the end of its line",
        "add `:` here",
        fixes=((scene.offset, scene.offset, ":"),),
        end=scene.offset + 1,
    )


def _too_far_right(scene: Scene) -> Mistake | None:
    if scene.found != INDENT or "INDENT" in scene.tried:
        return None
    text = scene.laid.text
    close = _matching_dedent(text, scene.offset)
    begin = scene.offset + 1
    end = text.find(NEWLINE, begin)
    return scene.make(
        UNEXPECTED,
        "this line is indented deeper than its block",
        "align it with the line above, or end that line with a colon if it opens a block",
        start=begin,
        end=end if end > 0 else len(text),
        fixes=((scene.offset, begin, ""), (close, close + 1, "")),
    )


def _matching_dedent(text: str, indent: int) -> int:
    """Return where the block that begins at ``indent`` ends."""
    depth = 0
    for mark in _LEVEL.finditer(text, indent):
        depth += 1 if mark[0] == INDENT else -1
        if depth == 0:
            return mark.start()
    return len(text)


def _empty_block(scene: Scene) -> Mistake | None:
    if "INDENT" not in scene.tried or not scene.laid.text[: scene.offset].endswith(":" + NEWLINE):
        return None
    offset = scene.offset - 2
    start = offset
    while start > 0 and scene.laid.text[start - 1] not in MARKERS:
        start -= 1
    message = "this block is empty"
    help = "indent what belongs to it, or remove the line"
    diagnostic = EMPTY_BLOCK.at(scene.laid.span(start, offset + 1), message, help=help)
    return Mistake(diagnostic, offset)


def _unknown_block(scene: Scene) -> Mistake | None:
    if scene.offset != scene.start or not _WORD.match(scene.found):
        return None
    if not {"equations", "update"} <= scene.tried and "model" not in scene.tried:
        return None
    if "Name" in scene.tried and "equations" not in scene.tried:
        return None
    choices = BLOCKS if "equations" in scene.tried else ("model",)
    close = get_close_matches(scene.found, choices, 1, 0.5)
    if scene.found in OTHER_BLOCKS and "equations" in scene.tried:
        close = [OTHER_BLOCKS[scene.found]]
    help = f"did you mean `{close[0]}`?" if close else f"expected {_one_of(choices)}"
    if scene.found in choices:
        help = "check the indentation of this line and of those above it"
        return scene.make(UNEXPECTED, f"`{scene.found}` cannot stand here", help)
    return scene.make(UNKNOWN_BLOCK, f"unknown block `{scene.found}`", help)


def _reserved_name(scene: Scene) -> Mistake | None:
    if scene.found not in RESERVED or "Name" not in scene.tried:
        return None
    if scene.offset == scene.start and _head(scene) in BLOCKS and "=" not in scene.line:
        help = "a block begins one level below `model`: check the indentation"
        return scene.make(UNEXPECTED, f"`{scene.found}` cannot stand here", help)
    message = f"`{scene.found}` is a reserved word of NESTML and cannot be a name"
    return scene.make(RESERVED_NAME, message, f"choose another name, such as `{scene.found}_`")


def _bad_model_name(scene: Scene) -> Mistake | None:
    if _head(scene) != "model" or "Name" not in scene.tried:
        return None
    shown = scene.found if not _at_line_end(scene) else "the end of the line"
    help = "a name is a letter, `_` or `$`, followed by letters, digits, `_` and `$`"
    return scene.make(BAD_NAME, f"`{shown}` is not the name of a model", help)


def _assignment_in_condition(scene: Scene) -> Mistake | None:
    if scene.found != "=" or _head(scene) not in ("if", "elif", "while", "onCondition"):
        return None
    message = "`=` assigns; a condition compares"
    fixes = ((scene.offset, scene.offset + 1, "=="),)
    return scene.make(ASSIGN_IN_CONDITION, message, "write `==`", fixes=fixes)


FOREIGN = MappingProxyType(
    {
        **{"&&": "and", "||": "or", "!": "not", "AND": "and", "OR": "or", "NOT": "not"},
        **{"=>": ">=", "=<": "<=", "===": "==", "!==": "!=", ":=": "="},
        **{"%=": None, "^=": None, "++": "+= 1", "--": "-= 1"},
    }
)


def _foreign_operator(scene: Scene) -> Mistake | None:
    two = scene.laid.text[scene.offset : scene.offset + 2]
    before = scene.laid.text[max(0, scene.offset - 1) : scene.offset + 1]
    word = re.search(r"\b(AND|OR|NOT)(?=\s*\Z)", scene.laid.text[scene.start : scene.offset])
    three = scene.laid.text[max(0, scene.offset - 2) : scene.offset + 1]
    for text, start in (
        (three, scene.offset - 2),
        (two, scene.offset),
        (before, scene.offset - 1),
        (scene.found, scene.offset),
        (word[0] if word else "", scene.start + word.start() if word else 0),
    ):
        if text in FOREIGN:
            write = FOREIGN[text]
            help = f"write `{write}`" if write else "write the assignment out"
            message = f"`{text}` is not an operator of NESTML"
            end = start + len(text)
            fixes = ((start, end, f" {write} "),) if write and "1" not in write else ()
            return scene.make(FOREIGN_OPERATOR, message, help, start=start, end=end, fixes=fixes)
    return None


def _no_type(scene: Scene) -> Mistake | None:
    if scene.found != "=" or not scene.tried & {"UnitName", "Name"}:
        return None
    inline = re.match(r"(?:recordable\s+)?inline\s+([A-Za-z_$][\w$]*)\s*=", scene.line)
    if inline is not None:
        help = f"write a type or unit before `=`, as in `inline {inline[1]} pA = ...`"
        return scene.make(NO_TYPE, f"the inline `{inline[1]}` has no type", help)
    if not scene.tried & {",", "sep"} and "'" not in scene.tried:
        return None
    name = scene.line.split("=")[0].strip()
    bracketed = BRACKETED_UNIT.fullmatch(name)
    if bracketed is not None:
        help = f"write `{bracketed[1]} {bracketed[2]} = ...`"
        return scene.make(NO_TYPE, "a unit stands behind the name without brackets", help)
    help = f"write a type or unit before `=`, as in `{name} real = ...` or `{name} mV = ...`"
    return scene.make(NO_TYPE, f"the declaration of `{name}` has no type", help)


def _unclosed(scene: Scene) -> Mistake | None:
    if not _at_line_end(scene):
        return None
    opened: list[int] = []
    for i in range(scene.start, scene.offset):
        c = scene.laid.text[i]
        if c in "([":
            opened.append(i)
        elif c in ")]" and opened:
            opened.pop()
    if not opened:
        return None
    bracket = scene.laid.text[opened[-1]]
    closing = ")" if bracket == "(" else "]"
    message = f"this `{bracket}` is never closed"
    help = f"add `{closing}`; an expression goes on in the next line if that is indented deeper"
    return scene.make(UNCLOSED, message, help, start=opened[-1], end=opened[-1] + 1)


def _before(scene: Scene) -> str:
    """Return the line up to where parsing stopped."""
    return scene.laid.text[scene.start : scene.offset].strip()


def _blocks_not_indented(scene: Scene) -> Mistake | None:
    """The blocks of a model stand below `model` without indentation."""
    text = scene.laid.text
    if "INDENT" not in scene.tried or scene.found not in BLOCKS or scene.offset != scene.start:
        return None
    head = text[: scene.offset].rstrip(NEWLINE)
    start = max(map(head.rfind, MARKERS)) + 1
    if not re.match(r"model\b", head[start:]):
        return None
    end = re.compile(rf"[^{MARKERS}]*\Z|(?<=[{NEWLINE}{DEDENT}])model\b").search(text, scene.offset)
    last = end.start() if end else len(text)
    fixes = ((scene.offset, scene.offset, INDENT), (last, last, DEDENT))
    message = f"the block `{scene.found}` is not indented"
    help = "indent the blocks of a model below its first line"
    return scene.make(UNEXPECTED, message, help, fixes=fixes)


def _same_line(scene: Scene) -> Mistake | None:
    if "NEWLINE" not in scene.tried or not _before(scene).endswith(":") or _at_line_end(scene):
        return None
    message = f"what belongs to `{_head(scene)}` stands on lines of its own"
    return scene.make(UNEXPECTED, message, "begin a new line here, indented")


def _lines_not_indented(scene: Scene) -> Mistake | None:
    """What belongs to a head stands below it, but no deeper."""
    text, at = scene.laid.text, scene.offset
    if "INDENT" not in scene.tried or at != scene.start or not text[:at].endswith(":" + NEWLINE):
        return None
    start = max(map(text[: at - 1].rfind, MARKERS)) + 1
    head = re.match(r"[A-Za-z]+", text[start:])
    if head is None or scene.found in (*BLOCKS, "model", "elif", "else") or _at_line_end(scene):
        return None
    end = _end_of_lines(text, at, several=head[0] in BLOCKS)
    fixes = ((at, at, INDENT), (end, end, DEDENT))
    message = f"the lines of `{head[0]}` are not indented"
    help = f"indent what belongs to `{head[0]}` below it"
    diagnostic = EMPTY_BLOCK.at(scene.laid.span(start, at), message, help=help)
    return Mistake(diagnostic, at, fixes)


def _end_of_lines(text: str, at: int, *, several: bool) -> int:
    """Return where the lines from ``at`` on end that a head without a block can mean.

    Of a block of the model these are all lines up to the next one; of an ``if`` or a loop the
    first line, or those before its ``elif`` or ``else``.
    """
    first = end = _end_of_line(text, at)
    while end < len(text) and text[end] not in MARKERS:
        word = re.match(r"[A-Za-z_$][\w$]*", text[end:])
        if several and word is not None and word[0] in BLOCKS:
            return end
        if not several and word is not None and word[0] in ("if", "for", "while"):
            return first
        if re.match(r"(elif|else)\b", text[end:]):
            return end
        end = _end_of_line(text, end)
    return end if several else first


def _end_of_line(text: str, at: int) -> int:
    """Return where the line that begins at ``at`` ends, with the block below it."""
    end = text.find(NEWLINE, at) + 1 or len(text)
    return min(_matching_dedent(text, end) + 1, len(text)) if text[end : end + 1] == INDENT else end


def _without_if(scene: Scene) -> Mistake | None:
    if scene.found not in ("elif", "else") or scene.offset != scene.start:
        return None
    help = "check the indentation of this line, and of the `if` above it"
    return scene.make(UNEXPECTED, f"this `{scene.found}` belongs to no `if`", help)


def _foreign_comment(scene: Scene) -> Mistake | None:
    text = scene.laid.text
    start = scene.offset - (text[scene.offset - 1 : scene.offset + 1] == "/*")
    mark = re.match(r"//|/\*", text[start : start + 2])
    if mark is None or ("BinaryOperator" in scene.tried and mark[0] == "//"):
        return None
    end = start
    while end < len(text) and text[end] not in MARKERS:
        end += 1
    fixes = ((start, end, ""),) if start > scene.start else ()
    help = f"write `#` for `{mark[0]}`"
    message = "a comment begins with `#`"
    return scene.make(UNEXPECTED, message, help, start=start, end=end, fixes=fixes)


def _braces(scene: Scene) -> Mistake | None:
    if scene.found not in ("{", "}"):
        return None
    fixes = ((scene.offset, scene.offset + 1, ":"),) if ":" in scene.tried else ()
    help = "end the line with a colon, and indent what belongs to it below"
    if scene.found == "}":
        help = "delete it: a block ends with its indentation"
    return scene.make(UNEXPECTED, "NESTML has no braces", help, fixes=fixes)


def _written_otherwise(scene: Scene) -> Mistake | None:
    """A line that is right in another language."""
    if len(scene.line) > MAX_LINE:
        return None
    block = _block(scene)
    for habit in HABITS:
        m = habit.pattern.match(scene.line)
        if m is None or (habit.blocks and block not in habit.blocks):
            continue
        start, end = (scene.start + m.start("at"), scene.start + m.end("at"))
        here = start <= scene.offset <= max(end, start + 1) + 1
        if not (here or habit.blocks):
            continue
        words = {k: (v or "").lstrip() for k, v in m.groupdict().items()}
        if "from" in words:
            words["from"] = words["from"] or "0"
        help = habit.help.format(**words)
        return scene.make(UNEXPECTED, habit.message, help, start=start, end=max(end, start + 1))
    return None


def _block(scene: Scene) -> str:
    """Return the first word of the block of a model that the line stands in."""
    text = scene.laid.text
    depth, found = 0, ""
    for mark in reversed(tuple(_LEVEL.finditer(text, 0, scene.start))):
        depth += 1 if mark[0] == DEDENT else -1
        if depth == -1:
            start = max(map(text[: mark.start() - 1].rfind, MARKERS)) + 1
            word = re.match(NAME, text[start:])
            found, depth = (word[0] if word else ""), 0
            if found in BLOCKS:
                return found
    return found


def _absolute_value(scene: Scene) -> Mistake | None:
    if scene.found != "|" or "CallName" not in scene.tried:
        return None
    return scene.make(UNEXPECTED, "`|` stands between two integers", "write `abs(...)` for |...|")


def _single_bracket(scene: Scene) -> Mistake | None:
    if scene.found != "[" or "[[" not in scene.tried:
        return None
    message = "a guard stands between double brackets"
    return scene.make(UNEXPECTED, message, "write `[[ condition ]]`")


def _list(scene: Scene) -> Mistake | None:
    if scene.found not in ("[", "{") or "CallName" not in scene.tried:
        return None
    help = "give one value for all elements; others can be assigned by index, or set from outside"
    return scene.make(UNEXPECTED, "NESTML has no lists of values", help)


def _comma(scene: Scene) -> Mistake | None:
    if scene.found != ",":
        return None
    text = scene.laid.text
    decimals = re.compile(r"(\d*),(\d+)").match(text, scene.offset - _digits(text, scene.offset))
    if decimals is not None and decimals[1]:
        help = f"write `{decimals[1]}.{decimals[2]}`"
        return scene.make(UNEXPECTED, "a decimal point is written `.`, not `,`", help)
    if re.compile(rf",\s*{NAME}\s+[^,=]+=").match(text, scene.offset):
        message = "NESTML has one declaration in a line"
        return scene.make(UNEXPECTED, message, "begin a new line here")
    return None


def _digits(text: str, end: int) -> int:
    """Return how many digits stand before ``end``."""
    start = end
    while start > 0 and text[start - 1].isdigit():
        start -= 1
    return end - start


def _else_if(scene: Scene) -> Mistake | None:
    if scene.found != "if" or _before(scene) != "else":
        return None
    end = scene.offset + len("if")
    fixes = ((scene.start, end, "elif"),)
    message = "`else if` is one word in NESTML"
    return scene.make(UNEXPECTED, message, "write `elif`", start=scene.start, end=end, fixes=fixes)


TYPES = ("integer", "real", "string", "boolean", "void")


def _type_first(scene: Scene) -> Mistake | None:
    m = re.match(r"(\w+)\s+([A-Za-z_$][\w$]*)\s*(=|\Z)", scene.line)
    if m is None or scene.offset != scene.start or scene.found not in TYPES:
        return None
    help = f"write `{m[2]} {m[1]}`"
    return scene.make(UNEXPECTED, "the name stands before its type", help)


PYTHON = MappingProxyType(
    {
        "pass": "write a block only where it has statements",
        "break": "put what ends the loop into its condition",
        "continue": "put the rest of the body into an `if`",
    }
)


def _word_of_python(scene: Scene) -> Mistake | None:
    if scene.line not in PYTHON:
        return None
    end = scene.start + len(scene.line)
    message = f"NESTML has no `{scene.line}`"
    return scene.make(UNEXPECTED, message, PYTHON[scene.line], start=scene.start, end=end)


def _conditional_of_python(scene: Scene) -> Mistake | None:
    if scene.found != "if" or "BinaryOperator" not in scene.tried:
        return None
    return scene.make(
        UNEXPECTED, "`if` cannot stand in an expression", "write `condition ? this : that`"
    )


def _no_step(scene: Scene) -> Mistake | None:
    if _head(scene) != "for":
        return None
    if scene.found == ":" and "step" in scene.tried:
        fixes = ((scene.offset, scene.offset, " step 1"),)
        return scene.make(NO_STEP, "this loop has no step", "write `step 1` here", fixes=fixes)
    if _before(scene).endswith(("step", "step -", "step-")):
        help = "write a number, or use `while`"
        return scene.make(UNEXPECTED, "the step of a loop is a number, not an expression", help)
    return None


def _handler(scene: Scene) -> Mistake | None:
    head = _head(scene)
    if head not in ("onReceive", "onCondition"):
        return None
    if scene.found in ("-", "+") and _before(scene).endswith("="):
        message = "the value of a setting is a constant without a sign"
        return scene.make(UNEXPECTED, message, "choose a number from 0 upwards")
    if head == "onReceive" and scene.found == "[":
        message = "a handler receives from a whole port, not from one element"
        return scene.make(UNEXPECTED, message, "write the name of the port alone")
    if scene.found == ":" and "(" in scene.tried:
        what = "port)` with the name of a spike port" if head == "onReceive" else "condition)`"
        return scene.make(UNEXPECTED, f"`{head}` lacks its parentheses", f"write `{head}({what}")
    return None


def _decorator(scene: Scene) -> Mistake | None:
    if scene.found == "@" and "DecoratorText" in scene.tried:
        end = re.compile(r"@[\w$:]*").match(scene.laid.text, scene.offset)
        help = "write `@homogeneous`, `@heterogeneous` or `@namespace::name`"
        last = end.end() if end else None
        return scene.make(MISPLACED_DECORATOR, "this is not a decorator", help, end=last)
    if scene.found == "@":
        message = "a decorator cannot stand here"
        help = "decorators end the lines of declarations, inlines and differential equations"
        return scene.make(MISPLACED_DECORATOR, message, help)
    if scene.found == "[" and "DecoratorText" in scene.tried and "@" in _before(scene):
        message = "the guard stands before the decorators"
        return scene.make(MISPLACED_DECORATOR, message, "move the decorators to the end")
    return None


def _several_statements(scene: Scene) -> Mistake | None:
    if scene.found != ";":
        return None
    return scene.make(UNEXPECTED, "NESTML has one statement in a line", "begin a new line here")


def _quotes(scene: Scene) -> Mistake | None:
    if scene.found != "'" or "CallName" not in scene.tried:
        return None
    return scene.make(UNEXPECTED, "a string stands between double quotes", "write `\"` for `'`")


def _no_equals(scene: Scene) -> Mistake | None:
    if "=" not in scene.tried or not re.match(r"[\d.\"(-]", scene.found):
        return None
    message = f"`=` is missing before `{scene.found}`"
    return scene.make(UNEXPECTED, message, "write `=` here")


def _unfinished(scene: Scene) -> Mistake | None:
    """An operator at the end of a line: the next line is taken for the rest of this one."""
    if not _at_line_end(scene) or not re.search(r"([-+*/%&|^<>?:=]|and|or|not)\Z", _before(scene)):
        return None
    if "CallName" not in scene.tried or scene.found != NEWLINE:
        return None
    help = (
        "put the expression in parentheses, or `\\` at the end of this line, to go on in the next"
    )
    text = scene.laid.text
    fixes: tuple[Edit, ...] = ((scene.offset, scene.offset + 1, " "),)
    if text[scene.offset + 1 : scene.offset + 2] == INDENT:
        close = _matching_dedent(text, scene.offset + 1)
        fixes = ((scene.offset, scene.offset + 2, " "), (close, close + 1, ""))
    elif not re.match(r"[\d.(]", text[scene.offset + 1 :][:1]):
        fixes = ()
    return scene.make(UNEXPECTED, "the line ends too early", help, fixes=fixes)


def _unopened(scene: Scene) -> Mistake | None:
    if scene.found not in (")", "]"):
        return None
    opening = "(" if scene.found == ")" else "["
    before = re.sub(r'"(?:[^"\\]|\\.)*"', "", _before(scene))
    if before.count(opening) > before.count(scene.found):
        return None
    message = f"this `{scene.found}` closes nothing"
    fixes = ((scene.offset, scene.offset + 1, " "),)
    return scene.make(UNEXPECTED, message, "delete it", fixes=fixes)


def _no_statement(scene: Scene) -> Mistake | None:
    """A line that reads something and does nothing with it."""
    if "Assignment" in scene.tried or "AssignmentOperator" not in scene.tried:
        return None
    if _at_line_end(scene) and _WORD.match(scene.line):
        message = f"`{scene.line}` alone is no statement"
        help = f"write `{scene.line}()` to call a function, or `{scene.line} = ...` to assign"
        end = scene.start + len(scene.line)
        return scene.make(UNEXPECTED, message, help, start=scene.start, end=end)
    if scene.found == "==":
        message = "a comparison alone is no statement"
        return scene.make(UNEXPECTED, message, "write `=` to assign")
    return None


def _no_operator(scene: Scene) -> Mistake | None:
    """Two operands side by side."""
    if "BinaryOperator" not in scene.tried or not re.match(r'[\w$."(]', scene.found):
        return None
    if scene.found in RESERVED:
        return None
    message = f"an operator is missing before `{scene.found[:40]}`"
    return scene.make(UNEXPECTED, message, "write the operator, or begin a new line")


_READABLE = MappingProxyType(
    {
        "Number": "an expression",
        "CallName": "an expression",
        "Prefix": "an expression",
        "OpenIndex": "`[`",
        "BinaryOperator": "an operator",
        "AssignmentOperator": "an assignment",
        "DecoratorText": "a decorator",
        "Name": "a name",
        "NEWLINE": "the end of the line",
        "INDENT": "an indented block",
        "DEDENT": "the end of the block",
        "EOF": "the end of the file",
        "VariableBlockKind": "`state`, `parameters` or `internals`",
        "QualifierText": "`excitatory` or `inhibitory`",
        "OutputKind": "`spike` or `continuous`",
        "UnitExponent": "an exponent",
    }
)


_OPERAND = frozenset(("Name", "(", "Prefix"))
_BEHIND_OPERAND = frozenset(("Name", "(", "'", "OpenIndex", "**", "?", "Not", "UnitExponent"))


def _readable(tried: frozenset[str]) -> tuple[str, ...]:
    """Return what would have fitted, in words, without regular expressions."""
    found: dict[str, None] = {}
    hidden: frozenset[str] = frozenset(("Not", "sep"))
    if "CallName" in tried:
        hidden |= _OPERAND
    if "BinaryOperator" in tried:
        hidden |= _BEHIND_OPERAND
    for rule in sorted(tried - hidden):
        if rule in _READABLE:
            found[_READABLE[rule]] = None
        elif re.fullmatch(r"[A-Za-z]+|[^\w\s\\]{1,3}", rule):
            found[f"`{rule}`"] = None
        elif "integer" in rule:
            found["a type or unit"] = None
    if "sep" in tried:
        found["`,`"] = None
    return tuple(found)


def _one_of(choices: tuple[str, ...]) -> str:
    quoted = [f"`{c}`" for c in choices]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]


def _anything(scene: Scene) -> Mistake:
    if _at_line_end(scene):
        what = "the line ends too early"
    elif _WORD.match(scene.found):
        what = f"unexpected `{scene.found}`"
    else:
        what = f"unexpected `{scene.found[:40]}`"
    choices = _readable(scene.tried)
    help = ""
    if choices and len(choices) <= 5:
        listed = ", ".join(choices[:-1]) + " or " + choices[-1] if len(choices) > 1 else choices[0]
        help = f"expected {listed}"
    return scene.make(UNEXPECTED, what, help)
