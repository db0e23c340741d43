"""Find a Python that has Lava. Lava runs on Python 3.10 only; this plugin needs 3.11 or later."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

VARIABLE = "NESTML_LAVA_PYTHON"
INSTALL = (
    "python3.10 -m venv lava && lava/bin/pip install lava-nc; then "
    f"export {VARIABLE}=$PWD/lava/bin/python (or pass the option python)"
)
PROBE_SECONDS = 60
PROBE = """
import importlib.metadata, importlib.util, json, sys
found = importlib.util.find_spec("lava") is not None
try:
    version = importlib.metadata.version("lava-nc") if found else ""
except importlib.metadata.PackageNotFoundError:
    version = ""
try:
    loihi = importlib.metadata.version("lava-loihi")
except importlib.metadata.PackageNotFoundError:
    loihi = ""
print(json.dumps({"python": sys.version.split()[0], "lava": version, "loihi": loihi}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, its version, and those of lava-nc and lava-loihi: empty if it has none."""

    path: str
    python: str
    lava: str
    loihi: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, and where it was looked for in vain, in words."""

    interpreter: Interpreter | None
    tried: tuple[str, ...]


def find(option: str = "") -> Search:
    """Return the first Python with Lava.

    The option, if set, is the only candidate; so is, next, the environment variable
    NESTML_LAVA_PYTHON; else this interpreter is taken, or ``python3.10`` from the PATH.
    """
    tried: list[str] = []
    for origin, path in _candidates(option):
        found = probe(path)
        if isinstance(found, Interpreter) and found.lava:
            return Search(found, tuple(tried))
        reason = (
            f"Python {found.python} without lava-nc" if isinstance(found, Interpreter) else found
        )
        tried.append(f"{origin} {path}: {reason}")
    return Search(None, tuple(tried))


def _candidates(option: str) -> Iterator[tuple[str, str]]:
    from_environment = os.environ.get(VARIABLE, "")
    if option:
        yield "option python", _absolute(option)
    elif from_environment:
        yield VARIABLE, _absolute(from_environment)
    else:
        yield "this Python", sys.executable
        on_path = shutil.which("python3.10")
        if on_path is not None:
            yield "PATH", on_path


def _absolute(command: str) -> str:
    """Return a path for use in any folder; links stay, as an environment's Python is one."""
    return os.path.abspath(command) if os.path.dirname(command) else command


def probe(path: str) -> Interpreter | str:
    """Return what the Python at ``path`` is and has, or why it cannot be used."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", PROBE],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"cannot be run ({problem})"
    if done.returncode != 0:
        return f"fails ({_reason(done.stderr)})"
    try:
        answer = json.loads(done.stdout)
        loihi = str(answer.get("loihi", ""))
        return Interpreter(path, str(answer["python"]), str(answer["lava"]), loihi)
    except (ValueError, KeyError, TypeError):
        return "does not answer as a Python does"


def _reason(text: str) -> str:
    """Return the line that says what went wrong: a traceback's last, any other text's first."""
    lines = text.strip().splitlines() or ["no message"]
    return (lines[-1] if lines[0].startswith("Traceback") else lines[0]).strip()
