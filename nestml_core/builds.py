"""Compiled code of models that are only to be run: kept in the user's cache and used again."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nestml_core import __version__
from nestml_core.backend import Artifact, Backend, Feature
from nestml_core.diagnostics import Result
from nestml_core.files import cache_folder, private_folder
from nestml_core.solved import SolvedProgram

UNUSED_DAYS = 30
"""Builds that nobody has used for so long are deleted when a new one is made."""

Write = Callable[[Mapping[str, str | bytes], Path], Result[tuple[Path, ...]]]


@dataclass(frozen=True, slots=True)
class Build:
    """Rendered files, with all that their compiled form depends on.

    Those that are not ``compiled`` are only written: the backend compiles what it needs.
    """

    backend: Backend[Any, Any]
    program: SolvedProgram
    options: Any
    files: Mapping[str, str | bytes]
    compiled: bool = True

    @property
    def key(self) -> str:
        """A digest of the files, options, versions, tools and machine."""
        tools = [(t.name, t.detail) for t in self.backend.toolchain().tools]
        facts = [
            __version__,
            self.backend.name,
            self.backend.version,
            repr(self.options),
            repr(tools),
            sys.platform,
            platform.machine(),
            platform.python_version(),
            self.compiled,
        ]
        digest = hashlib.sha256(json.dumps(facts).encode())
        for path in sorted(self.files):
            content = self.files[path]
            data = content.encode() if isinstance(content, str) else content
            digest.update(f"\0{path}\0{len(data)}\0".encode() + data)
        return digest.hexdigest()


def compiled(build: Build, write: Write) -> Result[Artifact]:
    """Return ``build`` written and compiled, from the cache if it has been made before.

    Each build has a folder of its own, which is complete before a record beside it names it; a
    record is replaced whole. Any number of processes may build the same thing at the same time.

    Parameters
    ----------
    write : writes files into a folder
    """
    try:
        root = private_folder(cache_folder() / build.backend.name)
    except OSError:  # no home, or not ours to write: build for this process only
        root = Path(tempfile.mkdtemp(prefix="nestml-"))
        atexit.register(shutil.rmtree, root, ignore_errors=True)
    record = root / f"{build.key}.json"
    known = _recorded(build, record)
    if known is not None:
        return Result(known)
    _forget_unused(root)
    directory = Path(tempfile.mkdtemp(prefix=f"{build.key[:12]}-", dir=root))
    complete = False
    try:
        made = _made(build, directory, write)
        if made.value is not None:
            _record(made.value, record)
            complete = True
    finally:
        if not complete:  # refused, failed or interrupted
            shutil.rmtree(directory, ignore_errors=True)
    return made


def _made(build: Build, directory: Path, write: Write) -> Result[Artifact]:
    written = write(build.files, directory)
    if written.value is None:
        return Result(None, written.diagnostics)
    if not (build.compiled and Feature.COMPILE in build.backend.supports.features):
        return Result(Artifact(build.program, build.options, directory, directory))
    return build.backend.compile(build.program, directory, build.options)


def _recorded(build: Build, record: Path) -> Artifact | None:
    try:
        fields = json.loads(record.read_text(encoding="utf-8"))
        directory, product = Path(fields["directory"]), Path(fields["product"])
        for used in (record, directory):
            os.utime(used)
        product.stat()
    except (OSError, ValueError, KeyError, TypeError):
        return None  # never built, or deleted since
    return Artifact(build.program, build.options, directory, product)


def _record(artifact: Artifact, record: Path) -> None:
    fields = {"directory": str(artifact.directory), "product": str(artifact.product)}
    handle, name = tempfile.mkstemp(dir=record.parent, suffix=".new")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(fields, file)
    os.replace(name, record)


def _forget_unused(root: Path) -> None:
    oldest = time.time() - UNUSED_DAYS * 86400
    for path in root.iterdir():
        try:
            if path.is_dir() and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
            elif path.suffix in (".json", ".new") and path.stat().st_mtime < oldest:
                path.unlink()
        except FileNotFoundError:
            continue  # another process was faster
