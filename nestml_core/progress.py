"""Progress bars for what takes longer than a second; none where nobody would see them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")

DELAY = 1.0
"""After how many seconds a bar appears."""

INTERVAL = 0.5
"""How often the time of work that cannot be counted is shown, in seconds."""


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    interactive = sys.modules.get("IPython")
    if interactive is None or "ipykernel" not in sys.modules:
        return False
    return interactive.get_ipython() is not None


def is_seen(wanted: bool) -> bool:
    """Return whether a bar would be seen: on a terminal or in a notebook, if it is wanted."""
    return wanted and (in_notebook() or (sys.stderr is not None and sys.stderr.isatty()))


def tracked(items: Iterable[T], what: str, *, wanted: bool = True) -> Iterable[T]:
    """Return ``items``, with a bar that tells how many are done if they take long.

    Parameters
    ----------
    what : is being done, in a word or two
    wanted : False for no bar in any case
    """
    if not is_seen(wanted):
        return items
    return _counted(items, what)


def _counted(items: Iterable[T], what: str) -> Iterator[T]:
    with _bar(iterable=items, desc=what, delay=DELAY) as bar:
        yield from bar


@contextmanager
def waiting(what: str, *, wanted: bool = True) -> Iterator[None]:
    """Show ``what`` and the time it has taken, if the work inside takes long.

    For work that cannot be counted, such as that of a compiler.
    """
    if not is_seen(wanted):
        yield
        return
    done = Event()
    clock = Thread(target=_shown_until, args=(done, what), daemon=True)
    clock.start()
    try:
        yield
    finally:
        done.set()
        clock.join()


def _shown_until(done: Event, what: str) -> None:
    if done.wait(DELAY):
        return
    with _bar(total=0, desc=what, bar_format="{desc}: {elapsed}") as bar:
        while not done.wait(INTERVAL):
            bar.refresh()


def _bar(**options: Any) -> Any:
    """Return a bar of the kind that fits here; it leaves nothing behind."""
    widgets = in_notebook() and find_spec("ipywidgets") is not None
    module = import_module("tqdm.notebook" if widgets else "tqdm.std")
    return module.tqdm(
        leave=False, file=sys.stderr, dynamic_ncols=True, mininterval=0.25, **options
    )
