"""A Pygments lexer of NESTML, for Sphinx, Jupyter, and whatever else colours text with Pygments."""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, default, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
)

from nestml_core.syntax.words import (
    BLOCKS,
    CONTROL,
    DEFINITIONS,
    END,
    FUNCTIONS,
    LOGIC,
    NAME,
    NUMBER,
    PORTS,
    PREDEFINED,
    RESERVED,
    TYPES,
    VALUES,
)

NOT_RESERVED = rf"(?!(?:{'|'.join(sorted(RESERVED))}){END})"


class NestmlLexer(RegexLexer):  # type: ignore[misc]
    """For NESTML models.

    A name behind a number is a unit; so are the factors that ``*``, ``/`` and ``**`` join to it
    without blanks, as `nestml fmt` writes them.
    """

    name = "NESTML"
    aliases: ClassVar[list[str]] = ["nestml"]
    filenames: ClassVar[list[str]] = ["*.nestml"]
    mimetypes: ClassVar[list[str]] = ["text/x-nestml"]
    url = "https://nestml.readthedocs.io"

    tokens: ClassVar[dict[str, Any]] = {
        "root": [
            (r"[ \t\n]+", Whitespace),
            (r"\\\n", Text),
            (r"#.*$", Comment.Single),
            (r'"(?:[^"\\\n]|\\.)*"', String.Double),
            (
                rf"(model)([ \t]+)({NAME})",
                bygroups(Keyword.Declaration, Whitespace, Name.Class),
            ),
            (
                rf"(function)([ \t]+)({NAME})",
                bygroups(Keyword.Declaration, Whitespace, Name.Function),
            ),
            (r"@[A-Za-z_$][\w$]*(?:::[A-Za-z_$][\w$]*)?", Name.Decorator),
            (words(BLOCKS, suffix=END), Keyword.Namespace),
            (words(DEFINITIONS, suffix=END), Keyword.Declaration),
            (words(CONTROL, suffix=END), Keyword),
            (words(LOGIC, suffix=END), Operator.Word),
            (words(TYPES, suffix=END), Keyword.Type),
            (words(PORTS, suffix=END), Keyword.Pseudo),
            (words(VALUES, suffix=END), Keyword.Constant),
            (words(FUNCTIONS, suffix=r"(?=[ \t]*\()"), Name.Builtin),
            (rf"{NAME}(?=[ \t]*\()", Name.Function),
            (words(PREDEFINED, suffix=END), Name.Builtin.Pseudo),
            (NAME, Name.Variable),
            (NUMBER, Number, "number"),
            (r"[-+*/%&|^~<>=!?:']+|\.\.\.", Operator),
            (r"[()\[\],;]", Punctuation),
        ],
        "number": [
            (rf"([ \t]*)({NOT_RESERVED}{NAME})", bygroups(Whitespace, Keyword.Type), "unit"),
            default("#pop"),
        ],
        "unit": [
            (r"\*\*-?\d+(?:\.\d+)?", Keyword.Type),
            (rf"[*/]{NAME}(?![\w$]|[ \t]*\()", Keyword.Type),
            default("#pop:2"),
        ],
    }
