"""Which member of one part of a network is connected with which of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from nestml_core.experiment import FloatArray, IntArray
from nestml_core.network import BAD_PART, Pairs, RealArray, unknown
from nestml_core.networks.members import all_finite
from nestml_core.networks.ordering import numbering
from nestml_core.networks.results import Nodes
from nestml_core.problems import ModelError, refuse

_RULES = ("all_to_all", "one_to_one")
_SHAPE = "a row for each source, a column for each neuron"


def pattern(
    pre: Nodes, post: Nodes, rule: str, pairs: tuple[Any, Any] | None, matrix: Any
) -> tuple[Pairs, RealArray | None]:
    """Return which member is connected with which, and the weights that a matrix gives.

    Lists of ``pairs`` are not copied yet.
    """
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
        return _pairs(pairs, pre, post), None
    targets, type = np.arange(post.size), numbering(post.size)
    match rule:
        case "all_to_all":
            starts = np.arange(pre.size + 1) * post.size
            return Pairs(np.tile(targets.astype(type), pre.size), starts, None), None
        case "one_to_one" if pre.size == post.size:
            return Pairs(targets.astype(type), np.arange(pre.size + 1), None), None
        case "one_to_one":
            refuse(BAD_PART, f"one to one: {pre.size} {pre.name}, {post.size} {post.name}")
        case _:
            raise ModelError([unknown("a network", "rule", rule, _RULES)])


def _pairs(pairs: tuple[Any, Any], pre: Nodes, post: Nodes) -> Pairs:
    help = "give two sequences of whole numbers of one length: sources, neurons"
    try:
        i, j = (np.atleast_1d(np.asarray(x)) for x in pairs)
    except (TypeError, ValueError):
        refuse(BAD_PART, f"`pairs`: {pairs!r}", help)
    whole = all(x.ndim == 1 and (not x.size or x.dtype.kind in "iu") for x in (i, j))
    if not whole or i.shape != j.shape:
        refuse(BAD_PART, f"`pairs`: shapes {i.shape} and {j.shape}", help)
    for numbers, nodes in ((i, pre), (j, post)):
        if numbers.size and (numbers.min() < 0 or numbers.max() >= nodes.size):
            beyond = numbers[(numbers < 0) | (numbers >= nodes.size)][0]
            message = f"`pairs`: {nodes.name} are numbered 0 to {nodes.size - 1}, not {beyond}"
            refuse(BAD_PART, message)
    return Pairs(j, None, i)


def _entries(matrix: Any, pre: Nodes, post: Nodes) -> tuple[Pairs, RealArray]:
    is_sparse = hasattr(matrix, "tocsr")
    if not is_sparse:
        try:
            matrix = np.asarray(matrix, float)
        except (TypeError, ValueError):
            refuse(BAD_PART, "`matrix` is no matrix of numbers", _SHAPE)
    if matrix.shape != (pre.size, post.size):
        message = f"`matrix` has the shape {matrix.shape}, and not {(pre.size, post.size)}"
        refuse(BAD_PART, message, _SHAPE)
    pairs, weights = _of_sparse(matrix) if is_sparse else _of_dense(matrix)
    if not all_finite(weights):
        refuse(BAD_PART, "`matrix`: all weights must be finite")
    return pairs, weights


def _of_dense(matrix: FloatArray) -> tuple[Pairs, RealArray]:
    i, j = np.nonzero(matrix)
    starts = np.searchsorted(i, np.arange(len(matrix) + 1))
    return Pairs(j.astype(numbering(matrix.shape[1])), starts, None), matrix[i, j]


def _of_sparse(matrix: Any) -> tuple[Pairs, RealArray]:
    """Return the entries of a SciPy sparse matrix, row by row; each of them is copied once."""
    rows = matrix.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    starts: IntArray = rows.indptr.astype(np.int64)
    targets = rows.indices.astype(numbering(rows.shape[1]))
    weights = rows.data.astype(np.float32 if rows.data.dtype == np.float32 else float)
    if np.count_nonzero(weights) < len(weights):
        starts -= np.searchsorted(np.flatnonzero(weights == 0), starts)
        targets, weights = targets[weights != 0], weights[weights != 0]
    return Pairs(targets, starts, None), weights
