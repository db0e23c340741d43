"""From the resolved model to what each step computes."""

from nestml_core.solve.solve import SolveOptions, solve

__all__ = ["SolveOptions", "solve"]
