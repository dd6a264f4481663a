"""A gateway to the lead: nginx in the lead's namespace, passing TCP on to rank 0. Pure.

It sees only what CURVE has encrypted. Behind it the lead's pod may move without the way in changing.
"""

from __future__ import annotations

from burstd.kube.kinds import Manifest

NAME = "flux-gateway"
PORT = 8050

_CONF = """\
events {{}}
stream {{
  server {{
    listen {port};
    proxy_pass {target}:{port};
    proxy_timeout 1h;
    proxy_socket_keepalive on;
  }}
}}
"""


def manifests(namespace: str, way_in: Manifest, image: str) -> list[Manifest]:
    """Return the gateway, and `way_in`, the lead's Service, so changed that it leads to the gateway.

    nginx looks a name up once, so it is given one whose address stays: a Service of the cluster's own.
    """
    inner = f"{NAME}-target"
    target = f"{inner}.{namespace}.svc.cluster.local"
    selector = way_in["spec"]["selector"]
    conf = {"nginx.conf": _CONF.format(port=PORT, target=target)}
    port = {"name": "broker", "port": PORT, "targetPort": PORT, "protocol": "TCP"}
    return [
        _object("v1", "Service", inner, namespace, spec={"selector": selector, "ports": [port]}),
        _object("v1", "ConfigMap", NAME, namespace, data=conf),
        _object("apps/v1", "Deployment", NAME, namespace, spec=_deployment(image)),
        {**way_in, "spec": {**way_in["spec"], "selector": {"app": NAME}}},
    ]


def _deployment(image: str) -> Manifest:
    container = {
        "name": "nginx",
        "image": image,
        "ports": [{"containerPort": PORT}],
        "volumeMounts": [{"name": "conf", "mountPath": "/etc/nginx/nginx.conf", "subPath": "nginx.conf"}],
        "readinessProbe": {"tcpSocket": {"port": PORT}},
    }
    pod = {
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [{"name": "conf", "configMap": {"name": NAME}}],
    }
    return {
        "replicas": 1,
        "selector": {"matchLabels": {"app": NAME}},
        "template": {"metadata": {"labels": {"app": NAME}}, "spec": pod},
    }


def _object(version: str, kind: str, name: str, namespace: str, **rest: Manifest) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}
