"""Which member of one part of a network is connected with which of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from nestml_core.experiment import FloatArray, IntArray
from nestml_core.network import BAD_PART, unknown
from nestml_core.networks.results import Nodes
from nestml_core.problems import ModelError, refuse

_RULES = ("all_to_all", "one_to_one")
_SHAPE = "a row for each source, a column for each neuron"


def pattern(
    pre: Nodes, post: Nodes, rule: str, pairs: tuple[Any, Any] | None, matrix: Any
) -> tuple[IntArray, IntArray, FloatArray | None]:
    """Return which member is connected with which, and the weights that a matrix gives."""
    if not isinstance(rule, str):
        raise ModelError([unknown("a network", "rule", str(rule), _RULES)])
    if pairs is not None and matrix is not None:
        refuse(BAD_PART, "`pairs` and `matrix` both say what is connected", "give one of them")
    if (pairs is not None or matrix is not None) and rule != _RULES[0]:
        given = "pairs" if pairs is not None else "matrix"
        refuse(BAD_PART, f"`rule` and `{given}` both say what is connected", "give one of them")
    if matrix is not None:
        return _entries(matrix, pre, post)
    if pairs is not None:
        return *_pairs(pairs, pre, post), None
    match rule:
        case "all_to_all":
            i = np.repeat(np.arange(pre.size), post.size)
            return i, np.tile(np.arange(post.size), pre.size), None
        case "one_to_one" if pre.size == post.size:
            return np.arange(pre.size), np.arange(post.size), None
        case "one_to_one":
            refuse(BAD_PART, f"one to one: {pre.size} {pre.name}, {post.size} {post.name}")
        case _:
            raise ModelError([unknown("a network", "rule", rule, _RULES)])


def _pairs(pairs: tuple[Any, Any], pre: Nodes, post: Nodes) -> tuple[IntArray, IntArray]:
    help = "give two sequences of whole numbers of one length: sources, neurons"
    try:
        i, j = (np.atleast_1d(np.asarray(x)) for x in pairs)
    except (TypeError, ValueError):
        refuse(BAD_PART, f"`pairs`: {pairs!r}", help)
    whole = all(x.ndim == 1 and (not x.size or x.dtype.kind in "iu") for x in (i, j))
    if not whole or i.shape != j.shape:
        refuse(BAD_PART, f"`pairs`: shapes {i.shape} and {j.shape}", help)
    for numbers, nodes in ((i, pre), (j, post)):
        beyond = numbers[(numbers < 0) | (numbers >= nodes.size)]
        if beyond.size:
            message = f"`pairs`: {nodes.name} are numbered 0 to {nodes.size - 1}, not {beyond[0]}"
            refuse(BAD_PART, message)
    return i.astype(np.int64), j.astype(np.int64)


def _entries(matrix: Any, pre: Nodes, post: Nodes) -> tuple[IntArray, IntArray, FloatArray]:
    if hasattr(matrix, "tocoo"):
        entries = matrix.tocoo()
        entries.sum_duplicates()
        shape, i, j, weights = entries.shape, entries.row, entries.col, entries.data
    else:
        try:
            array = np.asarray(matrix, float)
        except (TypeError, ValueError):
            refuse(BAD_PART, "`matrix` is no matrix of numbers", _SHAPE)
        shape = array.shape
        i, j = np.nonzero(array) if array.ndim == 2 else (np.zeros(0, int), np.zeros(0, int))
        weights = array[i, j] if array.ndim == 2 else np.zeros(0)
    if shape != (pre.size, post.size):
        message = f"`matrix` has the shape {shape}, and not {(pre.size, post.size)}"
        refuse(BAD_PART, message, _SHAPE)
    if not np.isfinite(weights).all():
        refuse(BAD_PART, "`matrix`: all weights must be finite")
    kept = weights != 0
    i, j, weights = i[kept].astype(np.int64), j[kept].astype(np.int64), weights[kept]
    order = np.lexsort((j, i))
    return i[order], j[order], weights[order].astype(float)
