"""What the formats of other tools lack."""

from __future__ import annotations

from nestml_core.api import Code, Severity

UNSAID = Code("LAVA301", Severity.WARNING, "what a NIR graph does not say")
NO_NODE = Code("LAVA302", Severity.ERROR, "a neuron that NIR does not have")
NO_PACKAGE = Code("LAVA303", Severity.ERROR, "an export without its package")
OTHERWISE = Code("LAVA304", Severity.WARNING, "what SANA-FE does otherwise")
