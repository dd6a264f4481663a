"""What the operator makes of a MiniCluster whose defaults are filled in: ConfigMap, Service and Job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakes.operator.scripts import entrypoints

Manifest = dict[str, Any]
APP_NAME = "app.kubernetes.io/name"


def config_map(cluster: Mapping[str, Any], certificate: str, retry_seconds: float) -> Manifest:
    """Return the ConfigMap with the scripts and, for all to read, the certificate."""
    data = entrypoints(cluster, retry_seconds) | {"curve.cert": certificate}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _owned(cluster, f"{cluster['metadata']['name']}-entrypoint"),
        "data": data,
    }


def service(cluster: Mapping[str, Any]) -> Manifest:
    """Return the headless Service, or the one for the first broker alone."""
    selector = {"job-name": cluster["metadata"]["name"]}
    spec: Manifest = {"clusterIP": "None", "selector": selector}
    if cluster["spec"]["flux"].get("minimalService"):
        spec = {"ports": [{"port": 8050, "protocol": "TCP"}], "selector": selector | {"job-index": "0"}}
    name = cluster["spec"]["network"]["headlessName"]
    return {"apiVersion": "v1", "kind": "Service", "metadata": _owned(cluster, name), "spec": spec}


def job(cluster: Mapping[str, Any]) -> Manifest:
    """Return the Indexed Job."""
    spec, name = cluster["spec"], cluster["metadata"]["name"]
    metadata = _owned(cluster, name) | {"labels": dict(spec.get("jobLabels") or {})}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": spec.get("backoffLimit") or 100,
            "completions": spec["size"],
            "parallelism": spec["size"],
            "completionMode": "Indexed",
            "activeDeadlineSeconds": spec.get("deadlineSeconds") or 31500000,
            "template": _template(cluster),
        },
    }


def _owned(cluster: Mapping[str, Any], name: str) -> Manifest:
    metadata = cluster["metadata"]
    owner = {
        "apiVersion": "flux-framework.org/v1alpha2",
        "kind": "MiniCluster",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {"name": name, "namespace": metadata["namespace"], "ownerReferences": [owner]}


def _template(cluster: Mapping[str, Any]) -> Manifest:
    spec, metadata = cluster["spec"], cluster["metadata"]
    pod, name = spec.get("pod") or {}, metadata["name"]
    labels = dict(pod.get("labels") or {}) | {
        "namespace": metadata["namespace"],
        "app": "flux-operator",
        APP_NAME: name,
        "hpa-selector": name,
    }
    marks = {"labels": labels, "annotations": dict(pod.get("annotations") or {})}
    return {"metadata": {"name": name, "namespace": metadata["namespace"], **marks}, "spec": _pod(cluster)}


def _pod(cluster: Mapping[str, Any]) -> Manifest:
    spec, pod = cluster["spec"], cluster["spec"].get("pod") or {}
    mounts = _mounts(cluster)
    manifest: Manifest = {
        "subdomain": spec["network"]["headlessName"],
        "setHostnameAsFQDN": False,
        "shareProcessNamespace": bool(spec.get("shareProcessNamespace")),
        "automountServiceAccountToken": bool(pod.get("automountServiceAccountToken")),
        "restartPolicy": pod.get("restartPolicy") or "OnFailure",
        "nodeSelector": dict(pod.get("nodeSelector") or {}),
        "tolerations": [dict(one) for one in pod.get("tolerations") or []],
        "imagePullSecrets": _pull_secrets(spec),
        "volumes": _volumes(cluster),
        "initContainers": [_view(cluster, mounts)],
        "containers": _containers(
            cluster, [*mounts, {"name": "spack-software", "mountPath": "/opt/software"}]
        ),
    }
    for key in ("serviceAccountName", "schedulerName", "dnsPolicy", "runtimeClassName"):
        manifest |= {key: pod[key]} if pod.get(key) else {}
    manifest |= {"overhead": dict(pod["resources"])} if pod.get("resources") else {}
    if not spec["network"].get("disableAffinity"):
        manifest["affinity"] = _affinity(cluster["metadata"]["name"], pod.get("nodeAffinity") or {})
    return manifest


def _pull_secrets(spec: Mapping[str, Any]) -> list[Manifest]:
    names = (one.get("imagePullSecret") for one in spec["containers"])
    return [{"name": name} for name in names if name]


def _affinity(name: str, nodes: Mapping[str, list[str]]) -> Manifest:
    """Return what the operator only prefers: one zone for all pods, a Node for each."""
    selector = {"matchExpressions": [{"key": APP_NAME, "operator": "In", "values": [name]}]}
    affinity = {
        "podAffinity": _preferred(selector, "topology.kubernetes.io/zone"),
        "podAntiAffinity": _preferred(selector, "kubernetes.io/hostname"),
    }
    if nodes:
        wanted = [{"key": key, "operator": "In", "values": list(values)} for key, values in nodes.items()]
        term = {"nodeSelectorTerms": [{"matchExpressions": wanted}]}
        affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": term}
    return affinity


def _preferred(selector: Manifest, topology: str) -> Manifest:
    term = {"labelSelector": selector, "topologyKey": topology}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}


def _mounts(cluster: Mapping[str, Any]) -> list[Manifest]:
    view, name = cluster["spec"]["flux"]["container"], cluster["metadata"]["name"]
    return [
        {"name": "flux-operator-home", "mountPath": "/home/flux-operator"},
        {"name": view["name"], "mountPath": view["mountPath"]},
        {"name": f"{name}-entrypoint", "mountPath": "/flux_operator/", "readOnly": True},
    ]


def _view(cluster: Mapping[str, Any], mounts: list[Manifest]) -> Manifest:
    view = cluster["spec"]["flux"]["container"]
    return {
        "name": view["name"],
        "image": view["image"],
        "command": ["/bin/bash", "/flux_operator/flux-init.sh"],
        "imagePullPolicy": "Always" if view.get("pullAlways") else "IfNotPresent",
        "volumeMounts": mounts,
        "resources": dict(view.get("resources") or {}),
        "stdin": True,
        "tty": True,
    }


def _containers(cluster: Mapping[str, Any], mounts: list[Manifest]) -> list[Manifest]:
    """Return the containers; each mounts its own volumes and those of the containers before it."""
    containers = []
    for index, container in enumerate(cluster["spec"]["containers"]):
        names = {mount["name"] for mount in mounts}
        own = [
            _mount(name, one) for name, one in (container.get("volumes") or {}).items() if name not in names
        ]
        mounts = [*mounts, *own]
        containers.append(
            _container(cluster["metadata"]["name"], index, container) | {"volumeMounts": mounts}
        )
    return containers


def _mount(name: str, volume: Mapping[str, Any]) -> Manifest:
    if volume.get("emptyDir"):
        return {"name": name, "mountPath": "/dev/shm"}
    return {"name": name, "mountPath": volume.get("path", ""), "readOnly": bool(volume.get("readOnly"))}


def _container(cluster: str, index: int, container: Mapping[str, Any]) -> Manifest:
    manifest = {
        "name": cluster if container.get("runFlux") else container["name"],
        "image": container.get("image") or "ghcr.io/rse-ops/accounting:app-latest",
        "imagePullPolicy": _pull_policy(container),
        "resources": dict(container.get("resources") or {}),
        "securityContext": dict(container.get("securityContext") or {}),
        "ports": [{"containerPort": port, "protocol": "TCP"} for port in container.get("ports") or []],
        "env": _env(container),
        "stdin": True,
        "tty": True,
    }
    command = _command(index, container)
    return manifest | ({"command": command} if command else {})


def _command(index: int, container: Mapping[str, Any]) -> list[str]:
    """Return what a container runs; [] leaves it to its image, whatever the spec's own command says."""
    if container.get("runFlux"):
        return ["/bin/bash", f"/flux_operator/wait-{index}.sh"]
    return [] if container.get("noWrapEntrypoint") else ["/bin/bash", f"/flux_operator/start-{index}.sh"]


def _pull_policy(container: Mapping[str, Any]) -> str:
    return "Always" if container.get("pullAlways") else container.get("imagePullPolicy") or "IfNotPresent"


def _env(container: Mapping[str, Any]) -> list[Manifest]:
    plain = [{"name": name, "value": value} for name, value in (container.get("environment") or {}).items()]
    return plain + [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": one["name"], "key": one["key"]}}}
        for name, one in (container.get("secrets") or {}).items()
    ]


def _volumes(cluster: Mapping[str, Any]) -> list[Manifest]:
    name, view = cluster["metadata"]["name"], cluster["spec"]["flux"]["container"]["name"]
    scripts = {"name": f"{name}-entrypoint", "items": _items(cluster)}
    own: list[Manifest] = [
        {"name": one, "emptyDir": {}} for one in ("spack-software", "flux-operator-home", view)
    ]
    given = {
        key: one for each in cluster["spec"]["containers"] for key, one in (each.get("volumes") or {}).items()
    }
    volumes = [_volume(key, one) for key, one in given.items()]
    return [*own, {"name": f"{name}-entrypoint", "configMap": scripts}, *volumes]


def _items(cluster: Mapping[str, Any]) -> list[Manifest]:
    keys = list(entrypoints(cluster, 0))
    paths = dict.fromkeys(keys[-1:], "flux-init.sh") | {key: f"{key}.sh" for key in keys[:-1]}
    items = [{"key": key, "path": path, "mode": 0o777} for key, path in paths.items()]
    return [*items, {"key": "curve.cert", "path": "curve.cert"}]


def _volume(name: str, volume: Mapping[str, Any]) -> Manifest:
    if volume.get("secretName"):
        return {"name": name, "secret": {"secretName": volume["secretName"]}}
    if volume.get("emptyDir"):
        return {"name": name, "emptyDir": {}}
    if volume.get("hostPath"):
        return {"name": name, "hostPath": {"path": volume["hostPath"], "type": "Directory"}}
    if volume.get("configMapName"):
        items = [{"key": key, "path": path} for key, path in (volume.get("items") or {}).items()]
        return {
            "name": volume["configMapName"],
            "configMap": {"name": volume["configMapName"], "items": items},
        }
    return {"name": name, "persistentVolumeClaim": {"claimName": volume.get("claimName", "")}}
