"""Finding backends: every plugin is loaded alone, so that a broken one hides no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from nestml_core.backend import API_VERSION, Backend

GROUP = "nestml"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class Hooks:
    """What a plugin module may implement."""

    @hookspec
    def nestml_backends(self) -> Iterable[Backend[Any, Any]]:  # type: ignore[empty-body]
        """Return the backends this plugin offers."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that could not be used, and why."""

    entry_point: str
    distribution: str
    problem: str


@dataclass(frozen=True, slots=True)
class Plugins:
    backends: tuple[Backend[Any, Any], ...]
    broken: tuple[Broken, ...]


def installed() -> tuple[EntryPoint, ...]:
    """Return the entry points of all installed plugins, by name."""
    return tuple(sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.value)))


def discover(points: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load every plugin."""
    backends: dict[str, Backend[Any, Any]] = {}
    broken: list[Broken] = []
    for point in installed() if points is None else points:
        for found in _load(point):
            if isinstance(found, Broken):
                broken.append(found)
            elif found.name in backends:
                problem = f"offers the backend `{found.name}`, which another plugin offers already"
                broken.append(_broken(point, problem))
            else:
                backends[found.name] = found
    return Plugins(tuple(backends.values()), tuple(broken))


def find(name: str) -> Plugins:
    """Return the backend ``name``, loading no other plugin if an entry point has that name."""
    points = installed()
    likely = discover(p for p in points if p.name == name)
    if any(b.name == name for b in likely.backends):
        return Plugins(tuple(b for b in likely.backends if b.name == name), ())
    every = discover(points)
    return Plugins(tuple(b for b in every.backends if b.name == name), every.broken)


def _broken(point: EntryPoint, problem: str) -> Broken:
    dist = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"
    return Broken(point.name, dist, problem)


def _load(point: EntryPoint) -> Iterator[Backend[Any, Any] | Broken]:
    """Yield the backends of one plugin. Whatever a plugin raises, even SystemExit, stays here."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    try:
        manager.register(point.load(), name=point.name)
        manager.check_pending()
        offered = [b for found in manager.hook.nestml_backends() for b in found]
    except KeyboardInterrupt:
        raise
    except BaseException as problem:
        yield _broken(point, f"{type(problem).__name__}: {problem}")
        return
    for backend in offered:
        api = getattr(backend, "api", None)
        if not isinstance(backend, Backend):
            yield _broken(point, f"{type(backend).__name__} is not a nestml_core Backend")
        elif api != API_VERSION:
            yield _broken(
                point,
                f"`{backend.name}` was written for plugin API {api}, this is {API_VERSION}",
            )
        else:
            yield backend
