"""What all generated code shares, kept in the compiler's own form: read once, not each time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from nestml_core.api import cache_folder, cpp_runtime, environment, private_folder

NAME = "nestml_common.hpp"
HEADERS = (
    *("array", "cmath", "cstddef", "cstdint", "cstdlib", "cstring", "exception", "limits", "new"),
    *("type_traits", "utility"),
)
"""Those of the standard library that generated code tends to need."""

KEPT = 4
"""So many are kept, the last ones used: each takes some 60 MB."""
ABANDONED_SECONDS = 3600
PAYS_AFTER = 3
"""So many libraries are compiled without it before it is made, which takes as long as it saves in
some four of them."""
WANTED = "wanted"
"""Grows by a byte with each library that is compiled without it."""
TEMPLATES = environment("nestml_cpp")


def precompiled(command: Sequence[str], facts: Sequence[str]) -> tuple[str, ...]:
    """Return the flags with which ``command`` uses the kept header, which is made once it pays.

    There are none before, where nothing can be kept, and for compilers that make no such thing.

    Parameters
    ----------
    command : the compiler and all flags that matter to it
    facts : what else the compiler's own form depends on, such as its version
    """
    text = _text()
    digest = hashlib.sha256()
    for part in (text, *command, *facts):
        digest.update(f"{len(part)} {part}".encode())
    try:
        root = private_folder(cache_folder() / "cpp-headers")
        folder = root / digest.hexdigest()[:32]
        if not _form(folder).is_file():
            if not _pays(folder) or not _made(command, text, folder):
                return ()
            _forget(root)
        os.utime(folder)
    except OSError:  # nothing can be kept, or another process has just deleted it
        return ()
    return ("-include", str(folder / NAME))


def _form(folder: Path) -> Path:
    return folder / f"{NAME}.gch"


def _pays(folder: Path) -> bool:
    """Return whether enough libraries were compiled without the header; note that one more is."""
    folder.mkdir(exist_ok=True)
    with (folder / WANTED).open("ab") as wanted:
        times = wanted.tell()
        if times < PAYS_AFTER:
            wanted.write(b".")
    return times >= PAYS_AFTER


def _text() -> str:
    numerics = tuple(cpp_runtime().values())
    template = TEMPLATES.get_template("common.hpp.jinja")
    return template.render(headers=HEADERS, numerics=numerics)


def _made(command: Sequence[str], text: str, folder: Path) -> bool:
    """Precompile the header where it stays: clang looks at where it was, and when it was written.

    The header and its form appear whole. Other processes may do the same at the same time.
    """
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="new-", dir=folder) as new:
        written, form = Path(new) / NAME, Path(new) / "form"
        written.write_text(text, encoding="utf-8")
        with contextlib.suppress(FileExistsError):
            os.link(written, folder / NAME)
        words = (*command, "-x", "c++-header", str(folder / NAME), "-o", str(form))
        if subprocess.run(words, capture_output=True, check=False).returncode != 0:
            return False
        os.replace(form, _form(folder))
    return True


def _forget(root: Path) -> None:
    """Delete all but the last ones used; what others are making now is left alone."""
    found = sorted((p.stat().st_mtime, p) for p in root.iterdir() if p.is_dir())
    complete = [p for _, p in found if _form(p).is_file()]
    before = time.time() - ABANDONED_SECONDS
    abandoned = [p for at, p in found if p not in complete and at < before]
    for folder in (*complete[:-KEPT], *abandoned):
        shutil.rmtree(folder, ignore_errors=True)
