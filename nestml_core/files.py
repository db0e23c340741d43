"""Writing a file whole or not at all, and where to keep what can be made again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a file beside ``path`` to write to, which takes its place when all went well.

    Whatever ends the writing early, an interrupt too, leaves what was at ``path`` as it was, and
    nothing beside it. The other file has the same suffix, by which libraries know the format.

    Raises
    ------
    OSError : nothing can be written there.
    """
    final = Path(path)
    try:
        handle, name = mkstemp(prefix=".nestml-", suffix=final.suffix, dir=final.parent)
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, str(final)) from None
    os.close(handle)
    stage = Path(name)
    try:
        yield stage
        stage.chmod(_mode(final))
        os.replace(stage, final)
    except BaseException:
        stage.unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    """Return the permissions of ``path``, or those that a new file would have."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def cache_folder() -> Path:
    """Return where this program may keep what it can make again, for this user."""
    named = os.environ.get("XDG_CACHE_HOME")
    if named:
        return Path(named) / "nestml"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "nestml/Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/nestml"
    return Path.home() / ".cache/nestml"


def private_folder(folder: Path) -> Path:
    """Return ``folder``, made if need be; what is loaded from it runs with the user's rights.

    Raises
    ------
    OSError : it cannot be made or written, or belongs to somebody else.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(folder)
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder
