"""The broker.toml that the operator writes: flux-config(5), with the operator's faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def hostlist(cluster: Mapping[str, Any]) -> str:
    """Return the hosts of a MiniCluster, lead and bursts included, as the operator puts them together."""
    spec, bursting = cluster["spec"], cluster["spec"]["flux"]["bursting"]
    if bursting.get("hostlist"):
        return str(bursting["hostlist"])
    lead = bursting.get("leadBroker") or {}
    if lead.get("address"):
        own = f"{lead['address']},{lead['name']}-[{_range(lead['size'] - 1, 1)}]"
    else:
        own = f"{cluster['metadata']['name']}-[{_range(spec['maxSize'], 0)}]"
    bursts = [f"{one.get('name', '')}-[{_range(one.get('size', 0), 0)}]" for one in _clusters(bursting)]
    return ",".join([own, *bursts])


def render(cluster: Mapping[str, Any]) -> str:
    """Return the broker.toml of a MiniCluster: what its spec holds, or the operator's own."""
    return str(cluster["spec"]["flux"].get("brokerConfig") or "\n".join(_lines(cluster)))


def _lines(cluster: Mapping[str, Any]) -> Iterator[str]:
    spec, metadata = cluster["spec"], cluster["metadata"]
    config = f"{spec['flux']['container']['mountPath']}/config"
    domain = f"{spec['network']['headlessName']}.{metadata['namespace']}.svc.cluster.local"
    yield from ("[access]", "allow-guest-user = true", "allow-root-owner = true")
    yield from ("[resource]", f'path = "{config}/etc/flux/system/R"')
    yield from ("[bootstrap]", f'curve_cert = "{config}/curve/curve.cert"', "default_port = 8050")
    yield from ('default_bind = "tcp://eth0:%p"', f'default_connect = "tcp://%h.{domain}:%p"')
    yield _hosts(cluster)
    yield from ("[archive]", f'dbpath = "{config}/var/lib/flux/job-archive.sqlite"')
    yield from ('period = "1m"', 'busytimeout = "50s"')
    yield from ("[sched-fluxion-qmanager]", f'queue-policy = "{spec["flux"]["scheduler"]["queuePolicy"]}"')


def _hosts(cluster: Mapping[str, Any]) -> str:
    """Return the hosts entry. With a lead broker it is broken: an integer for %s, and a value too few."""
    lead = cluster["spec"]["flux"]["bursting"].get("leadBroker") or {}
    if not lead.get("address"):
        return f'hosts = [ {{ host="{hostlist(cluster)}" }} ]'
    port = f"%!s(int32={lead['port']})"
    first = (
        f'{{host="{lead["address"]}", bind="tcp://eth0:{port}", connect="tcp://{lead["address"]}:{port}"}}'
    )
    return f'hosts = [{first},\n {{host="%!s(MISSING)"}}]'


def _clusters(bursting: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(bursting.get("clusters") or [])


def _range(size: int, start: int) -> str:
    """Return an idset. A cluster without a size gives `0--1`, since the operator's default gets lost."""
    return str(start) if size == 1 else f"{start}-{start + size - 1}"
