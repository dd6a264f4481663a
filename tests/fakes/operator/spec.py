"""A MiniCluster's spec: the defaults that the operator fills in, and what it silently refuses."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

VIEW_IMAGE = "ghcr.io/converged-computing/flux-view-ubuntu:tag-noble"


def completed(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Return the MiniCluster with defaults, as the operator has it in memory; the stored one stays as it is.

    Bursts without a size or a name stay without: the operator's defaults for these are lost.
    """
    whole = copy.deepcopy(dict(cluster))
    spec = whole["spec"]
    spec["size"] = spec.get("size", 1)
    spec["maxSize"] = spec.get("maxSize") or spec["size"]
    spec.setdefault("tasks", 1)
    network = spec["network"] = dict(spec.get("network") or {})
    network["headlessName"] = network.get("headlessName") or whole["metadata"]["name"]
    _complete_flux(spec)
    if len(spec.get("containers") or []) == 1:
        spec["containers"][0]["runFlux"] = True
    return whole


def _complete_flux(spec: dict[str, Any]) -> None:
    flux = spec["flux"] = dict(spec.get("flux") or {})
    defaults = {"name": "flux-view", "mountPath": "/mnt/flux", "image": VIEW_IMAGE}
    given = flux.get("container") or {}
    flux["container"] = given | {key: given.get(key) or value for key, value in defaults.items()}
    scheduler = dict(flux.get("scheduler") or {})
    flux["scheduler"] = scheduler | {"queuePolicy": scheduler.get("queuePolicy") or "fcfs"}
    bursting = flux["bursting"] = dict(flux.get("bursting") or {})
    if bursting.get("leadBroker"):
        bursting["leadBroker"] = {"port": 8050} | bursting["leadBroker"]


def is_valid(whole: Mapping[str, Any]) -> bool:
    """Say whether the operator would act on a completed MiniCluster."""
    spec = whole["spec"]
    return _sizes_fit(spec) and _bursting_fits(spec) and _containers_fit(spec) and _volumes_fit(spec)


def _sizes_fit(spec: Mapping[str, Any]) -> bool:
    least = spec.get("minSize") or 0
    return spec["size"] <= spec["maxSize"] and least <= spec["size"] and (spec.get("backoffLimit") or 0) >= 0


def _bursting_fits(spec: Mapping[str, Any]) -> bool:
    bursting = spec["flux"]["bursting"]
    return not (bursting.get("hostlist") and bursting.get("clusters"))


def _containers_fit(spec: Mapping[str, Any]) -> bool:
    containers = spec.get("containers") or []
    named = all(one.get("runFlux") or one.get("name") for one in containers)
    clear = not any(_contradicts(one) for one in containers)
    return named and clear and sum(bool(one.get("runFlux")) for one in containers) == 1


def _contradicts(container: Mapping[str, Any]) -> bool:
    script = (container.get("commands") or {}).get("script")
    both = script and container.get("command") and container.get("runFlux")
    return bool(both or (container.get("launcher") and container.get("batch")))


def _volumes_fit(spec: Mapping[str, Any]) -> bool:
    volumes = [one for each in spec["containers"] for one in (each.get("volumes") or {}).values()]
    pathless = [one for one in volumes if not one.get("path")]
    elsewhere = ("secretName", "configMapName")
    bare = [one for one in pathless if not any(one.get(key) for key in elsewhere)]
    return not any(one.get("claimName") or one.get("hostPath") for one in bare)
