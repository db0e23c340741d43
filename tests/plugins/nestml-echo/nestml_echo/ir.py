"""A Python class, in parts that the template puts together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """``target = text``; ``temporary`` holds it while other targets are computed."""

    target: str
    temporary: str
    text: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method without arguments; its lines are indented by the template."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handler:
    """Lines that run if ``condition`` holds."""

    condition: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """An attribute, and the text under which it is known outside, as a Python literal."""

    target: str
    literal: str


@dataclass(frozen=True, slots=True)
class PythonClass:
    name: str
    time: str
    slots: tuple[str, ...]
    documentation: tuple[str, ...]
    constants: tuple[Reading, ...]
    inputs: tuple[str, ...]
    state: tuple[Value, ...]
    flows: tuple[Method, ...]
    convolved: tuple[Value, ...]
    jumps: tuple[str, ...]
    update: tuple[str, ...]
    receivers: tuple[Handler, ...]
    conditions: tuple[Handler, ...]
    recordables: tuple[Reading, ...]
