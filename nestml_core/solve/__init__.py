"""From the resolved model to what each step computes."""

from nestml_core.solve.solve import DEFAULTS, SolveOptions, solve

__all__ = ["DEFAULTS", "SolveOptions", "solve"]
