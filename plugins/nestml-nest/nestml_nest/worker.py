"""A process with NEST in it, which runs one experiment after the other."""

from __future__ import annotations

import atexit
import subprocess
import sys
import tempfile
import threading
from functools import lru_cache
from pathlib import Path

RUNNER = Path(__file__).parent / "runner.py"
PATIENCE = 10.0
"""How long, in s, a process may take to end when it is told to."""


@lru_cache(maxsize=1)
def worker() -> Worker:
    """Return the one of this process."""
    return Worker()


class Worker:
    """Starts NEST when it is first needed, and again after a crash. It ends with this process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._one_at_a_time = threading.Lock()
        atexit.register(self.close)

    def run(self, folder: Path) -> int:
        """Do what stands in ``folder``; what is printed goes to ``output.txt`` there.

        Returns
        -------
        0, or the status with which the process ended instead of giving an answer.
        """
        with self._one_at_a_time:
            process = self._process or self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(f"{folder}\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            except BrokenPipeError:
                answer = ""  # it has ended: its status says more
            if answer:
                return 0
            self.close()
            return process.returncode or 1

    def _started(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, str(RUNNER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tempfile.gettempdir(),
        )
        return self._process

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # it has ended already
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
