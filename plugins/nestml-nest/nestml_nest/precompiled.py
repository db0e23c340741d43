"""NEST's headers as the compiler's own precompiled file: made once for each NEST and compiler."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from nestml_core.api import cache_folder
from nestml_nest.toolchain import Compiler, Nest

NAME = "nest_headers.h"
HEADERS = (
    "algorithm",
    "array",
    "cmath",
    "limits",
    "string",
    "vector",
    "nest_extension_interface.h",
    "archiving_node.h",
    "dict_util.h",
    "event.h",
    "kernel_manager.h",
    "nest_time.h",
    "nest_types.h",
    "recordables_map.h",
    "universal_data_logger_impl.h",
)
"""What every module includes."""

KEPT = 3
"""So many are kept, the last ones used: each takes some 170 MB."""


def precompiled(nest: Nest, compiler: Compiler, flags: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments that use NEST's headers as the compiler left them, making them first.

    There are none where the cache cannot be written, or where the compiler rejects the headers: it
    says the same of the module then.
    """
    root = cache_folder() / "nest-headers"
    folder = root / _key(nest, compiler, flags)
    if not (folder / f"{NAME}.gch").is_file():
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if root.stat().st_uid != os.getuid():
                return ()
            if not _made(compiler, flags, root, folder):
                return ()
        except OSError:
            return ()
        _forget(root)
    try:
        os.utime(folder)
    except OSError:
        return ()  # another process has deleted it
    return ("-Winvalid-pch", "-isystem", str(folder), "-include", NAME)


def _key(nest: Nest, compiler: Compiler, flags: Sequence[str]) -> str:
    """Return a digest of all that the file depends on."""
    installed = (nest.include / "node.h").stat()
    binary = Path(compiler.command).stat()
    facts = [
        *(nest.version, str(nest.include), installed.st_mtime_ns),
        *(compiler.command, compiler.version, binary.st_mtime_ns),
        *(HEADERS, list(flags)),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _made(compiler: Compiler, flags: Sequence[str], root: Path, folder: Path) -> bool:
    """Precompile the headers; the folder appears when it is complete."""
    new = Path(tempfile.mkdtemp(prefix="new-", dir=root))
    try:
        included = "".join(f"#include <{h}>\n" for h in HEADERS)
        (new / NAME).write_text(included, encoding="utf-8")
        command = [compiler.command, *flags, "-x", "c++-header", str(new / NAME)]
        done = subprocess.run(
            [*command, "-o", str(new / f"{NAME}.gch")], capture_output=True, check=False
        )
        if done.returncode != 0:
            return False
        try:
            new.rename(folder)
        except OSError:
            return (folder / f"{NAME}.gch").is_file()  # another process was faster
        return True
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _forget(root: Path) -> None:
    """Delete all but the last ones used; what others are making now is left alone."""
    found = sorted((p.stat().st_mtime, p) for p in root.iterdir() if p.is_dir())
    complete = [p for _, p in found if not p.name.startswith("new-")]
    abandoned = [p for at, p in found if p.name.startswith("new-") and at < time.time() - 3600]
    for folder in (*complete[:-KEPT], *abandoned):
        shutil.rmtree(folder, ignore_errors=True)
