"""A small GKE for tests: a ClusterManager over gRPC, and clusters that are API servers with machines."""

from fakes.gke.faults import Faults
from fakes.gke.server import Call, FakeGke
from fakes.gke.settings import Delays
from fakes.gke.tokens import TokenEndpoint

__all__ = ["Call", "Delays", "FakeGke", "Faults", "TokenEndpoint"]
