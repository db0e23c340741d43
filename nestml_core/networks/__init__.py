"""Networks as people build, run and look at them; as values they are ``nestml_core.network``."""

from nestml_core.networks.results import Connections, NetworkRun, Nodes
from nestml_core.networks.wiring import Network

__all__ = ["Connections", "Network", "NetworkRun", "Nodes"]
