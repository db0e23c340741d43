"""Texts of a model as comments of C++ that cannot become anything else."""

from __future__ import annotations

BLANK = "\N{REPLACEMENT CHARACTER}"
JOINERS = ("\\", "??/")
"""What joins the next line to a comment: a backslash, and its trigraph."""
COMPANY = " (end of line)"


def commented(text: str) -> str:
    """Return ``text`` as one line of a ``//`` comment.

    Characters that do not show, such as those that change the direction of text, are replaced; what
    would join the next line to the comment gets company.
    """
    line = " ".join(text.split())
    return _harmless(line)


def lines_of(text: str) -> tuple[str, ...]:
    """Return ``text`` as lines of ``//`` comments, without blank ones around it."""
    lines = [_harmless(line.replace("\t", "    ").rstrip()) for line in text.splitlines()]
    while lines and not lines[0]:
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return tuple(lines)


def _harmless(line: str) -> str:
    shown = "".join(c if c.isprintable() else BLANK for c in line)
    return apart(shown)


def apart(line: str) -> str:
    """Return a line of a comment that does not join the next one to it."""
    return f"{line}{COMPANY}" if line.endswith(JOINERS) else line
