"""Arithmetic in whole numbers: what neuromorphic chips compute with."""
