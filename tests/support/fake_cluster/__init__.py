"""An emulated Kubernetes API server: real protocol, small memory. For tests; see ``server.FakeCluster``."""

from fake_cluster.player import Outcome, Player
from fake_cluster.server import FakeCluster, Fault

__all__ = ["FakeCluster", "Fault", "Outcome", "Player"]
