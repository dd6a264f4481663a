"""Where remote brokers reach a lead that runs on Kubernetes, read from the Service in front of it.

A load balancer's address stays. A NodePort's is that of the machine on which rank 0 runs, and moves with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from burstd.core.errors import Never, NotNow
from burstd.kube import inpod, kubeconfig
from burstd.kube.client import Cluster, connect
from burstd.kube.kinds import NODE, SERVICE, Kind, Manifest

ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
_BALANCER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Address:
    """A host name or address, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def open_lead(kubeconfig_file: str = "") -> Cluster:
    """Return a connection to the lead's own cluster: by a kubeconfig, or as a pod of it. Raises Never."""
    if kubeconfig_file:
        return kubeconfig.connect(kubeconfig_file)
    access = inpod.access()
    if access is None:
        raise Never(
            "lead.host is auto, but burstd has no ServiceAccount's token here: mount it, set "
            "lead.minicluster.kubeconfig, or write the address down"
        )
    return connect(access)


def find(cluster: Cluster, namespace: str, name: str) -> Address:
    """Return where the Service makes the lead reachable. Raises Never, NotNow while it does not."""
    service = cluster.get(SERVICE, name, namespace)
    if service is None:
        raise Never(f"there is no Service {namespace}/{name}: `burstd render lead` prints one")
    kind = service["spec"].get("type", "ClusterIP")
    if kind == "LoadBalancer":
        return _of_balancer(service, f"{namespace}/{name}")
    if kind == "NodePort":
        return _of_node(cluster, service, f"{namespace}/{name}")
    raise Never(f"the Service {namespace}/{name} is a {kind}, which remote brokers cannot reach")


def rights(account: str, namespace: str, service: str, *, nodes: bool) -> Iterator[Manifest]:
    """Yield the least RBAC with which `find` works; with `nodes` also for machines, cluster-wide."""
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    rules = [{"apiGroups": [""], "resources": ["services"], "resourceNames": [service], "verbs": ["get"]}]
    if nodes:
        slices = {
            "apiGroups": ["discovery.k8s.io"],
            "resources": ["endpointslices"],
            "verbs": ["list", "watch"],
        }
        rules.append(slices)
    yield from _granted("Role", "burstd-address", {"namespace": namespace}, rules, subject)
    if nodes:
        machines = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]
        yield from _granted("ClusterRole", f"burstd-address-{namespace}", {}, machines, subject)


def _granted(
    kind: str, name: str, where: Manifest, rules: list[Manifest], subject: Manifest
) -> Iterator[Manifest]:
    version = "rbac.authorization.k8s.io/v1"
    metadata = {"name": name, **where}
    yield {"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
    yield {
        "apiVersion": version,
        "kind": f"{kind}Binding",
        "metadata": metadata,
        "roleRef": role,
        "subjects": [subject],
    }


def _of_balancer(service: Manifest, what: str) -> Address:
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    for one in ingress:
        host = one.get("ip") or one.get("hostname")
        if host:
            return Address(host, int(service["spec"]["ports"][0]["port"]))
    raise NotNow(f"the load balancer of the Service {what} has no address yet", _BALANCER_SECONDS)


def _of_node(cluster: Cluster, service: Manifest, what: str) -> Address:
    port = service["spec"]["ports"][0].get("nodePort")
    metadata = service["metadata"]
    slices = cluster.list(
        ENDPOINT_SLICE, metadata["namespace"], {"kubernetes.io/service-name": metadata["name"]}
    )
    endpoints = [one for each in slices.items for one in each.get("endpoints") or ()]
    name = next((one["nodeName"] for one in endpoints if one.get("nodeName")), "")
    if not port or not name:
        raise NotNow(f"no pod of the lead's rank 0 stands behind the Service {what} yet")
    node = cluster.get(NODE, name) or {}
    told = {one["type"]: one["address"] for one in (node.get("status") or {}).get("addresses") or ()}
    host = told.get("ExternalIP") or told.get("InternalIP")
    if not host:
        raise NotNow(f"the machine {name}, where the lead's rank 0 runs, tells no address")
    return Address(str(host), int(port))
