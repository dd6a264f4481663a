"""A small Kubernetes cluster's API for tests: HTTP or HTTPS on loopback, over objects in memory.

`tests/kube/test_apiserver_behaviour.py` holds it to a real API server.
"""

from fakes.kube.server import ApiServer, Record
from fakes.kube.status import Refused
from fakes.kube.store import Store

__all__ = ["ApiServer", "Record", "Refused", "Store"]
