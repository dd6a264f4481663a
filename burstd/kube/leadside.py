"""What a lead needs that is a MiniCluster: the MiniCluster itself, burstd beside it, and a way in. Pure.

burstd runs as one more container of every pod, since Flux's socket is a Unix socket; it serves only where
the broker's rank is 0. It is the last container: the operator gives each one the volumes of those before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from burstd.config.declaration import FLUX_PORT, lead_side
from burstd.config.minicluster import MiniClusterConfig
from burstd.config.model import AUTO, Config
from burstd.core.errors import ConfigError, Problem
from burstd.core.hosts import compress, expand
from burstd.join.brokerconfig import LeadSide, render_lead
from burstd.kube import address, gateway
from burstd.kube.heredoc import changed
from burstd.kube.kinds import Manifest
from burstd.kube.steps import CURVE_CERT

CONFIG_NAME = "burstd-config"
CONFIG_PATH = "/etc/burstd"
STATE_PATH = "/var/lib/burstd"
CREDENTIALS_PATH = "/var/run/secrets/burstd"
SOCKET = "local:///mnt/flux/config/run/flux/local"
"""Where the operator has the lead's broker listen; its own wrapper for sidecars waits for another path."""

_NODE_PORTS = range(30000, 32768)


@dataclass(frozen=True, slots=True)
class LeadPlace:
    """How the lead is called: its MiniCluster, its namespace, its own hosts in order."""

    name: str
    namespace: str
    hosts: tuple[str, ...]

    @property
    def address(self) -> str:
        """The name under which the lead's own brokers reach rank 0, whole: short names may not resolve."""
        return f"{self.hosts[0]}.{self.name}.{self.namespace}.svc.cluster.local"


def lead_manifests(config: Config, *, with_gateway: bool = False) -> list[Manifest]:
    """Return all that the lead's side needs, in the order in which it is to be applied.

    Raises ConfigError with every Problem.
    """
    place = _place(config)
    side = _lead_side(config, place)
    manifests = [_namespace(place), _service_account(config, place), *_rights(config, place)]
    manifests.append(_config_map(config, place))
    if with_gateway:
        manifests += gateway.manifests(
            place.namespace, _service(config, place), config.lead.minicluster.gateway_image
        )
    else:
        manifests.append(_service(config, place))
    return [*manifests, _minicluster(config, place, side)]


def warnings(config: Config) -> Iterator[str]:
    """Yield what whoever applies this should know."""
    lead = config.lead.minicluster
    if lead.workload_identity:
        yield (
            "with workload_identity every container of the lead's pods, users' jobs included, has the "
            f"cloud's rights of {lead.service_account}; credentials_secret gives them to burstd alone"
        )
    if config.lead.host == AUTO:
        yield (
            "with lead.host: auto the token of the ServiceAccount is mounted in every container of the "
            "lead's pods; it may only read the Service, and the machines' addresses where that is a NodePort"
        )
    if not lead.state_claim:
        yield "without state_claim the ledger goes with its pod; bursts are found again by their labels"


def _place(config: Config) -> LeadPlace:
    hosts = expand(config.lead.hosts or "")
    name = re.sub(r"-0$", "", hosts[0]) if hosts else ""
    problems = list(_problems(config, name, hosts))
    if problems:
        raise ConfigError(tuple(problems))
    return LeadPlace(name, config.lead.minicluster.namespace, hosts)


def _problems(config: Config, name: str, hosts: tuple[str, ...]) -> Iterator[Problem]:
    lead = config.lead.minicluster
    if hosts != tuple(f"{name}-{index}" for index in range(len(hosts))) or not hosts:
        what = f"{compress(hosts)} are not <name>-0, <name>-1, …" if hosts else "missing"
        yield Problem("lead.hosts", what, "the Flux Operator names hosts so, such as flux-sample-[0-3]")
    for key in ("image", "minicluster.burstd_image"):
        if not (config.lead.image if key == "image" else lead.burstd_image):
            yield Problem(f"lead.{key}", "missing: which image to run", "set it")
    if lead.up is not None and lead.up > len(hosts):
        yield Problem("lead.minicluster.up", f"{lead.up}, but lead.hosts names {len(hosts)}", "name more")
    if lead.min_size > (lead.up or len(hosts)):
        yield Problem("lead.minicluster.min_size", f"{lead.min_size} are more than are started", "lower it")


def declared(config: Config) -> LeadSide:
    """Return what the lead declares, its certificate where the operator puts one. Raises ConfigError."""
    known = config.lead.model_copy(update={"curve_cert": config.lead.curve_cert or Path(CURVE_CERT)})
    return lead_side(config.model_copy(update={"lead": known}))


def _lead_side(config: Config, place: LeadPlace) -> LeadSide:
    connect = f"tcp://{place.address}:{FLUX_PORT}"
    side = declared(config)
    return replace(side, bind=f"tcp://*:{FLUX_PORT}", connect=connect, curve_cert=CURVE_CERT)


def broker_toml(side: LeadSide) -> str:
    """Return the lead's broker.toml. Raises ConfigError where the operator's shell would change it."""
    text = render_lead(side)
    found = changed(text)
    if found:
        what = f"has {found!r} in it, which the Flux Operator's shell would not leave as it is"
        raise ConfigError((Problem("the lead's broker.toml", what, "change the name that it stands in"),))
    return text


def _namespace(place: LeadPlace) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.namespace}}


def _service_account(config: Config, place: LeadPlace) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _named(config.lead.minicluster.service_account, place),
        "automountServiceAccountToken": False,
    }


def _rights(config: Config, place: LeadPlace) -> Iterator[Manifest]:
    """Reading the lead's address needs few rights; an address that is written down needs none."""
    lead = config.lead.minicluster
    if config.lead.host == AUTO:
        yield from address.rights(
            lead.service_account, place.namespace, lead.service, nodes=lead.service_type == "NodePort"
        )


def _config_map(config: Config, place: LeadPlace) -> Manifest:
    written = config.model_dump(mode="json", exclude_unset=True) | {"state_dir": STATE_PATH}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _named(CONFIG_NAME, place),
        "data": {"burstd.yaml": yaml.safe_dump(written, sort_keys=False)},
    }


def _service(config: Config, place: LeadPlace) -> Manifest:
    lead = config.lead.minicluster
    port: Manifest = {"name": "broker", "port": FLUX_PORT, "targetPort": FLUX_PORT, "protocol": "TCP"}
    number = _node_port(config)
    port |= {"nodePort": number} if number else {}
    spec: Manifest = {
        "type": lead.service_type,
        "externalTrafficPolicy": "Local",
        "selector": {
            "batch.kubernetes.io/job-name": place.name,
            "batch.kubernetes.io/job-completion-index": "0",
        },
        "ports": [port],
    }
    if lead.service_type == "LoadBalancer" and lead.source_ranges:
        spec["loadBalancerSourceRanges"] = list(lead.source_ranges)
    return {"apiVersion": "v1", "kind": "Service", "metadata": _named(lead.service, place), "spec": spec}


def _node_port(config: Config) -> int | None:
    lead = config.lead.minicluster
    if lead.service_type != "NodePort":
        return None
    return lead.node_port or (config.lead.port if config.lead.port in _NODE_PORTS else None)


def _minicluster(config: Config, place: LeadPlace, side: LeadSide) -> Manifest:
    lead = config.lead.minicluster
    hostlist = compress(host for one in side.declared for host in expand(one.hosts))
    flux: Manifest = {"brokerConfig": broker_toml(side), "bursting": {"hostlist": hostlist}}
    flux |= {"container": {"image": config.lead.flux_image}} if config.lead.flux_image else {}
    pod: Manifest = {"serviceAccountName": lead.service_account}
    pod |= {"automountServiceAccountToken": True} if config.lead.host == AUTO else {}
    return {
        "apiVersion": "flux-framework.org/v1alpha2",
        "kind": "MiniCluster",
        "metadata": _named(place.name, place),
        "spec": {
            "size": lead.up or len(place.hosts),
            "minSize": lead.min_size,
            "maxSize": len(place.hosts),
            "interactive": True,
            "logging": {"quiet": True},
            "network": {"headlessName": place.name},
            "flux": flux,
            "pod": pod,
            "containers": [_broker(config, place), _sidecar(lead)],
        },
    }


def _broker(config: Config, place: LeadPlace) -> Manifest:
    container = {"name": place.name, "image": config.lead.image, "runFlux": True}
    return container | _security(config.lead.minicluster)


def _sidecar(lead: MiniClusterConfig) -> Manifest:
    """The image's own entrypoint runs: the operator gives such a container no command."""
    volumes: Manifest = {CONFIG_NAME: {"configMapName": CONFIG_NAME, "path": CONFIG_PATH, "items": _ITEMS}}
    environment = {"FLUX_URI": SOCKET}
    if lead.credentials_secret:
        secret = {"secretName": lead.credentials_secret, "path": CREDENTIALS_PATH, "readOnly": True}
        volumes["burstd-credentials"] = secret
        environment["GOOGLE_APPLICATION_CREDENTIALS"] = f"{CREDENTIALS_PATH}/credentials.json"
    if lead.state_claim:
        volumes["burstd-state"] = {"claimName": lead.state_claim, "path": STATE_PATH}
    return {
        "name": "burstd",
        "image": lead.burstd_image,
        "noWrapEntrypoint": True,
        "environment": environment,
        "volumes": volumes,
        **_security(lead),
    }


def _security(lead: MiniClusterConfig) -> Manifest:
    return {} if lead.run_as_user is None else {"securityContext": {"runAsUser": lead.run_as_user}}


_ITEMS: dict[str, Any] = {"burstd.yaml": "burstd.yaml"}


def _named(name: str, place: LeadPlace) -> Manifest:
    return {"name": name, "namespace": place.namespace, "labels": {"app.kubernetes.io/part-of": "burstd"}}
