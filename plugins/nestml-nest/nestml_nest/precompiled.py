"""NEST's headers in a form that compiles faster, precompiled once for each NEST and compiler."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nestml_core.api import cache_folder, private_folder
from nestml_nest.toolchain import Compiler, Nest

NAME = "nest_headers.h"
PARTS = "nest_parts.o"
ASKED = ".asked"
"""What is behind the name of a folder of headers that were asked for once, and not made yet."""

_OURS = Path(__file__).parent / "templates/nestml"
HEADERS = _OURS / "nest.h"
"""What every module includes."""

DEFINITIONS = _OURS / "parts.h"
"""What is compiled with them."""

NAMES = "nest_names.h"
"""NEST's header of some 650 strings, each of which every module would make anew when it is loaded.

That is a fifth of the time that it takes to compile a neuron.
"""

_STRING = re.compile(r'^const std::string (\w+)\s*\(\s*("[^"\n]*")\s*\);', re.MULTILINE)
_GUARD = re.compile(r"^#ifndef (\w+)\n#define \1$", re.MULTILINE)

UNTIDY = ("--param", "ggc-min-heapsize=600000")
"""The compiler frees no memory before it has 600 MB: a tenth of its time with NEST's headers."""

KEPT = 3
"""So many are kept, the last ones used: each takes some 170 MB."""


@dataclass(frozen=True, slots=True)
class Precompiled:
    """NEST's headers as the compiler left them.

    Attributes
    ----------
    flags : what makes a compilation use them
    objects : what is then to be linked: the parts of NEST's headers that are compiled already
    """

    flags: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()


def precompiled(nest: Nest, compiler: Compiler, flags: Sequence[str]) -> Precompiled:
    """Return NEST's headers in the form of the compiler, which are made when it pays.

    To make them takes longer than to compile a module without them. So the first one does without,
    and leaves word that it would have had a use for them; the second one makes them. There are none
    where the cache cannot be written, or where the compiler rejects the headers: it says the same
    of the module then.
    """
    root = cache_folder() / "nest-headers"
    folder = root / _key(nest, compiler, flags)
    asked = folder.with_suffix(ASKED)
    if not (folder / PARTS).is_file():
        try:
            private_folder(root)
            if not asked.is_file():
                asked.touch(mode=0o600)
                return Precompiled()
            if not _made(nest, compiler, flags, root, folder):
                return Precompiled()
            asked.unlink(missing_ok=True)
        except OSError:
            return Precompiled()
        _forget(root)
    try:
        os.utime(folder)
    except OSError:
        return Precompiled()  # another process has deleted it
    use = ("-Winvalid-pch", "-isystem", str(folder), "-include", NAME)
    return Precompiled(use, (str(folder / PARTS),))


def _key(nest: Nest, compiler: Compiler, flags: Sequence[str]) -> str:
    """Return a digest of all that the files depend on."""
    installed = (nest.include / "node.h").stat()
    binary = Path(compiler.command).stat()
    facts = [
        *(nest.version, str(nest.include), installed.st_mtime_ns),
        *(compiler.command, compiler.version, binary.st_mtime_ns),
        *(_headers(""), _parts(""), list(flags)),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _made(nest: Nest, compiler: Compiler, flags: Sequence[str], root: Path, folder: Path) -> bool:
    """Precompile the headers; the folder appears when it is complete."""
    new = Path(tempfile.mkdtemp(prefix="new-", dir=root))
    try:
        declared = declarations((nest.include / NAMES).read_text(encoding="utf-8"))
        (new / NAME).write_text(_headers(declared), encoding="utf-8")
        (new / "nest_parts.cpp").write_text(_parts(declared), encoding="utf-8")
        begin = [compiler.command, *flags]
        header = [*begin, "-x", "c++-header", str(new / NAME), "-o", str(new / f"{NAME}.gch")]
        parts = [*begin, "-isystem", str(new), "-include", NAME]
        parts += ["-c", str(new / "nest_parts.cpp"), "-o", str(new / PARTS)]
        for command in (header, parts):
            if subprocess.run(command, capture_output=True, check=False).returncode != 0:
                return False
        try:
            new.rename(folder)
        except OSError:
            return (folder / PARTS).is_file()  # another process was faster
        return True
    finally:
        shutil.rmtree(new, ignore_errors=True)


def declarations(text: str) -> str:
    """Return a header of constant strings with the strings declared only.

    It is empty for a header that has anything else in it: that stays as it is then.
    """
    declared, count = _STRING.subn(r"extern const std::string \1;", text)
    without = re.sub(r"/\*.*?\*/|//[^\n]*", "", declared, flags=re.DOTALL)
    is_known = count > 0 and "=" not in without and "(" not in without and _GUARD.search(text)
    return declared if is_known else ""


def referring(text: str) -> str:
    """Return a header of constant strings with references to the elements of an array.

    A loop makes them, so that the compiler has next to nothing to do. It is empty for a header that
    has anything else in it.
    """
    if not declarations(text):
        return ""
    values = [found[2] for found in _STRING.finditer(text)]
    numbers = iter(range(len(values)))

    def reference(found: re.Match[str]) -> str:
        return f"static const std::string& {found[1]} = nestml_names.all[{next(numbers)}];"

    lines = "".join(f"  {value},\n" for value in values)
    return (
        "#include <string>\n"
        f"static const char* const nestml_texts[] = {{\n{lines}}};\n"
        "static const struct NestmlNames {\n"
        f"  std::string all[{len(values)}];\n"
        f"  NestmlNames() {{ for (int i = 0; i < {len(values)}; ++i) all[i] = nestml_texts[i]; }}\n"
        "} nestml_names;\n"
    ) + _STRING.sub(reference, text)


def shortened(nest: Nest, folder: Path) -> Precompiled:
    """Return what lets NEST's headers compile faster where none are kept; it goes to ``folder``."""
    header = referring((nest.include / NAMES).read_text(encoding="utf-8"))
    path = folder / NAMES
    path.write_text(header, encoding="utf-8")
    return Precompiled((*UNTIDY, *(("-include", str(path)) if header else ())))


def _headers(declared: str) -> str:
    return f"#define NESTML_COMPILED_BEFORE\n{declared}\n{HEADERS.read_text(encoding='utf-8')}"


def _parts(declared: str) -> str:
    """Return the source of what ``_headers`` only declares."""
    guard = _GUARD.search(declared)
    names = f'#undef {guard[1]}\n#include "{NAMES}"\n' if guard is not None else ""
    return DEFINITIONS.read_text(encoding="utf-8").replace('#include "nest.h"\n', "") + names


def _forget(root: Path) -> None:
    """Delete all but the last ones used; what others are making now is left alone."""
    found = sorted((p.stat().st_mtime, p) for p in root.iterdir() if p.is_dir())
    complete = [p for _, p in found if not p.name.startswith("new-")]
    abandoned = [p for at, p in found if p.name.startswith("new-") and at < time.time() - 3600]
    for folder in (*complete[:-KEPT], *abandoned):
        shutil.rmtree(folder, ignore_errors=True)
