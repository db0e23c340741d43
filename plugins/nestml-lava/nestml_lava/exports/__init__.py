"""LIF neurons in the terms of other tools: NIR graphs, and scripts for SANA-FE."""
