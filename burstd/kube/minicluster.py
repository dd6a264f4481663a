"""A burst as manifests: namespace, Secret, MiniCluster, and a Job that pulls its images. Pure.

The MiniCluster is that of the Flux Operator, flux-framework.org/v1alpha2. What the operator does with each
field decides how it is used here: `brokerConfig` goes through an unquoted shell heredoc, `leadBroker` would
become a broken file, `curveCert` would end in a ConfigMap. So the certificate comes from a Secret, and
`commands.pre`, a fixed text, puts it in place before the broker starts.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from burstd.core.errors import Never
from burstd.core.hosts import compress, expand
from burstd.core.silence import Lease
from burstd.join import brokerconfig
from burstd.join.directories import encode
from burstd.join.papers import Join, Order
from burstd.kube import labels, lease, reaper
from burstd.kube.heredoc import changed
from burstd.kube.kinds import Manifest
from burstd.kube.options import KubeOptions, VolumeOptions
from burstd.kube.steps import AGAIN, CURVE_CERT, SECRET_PATH, STOP, pre

SECRET_NAME = "burst-secrets"
PULLED_SECONDS = 60
"""How long the pods stay that have pulled images."""

_MILLICORES = 600
"""Of each core."""

FLUX_CORE = "fluxrm/flux-core:bookworm-v{version}"
"""As flux-core's own CI names the image of a release."""

FLUX_VIEW = "ghcr.io/converged-computing/flux-view-ubuntu:tag-noble"
"""The operator's own default for where Flux comes from."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the pod of each broker asks for, so that it lands where it should, alone."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Manifest, ...] = ()
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    offer: str = ""
    """What it is, as the one who lacks it would say; "": that is not known."""


def namespace(order: Order, spec: str = "") -> Manifest:
    """Return the burst's namespace: its name is the site's, and it says which lead it is for."""
    marks = labels.of_order(order) | ({labels.SPEC: spec} if spec else {})
    metadata = {
        "name": order.site_name,
        "labels": marks,
        "annotations": {labels.LEAD: order.join.lead_uri},
    }
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def secret(order: Order, curve_cert: bytes, munge_key: bytes | None) -> Manifest:
    """Return the Secret that the brokers mount: certificate, munge key, directories to make."""
    data = {
        "curve.cert": curve_cert,
        "directories": encode(order.directories),
    }
    data |= {"munge.key": munge_key} if munge_key is not None else {}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(order, SECRET_NAME),
        "type": "Opaque",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def manifests(
    order: Order, options: KubeOptions, machine: Machine, given: Lease | None = None
) -> tuple[Manifest, ...]:
    """Return all that a burst's namespace gets; the Secret says what it would hold, not the contents."""
    pulled = [prepull(order, options, machine)] if options.prepull else []
    made = minicluster(order, options, machine)
    return (namespace(order), *_ending(order, options, given), _secret_outline(order), *pulled, made)


def _ending(order: Order, options: KubeOptions, given: Lease | None) -> Iterator[Manifest]:
    """Yield what ends the burst if burstd is gone."""
    if given is not None:
        yield lease.of_order(order, given.terms.idle_seconds, None)
        yield from reaper.manifests(order, given.terms, given.image, options) if given.image else ()


def _secret_outline(order: Order) -> Manifest:
    outline = secret(order, b"", b"" if order.join.munge_key else None)
    sources = {"curve.cert": order.join.curve_cert, "munge.key": order.join.munge_key}
    told = {key: f"(the contents of {path})" for key, path in sources.items() if path is not None}
    del outline["data"]
    return outline | {"stringData": told}


def minicluster(order: Order, options: KubeOptions, machine: Machine) -> Manifest:
    """Return the burst itself: one broker for each host, named as the lead declares them.

    Raises Never where the operator's shell would change the broker.toml.
    """
    spec = {
        "size": order.size,
        "maxSize": order.pool.size,
        "interactive": True,
        "logging": {"quiet": True},
        "flux": _flux(order, options),
        "containers": [_broker(order, options, machine), *options.containers],
        "pod": _pod(order, options, machine),
    }
    spec |= {"minSize": min(options.min_size, order.size)} if options.min_size else {}
    spec |= {"deadlineSeconds": options.deadline_seconds} if options.deadline_seconds else {}
    return {
        "apiVersion": "flux-framework.org/v1alpha2",
        "kind": "MiniCluster",
        "metadata": _metadata(order, order.pool.name),
        "spec": spec,
    }


def isolated(burst: Manifest, command: str = "", batch: str = "") -> Manifest:
    """Return a burst's MiniCluster as one without a lead: it runs one command, or a batch script, and ends.

    The operator writes its broker.toml and makes its certificate.
    """
    spec = {**burst["spec"], "interactive": False, "logging": {"quiet": False}}
    spec["flux"] = {
        key: value for key, value in spec["flux"].items() if key not in ("brokerConfig", "bursting")
    }
    main, *others = spec["containers"]
    main = {key: value for key, value in main.items() if key not in ("commands", "lifeCycle")}
    main["volumes"] = {name: one for name, one in main["volumes"].items() if name != SECRET_NAME}
    main |= {"command": command} if command else {"command": batch, "batch": True, "batchRaw": True}
    spec["containers"] = [main, *others]
    return {**burst, "spec": spec}


def prepull(order: Order, options: KubeOptions, machine: Machine) -> Manifest:
    """Return a Job that pulls the images on as many machines as the burst will have, and makes them come.

    It asks for next to nothing, so that the brokers find their room beside it, and stays for a while: another
    of its pods could else be put on a machine that has the images already.
    """
    marks = labels.of_order(order) | {labels.PART: labels.PREPULL}
    images = [image(options, order.join)]
    images += [flux_image(options, order.join)] if has_view(options, order.join) else []
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "affinity": _apart(marks),
        "containers": [_puller(index, image) for index, image in enumerate(images)],
        **_places(options, machine),
    }
    pod |= {"imagePullSecrets": [{"name": options.pull_secret}]} if options.pull_secret else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(order, f"{order.pool.name}-prepull"),
        "spec": {
            "completions": order.size,
            "parallelism": order.size,
            "completionMode": "Indexed",
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": 60,
            "template": {"metadata": {"labels": marks}, "spec": pod},
        },
    }


def broker_toml(join: Join) -> str:
    """Return the broker.toml of the burst, which must survive the operator's heredoc. Raises Never."""
    text = brokerconfig.render_burst(join, CURVE_CERT, ignore_hostname=False)
    found = changed(text)
    if found:
        raise Never(
            f"the broker.toml would have {found!r} in it, which the Flux Operator's shell would not "
            "leave as it is: change the host names, properties or address that it stands in"
        )
    return text


def image(options: KubeOptions, join: Join) -> str:
    """Return the image in which brokers run, "" where none is named and the lead's version is not known."""
    default = FLUX_CORE.format(version=join.version) if join.version else ""
    return options.image or join.image or default


def has_view(options: KubeOptions, join: Join) -> bool:
    """Say whether Flux comes from the operator's view: the image that is taken by default has its own."""
    return options.use_view and bool(options.image or join.image)


def flux_image(options: KubeOptions, join: Join) -> str:
    """Return the image from which the operator takes Flux."""
    return options.flux_image or join.flux_image or FLUX_VIEW


def all_hosts(join: Join) -> str:
    """Return the hostlist of the whole instance in rank order."""
    return compress(host for one in join.declared for host in expand(one.hosts))


def _flux(order: Order, options: KubeOptions) -> Manifest:
    view: Manifest = {"image": flux_image(options, order.join)}
    container: Manifest = view if has_view(options, order.join) else {"disable": True}
    container |= {"imagePullSecret": options.pull_secret} if options.pull_secret else {}
    return {
        "connectTimeout": options.connect_timeout,
        "container": container,
        "brokerConfig": broker_toml(order.join),
        "bursting": {"hostlist": all_hosts(order.join)},
    }


def _broker(order: Order, options: KubeOptions, machine: Machine) -> Manifest:
    volumes = {name: _volume(volume) for name, volume in options.volumes.items()}
    own = {"secretName": SECRET_NAME, "path": SECRET_PATH, "readOnly": True}
    container: Manifest = {
        "image": image(options, order.join),
        "runFlux": True,
        "commands": {"pre": pre(order.join), "post": AGAIN},
        "lifeCycle": {"preStopExec": STOP},
        "volumes": {**volumes, SECRET_NAME: own},
    }
    container |= _resources(order, options, machine)
    container |= _security(options, order.join)
    container |= {"environment": dict(options.environment)} if options.environment else {}
    container |= {"imagePullSecret": options.pull_secret} if options.pull_secret else {}
    return container


def _resources(order: Order, options: KubeOptions, machine: Machine) -> Manifest:
    """Return what a broker asks for: more than half of the cores it will offer, unless something says more.

    So two of them never share a machine of that size, and what else runs on one still fits beside it.
    """
    cpu = f"{order.pool.shape.cores * _MILLICORES}m"
    asked = {
        "requests": {"cpu": cpu, **machine.requests, **options.requests},
        "limits": {**machine.limits, **options.limits},
    }
    given = {key: value for key, value in asked.items() if value}
    return {"resources": given} if given else {}


def _security(options: KubeOptions, join: Join) -> Manifest:
    """A job's shell must be of the user that the lead's brokers are of."""
    named = options.image or join.image
    user = options.run_as_user if named or options.run_as_user is not None else join.userid
    return {} if user is None else {"securityContext": {"runAsUser": user}}


def _pod(order: Order, options: KubeOptions, machine: Machine) -> Manifest:
    settings = {
        "labels": labels.of_order(order) | {labels.PART: labels.BROKER},
        **_places(options, machine),
        "schedulerName": options.scheduler_name,
        "serviceAccountName": options.service_account,
    }
    return {key: value for key, value in settings.items() if value}


def _places(options: KubeOptions, machine: Machine) -> Manifest:
    """Return where pods may go, as both a pod and a MiniCluster say it."""
    places = {
        "nodeSelector": {**machine.node_selector, **options.node_selector},
        "tolerations": [*machine.tolerations, *options.tolerations],
    }
    return {key: value for key, value in places.items() if value}


def _volume(volume: VolumeOptions) -> Manifest:
    source = {
        "claimName": volume.claim,
        "hostPath": volume.host_path,
        "secretName": volume.secret,
        "configMapName": volume.config_map,
    }
    return {
        "path": volume.path,
        "readOnly": volume.read_only,
        **{key: value for key, value in source.items() if value},
    }


def _metadata(order: Order, name: str) -> Manifest:
    return {"name": name, "namespace": order.site_name, "labels": labels.of_order(order)}


def _puller(index: int, image: str) -> Manifest:
    small = {"cpu": "10m", "memory": "16Mi"}
    return {
        "name": f"pull-{index}",
        "image": image,
        "command": ["/bin/sh", "-c", f"exec sleep {PULLED_SECONDS}"],
        "resources": {"requests": small},
    }


def _apart(marks: Mapping[str, str]) -> Manifest:
    term = {"labelSelector": {"matchLabels": dict(marks)}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
