"""The files of the network runtime: a header, and a library with a C interface."""

from __future__ import annotations

from nestml_core.api import cpp_runtime, environment
from nestml_cpp.layout import broken

TEMPLATES = environment("nestml_cpp")
HEADER = "nestml_network.hpp"
LIBRARY = "nestml_network_library.cpp"
LANES = ("lanes.hpp",)


def header() -> str:
    """Return the runtime of networks, all in one file: the same for all models."""
    lanes = tuple(cpp_runtime(LANES).values())
    return broken(TEMPLATES.get_template("network.hpp.jinja").render(lane_headers=lanes))


def library() -> str:
    """Return what makes a library of it."""
    return broken(TEMPLATES.get_template("network_library.cpp.jinja").render())
