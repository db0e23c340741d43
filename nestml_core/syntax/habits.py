"""Lines that are right in other languages, and what they are in NESTML."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Habit:
    """A line as it is written elsewhere; ``pattern`` has a group ``at``: what is wrong.

    ``help`` names groups of the pattern in braces; ``blocks`` are those it can stand in, all if
    there are none.
    """

    pattern: re.Pattern[str]
    message: str
    help: str
    blocks: tuple[str, ...] = ()


MAX_LINE = 300
"""Longer lines are not compared: some of the patterns take their time with long blanks."""

NAME = r"[A-Za-z_$][\w$]*"
BRACKETED_UNIT = re.compile(
    rf"({NAME})\s*[\[({{]\s*([fpnumkMG]?(?:V|A|S|s|F|Hz|Ohm|ohm|m)|real|integer|1/m?s)\s*[\])}}]"
)
_QUALIFIERS = r"(?P<how>(?:(?:excitatory|inhibitory)\s+)*)"
HABITS = (
    Habit(
        re.compile(
            rf"(?P<at>d\s*\(?\s*(?P<x>{NAME})\s*\)?\s*/\s*d\s*\(?\s*t\s*\)?"
            rf"|(?:ddt|diff|der|D|d)\s*\(\s*(?P<y>{NAME})\s*(?:,\s*t\s*)?\))\s*="
        ),
        "a derivative is written with a prime",
        "write `{x}{y}' = ...`",
        ("equations",),
    ),
    Habit(
        re.compile(rf"(?P<x>{NAME})\s*(?P<at>->|=|:|(?=\s))\s*{_QUALIFIERS}spikes?\Z"),
        "a port receives by `<-`",
        "write `{x} <- {how}spike`",
        ("input",),
    ),
    Habit(
        re.compile(rf"(?P<x>{NAME})\s+(?P<type>[^<>=:-]+?)\s*(?P<at>->|=|:|(?=\s))\s*continuous\Z"),
        "a port receives by `<-`",
        "write `{x} {type} <- continuous`",
        ("input",),
    ),
    Habit(
        re.compile(rf"kernel\s+(?P<x>{NAME})\s+(?P<at>[^=]+?)\s*="),
        "a kernel has no type: it is a plain number",
        "write `kernel {x} = ...`",
        ("equations",),
    ),
    Habit(
        re.compile(rf"(?P<x>{NAME})\s*(?P<at>:)\s*(?P<type>[^=:]+?)\s*(?:=|\Z)"),
        "a type stands behind its name without a colon",
        "write `{x} {type}`",
        ("state", "parameters", "internals"),
    ),
    Habit(
        re.compile(
            rf"for\s+(?P<x>{NAME})\s+in\s+(?P<at>range\s*\((?:(?P<from>[^,()]+),)?\s*(?P<to>[^,()]+)\))"
        ),
        "a loop runs from one number to another",
        "write `for {x} in {from} ... {to} step 1:`",
    ),
    Habit(
        re.compile(rf"function\s+{NAME}\s*\([^()]*\)\s*(?P<at>->)\s*(?P<type>[^:]+?)\s*:"),
        "the type of a result stands behind the parentheses without an arrow",
        "write `{type}:` here",
    ),
    Habit(
        re.compile(rf"function\s+{NAME}\s*\((?:[^()]*,)?\s*(?P<at>(?P<x>{NAME}))\s*[,)]"),
        "a parameter of a function has a type",
        "write `{x} real`, or its unit, as in `{x} mV`",
    ),
    Habit(
        re.compile(r"onReceive\s*(?P<at>\(\s*\))"),
        "a handler names the port it receives from",
        "write `onReceive(port)` with the name of a spike port",
    ),
    Habit(
        re.compile(
            rf"(?:.*?[^\w$.])?(?P<at>(?:math|np|numpy|std|cmath|self|this)\s*(?:\.|::|->)\s*(?P<x>{NAME}))"
        ),
        "names stand without a prefix",
        "write `{x}`",
    ),
    Habit(
        re.compile(rf"{NAME}(?:\s*\[[^\[\]]*\])?'*\s*(?P<at><-)"),
        "`<-` belongs to ports",
        "write `=` to assign",
        ("update", "onReceive", "onCondition", "function"),
    ),
)
