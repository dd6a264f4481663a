"""The process of one cluster: API server, Flux Operator's controllers, a Node for each of kind's."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

from fakes.kind.state import ClusterDirectory
from fakes.kube import ApiServer
from fakes.operator import Delays, Operator

TOKEN = "token-of-a-fake-kind-cluster"
LOOK_SECONDS = 0.5


def main() -> None:
    cluster = ClusterDirectory(Path(sys.argv[1]))
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    delays = Delays(back_off=0.2, retry=0.2)
    with (
        ApiServer(tls=True, token=TOKEN) as api,
        Operator(api.store, directory=cluster.path / "pods", delays=delays, nodes="listed"),
    ):
        _register(api.store, cluster)
        fresh = api.write_kubeconfig(cluster.path / "new.conf", f"kind-{cluster.name}")
        fresh.rename(cluster.admin_conf)
        while not ended.wait(LOOK_SECONDS) and cluster.path.exists():
            pass  # until it is deleted, or the test's directory is


def _register(store: Any, cluster: ClusterDirectory) -> None:
    nodes = cluster.config["nodes"]
    alone = len(nodes) == 1
    for name, node in zip(cluster.node_names(), nodes, strict=True):
        store.create("nodes", _node(name, node, alone))
        store.set_status("nodes", "", name, _STATUS)


def _node(name: str, node: dict[str, Any], alone: bool) -> dict[str, Any]:
    labels = {"kubernetes.io/hostname": name, **(node.get("labels") or {})}
    taints = []
    if node.get("role", "control-plane") == "control-plane":
        labels["node-role.kubernetes.io/control-plane"] = ""
        taints = [] if alone else [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": taints}}


_STATUS = {
    "conditions": [{"type": "Ready", "status": "True"}],
    "allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"},
}


if __name__ == "__main__":
    main()
