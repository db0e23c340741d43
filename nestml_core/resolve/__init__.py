"""From the tree to the model: names bound, types and units checked, numbers in coherent units."""

from nestml_core.resolve.resolve import resolve

__all__ = ["resolve"]
