"""What statements and functions of a model do to a whole population ``v``.

``active`` is a mask: True for the neurons that a statement concerns. Lava executes this file for
itself when it looks for models: it imports none of its neighbours.
"""

import sys
from typing import Any

import numpy as np

MAX_PASSES = 1_000_000
MAX_DELAY = 100_000_000
"""How many values of a delayed variable are kept at most, those of all neurons together."""


def emit(v: Any, active: Any, weight: Any = 1.0) -> None:
    """Send a spike at the end of the step."""
    if v.emissions is not None:
        v.emissions.append(weight)
    v.emitted = v.emitted + active
    v.emitted_weight = v.emitted_weight + np.where(active, weight, 0.0)


def events(v: Any, messages: Any) -> Any:
    """Return which neurons receive an event, and the sum of the weights of each neuron's events."""
    received = messages != 0.0
    return received, np.where(np.abs(messages) < np.finfo(float).tiny, 0.0, messages)


# Vectors: arrays of shape (n, *shape) that are never changed, only replaced


def vector(v: Any, value: Any, size: Any) -> Any:
    """Return a vector with ``value``: that of another vector, or one number for all elements."""
    length = int(np.asarray(size).flat[0])
    value = np.asarray(value)
    kind = bool if value.dtype == bool else float
    return np.array(np.broadcast_to(value, (length, *v.shape)), kind)


def with_element(v: Any, active: Any, vector: Any, place: int, value: Any) -> Any:
    """Return ``vector`` with another value at a place that is the same for all neurons."""
    new = np.array(np.broadcast_to(vector, (len(vector), *v.shape)))
    new[place] = np.where(active, value, new[place])
    return new


def element(v: Any, active: Any, vector: Any, index: Any, name: str) -> Any:
    """Return the elements of ``vector`` at ``index``, counted from 0."""
    at = _checked(v, active, vector, index, name)
    values = np.broadcast_to(vector, (len(vector), *v.shape))
    return np.take_along_axis(values, at[None], axis=0)[0]


def with_elements(v: Any, active: Any, vector: Any, index: Any, value: Any, name: str) -> Any:
    """Return ``vector`` with other values at ``index``."""
    at = _checked(v, active, vector, index, name)
    new = np.array(np.broadcast_to(vector, (len(vector), *v.shape)))
    places = np.nonzero(active)
    new[(at[places], *places)] = np.broadcast_to(value, v.shape)[places]
    return new


def _checked(v: Any, active: Any, vector: Any, index: Any, name: str) -> Any:
    index = np.broadcast_to(index, v.shape)
    outside = active & ~((index >= 0) & (index < len(vector)))
    if outside.any():
        place = v.place(outside)
        raise IndexError(
            f"{v.name}: {name}[{index[outside][0]:g}] of {v.member} {place}: there are "
            f"{len(vector)} elements, in step {v.step_number}"
        )
    return np.where(active, index, 0).astype(np.intp)


# Delays


def delay_steps(v: Any, name: str, duration: Any) -> Any:
    """Return a delay in ms as a number of steps, for each neuron."""
    steps = np.floor(np.broadcast_to(duration, v.shape) / v.dt + 0.5)
    wrong = ~((steps >= 0) & (steps * steps.size < MAX_DELAY))
    if wrong.any():
        raise ValueError(
            f"{v.name}: the delay of {name} of {v.member} {v.place(wrong)} is "
            f"{steps[wrong][0]:g} steps"
        )
    return steps.astype(np.intp)


def delayed(v: Any, key: str, value: Any, steps: Any) -> Any:
    """Note the value of a variable, and return that of ``steps`` steps ago."""
    value = np.broadcast_to(value, v.shape)
    length = int(steps.max()) + 1
    rows, head = v.histories.get(key, (None, 0))
    if rows is None:
        rows = np.repeat(value[None], length, axis=0)
    elif length > len(rows):  # a longer delay: nothing older is known than the oldest
        rows = np.roll(rows, -head - 1, axis=0)
        rows = np.concatenate([np.repeat(rows[:1], length - len(rows), axis=0), rows])
        head = length - 1
    head = (head + 1) % len(rows)
    rows[head] = value
    v.histories[key] = (rows, head)
    return np.take_along_axis(rows, (head - steps)[None] % len(rows), axis=0)[0]


# Random numbers


def random_normal(v: Any, active: Any, mean: Any, std: Any) -> Any:
    if not active.any():
        return np.zeros(v.shape)
    return mean + std * v.generator.standard_normal(v.shape)


def random_uniform(v: Any, active: Any, offset: Any, scale: Any) -> Any:
    if not active.any():
        return np.zeros(v.shape)
    return offset + scale * v.generator.random(v.shape)


def random_poisson(v: Any, active: Any, mean: Any) -> Any:
    if not active.any():
        return np.zeros(v.shape)
    return v.generator.poisson(np.where(active, mean, 0.0)).astype(float)


# Arithmetic


def round_half_away(x: Any) -> Any:
    """Round to the nearest whole number, halves away from zero."""
    below = np.floor(np.abs(x))
    return np.copysign(below + (np.abs(x) - below >= 0.5), x)


def bitwise(operation: Any, *operands: Any) -> Any:
    """Apply an operation on 64-bit whole numbers."""
    return operation(*(np.asarray(x).astype(np.int64) for x in operands)).astype(float)


# Loops and messages


def count_pass(v: Any) -> None:
    v.loop_passes += 1
    if v.loop_passes > MAX_PASSES:
        raise RuntimeError(
            f"{v.name}: the loops of step {v.step_number} made more than {MAX_PASSES} passes"
        )


def say(v: Any, active: Any, channel: str, *parts: Any) -> None:
    """Print a message of each neuron in ``active``."""
    columns = [np.broadcast_to(part, v.shape) for part in parts]
    for index in zip(*np.nonzero(active)):
        text = "".join(_text(column[index]) for column in columns)
        here = index if v.numbers is None else (v.numbers[index[0]],)
        place = ", ".join(str(int(i)) for i in here)
        sys.stdout.write(f"{channel}: {v.name}[{place}] t = {v.t:g} ms: {text}\n")
    sys.stdout.flush()


def _text(value: Any) -> str:
    if isinstance(value, np.bool_):
        return "true" if value else "false"
    return str(value) if isinstance(value, np.str_) else f"{value:g}"
