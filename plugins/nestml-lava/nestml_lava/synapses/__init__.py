"""Synapses: connection processes, and what Lava's own learning processes can do of them."""
