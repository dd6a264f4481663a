"""The Flux Operator on a burst's cluster: from a manifest that is known, installed where that is allowed."""

from __future__ import annotations

import hashlib
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Iterator

import yaml

from burstd.config.fields import at_home
from burstd.core.errors import Never, NotNow
from burstd.kube import patience
from burstd.kube.client import MANAGER, Cluster
from burstd.kube.extras import is_object
from burstd.kube.kinds import CRD, DEPLOYMENT, MINICLUSTER, Manifest
from burstd.kube.options import OperatorOptions

log = logging.getLogger(__name__)

COMMIT = "0d75cef855dee5351d68e32ec139a70e892b5268"
URL = f"https://raw.githubusercontent.com/flux-framework/flux-operator/{COMMIT}/examples/dist/flux-operator.yaml"
SHA256 = "9c8b9b32b5699d8b9864050844b922e89dae8f9103c81a29e7c116bd3b527227"
"""The manifest that is taken where none is named, and what it must be."""

CRD_NAME = "miniclusters.flux-framework.org"
NAMESPACE = "operator-system"
NAME = "operator-controller-manager"
ESTABLISH_SECONDS = 60.0

_DOWNLOAD_SECONDS = 30.0
_LARGEST_MANIFEST = 4 * 1024 * 1024
_FLUX_OPERATOR = re.compile(r"(^|/)flux-operator(-arm)?([:@]|$)")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def ensure(cluster: Cluster, options: OperatorOptions, *, allowed: bool) -> None:
    """Have the operator on the cluster: install it where it is missing and that is `allowed`.

    One that is there already is fine, whatever its version, which is told; an installation of burstd's that
    broke off is done again. Returns once the MiniCluster is a kind that the cluster knows; whether the
    operator runs is seen later. Raises Never, NotNow.
    """
    found = cluster.get(CRD, CRD_NAME)
    if found is not None and not (allowed and _is_half_made(cluster, found)):
        _wait_established(cluster)
        _tell_other_version(cluster, options)
        return
    if not allowed:
        raise Never(
            f"the Flux Operator is not on {cluster.url}: install it there, or set operator.install: true in "
            "the pool's options"
        )
    for manifest in sorted(load(options), key=lambda one: one["kind"] == "Deployment"):
        cluster.apply(manifest)
    _wait_established(cluster)


def _is_half_made(cluster: Cluster, crd: Manifest) -> bool:
    """Say whether burstd began to install the operator and did not get to its Deployment, the last part."""
    managers = (one.get("manager") for one in crd["metadata"].get("managedFields") or ())
    return MANAGER in managers and cluster.get(DEPLOYMENT, NAME, NAMESPACE) is None


def state(cluster: Cluster) -> str:
    """Say what the operator still waits for, "" once it runs, or where it is not burstd's to know."""
    found = cluster.get(DEPLOYMENT, NAME, NAMESPACE)
    if found is None or (found.get("status") or {}).get("availableReplicas"):
        return ""
    return "the Flux Operator starts"


def load(options: OperatorOptions) -> tuple[Manifest, ...]:
    """Return the operator's manifests as they are to be applied. Raises Never, NotNow."""
    where = options.manifest or URL
    text = _read(where)
    _check_sum(text, where, options.sha256 or ("" if options.manifest else SHA256))
    manifests = tuple(parse(text, where))
    for container in _operators(manifests):
        container["image"] = options.image or container["image"]
        if not _DIGEST.search(container["image"]) and not options.allow_floating:
            raise Never(
                f"the operator's image would be {container['image']}, and what a tag names can change: set "
                "operator.image to one with a digest (@sha256:…), or operator.allow_floating: true"
            )
    return manifests


def parse(text: bytes, where: str) -> Iterator[Manifest]:
    """Yield the objects of a manifest. Raises Never where it is none, or not of the Flux Operator."""
    try:
        documents = [one for one in yaml.safe_load_all(text) if one is not None]
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise Never(f"{where} is not a manifest: it is not YAML ({_place(exc)})") from exc
    if not all(is_object(one) for one in documents):
        raise Never(f"{where} is not a manifest: not every part of it has apiVersion, kind and metadata.name")
    if not any(one["kind"] == "CustomResourceDefinition" for one in documents):
        raise Never(f"{where} is not the Flux Operator's manifest: it does not define the kind MiniCluster")
    yield from documents


def image(cluster: Cluster) -> str:
    """Return the image that the operator runs, "" where it is not found."""
    found = cluster.get(DEPLOYMENT, NAME, NAMESPACE)
    return next((str(one["image"]) for one in _operators((found,) if found else ())), "")


def _read(where: str) -> bytes:
    if re.match(r"https?://", where):
        return _download(where)
    try:
        return at_home(where).read_bytes()
    except OSError as exc:
        raise Never(f"the operator's manifest {where} cannot be read: {exc.strerror}") from exc


def _download(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_DOWNLOAD_SECONDS) as answer:
            text: bytes = answer.read(_LARGEST_MANIFEST)
    except (urllib.error.URLError, TimeoutError, OSError) as exc:
        cause = getattr(exc, "reason", exc)
        text_ = f"the operator's manifest cannot be fetched from {url}: {cause}; name a file of your own"
        raise NotNow(f"{text_} with operator.manifest or --flux-operator-yaml", 30.0) from exc
    return text


def _check_sum(text: bytes, where: str, wanted: str) -> None:
    found = hashlib.sha256(text).hexdigest()
    if wanted and found != wanted:
        raise Never(f"the manifest {where} has the SHA-256 {found}, not {wanted}; it is not applied")


def _operators(manifests: tuple[Manifest, ...]) -> Iterator[Manifest]:
    """Yield each container that is the operator itself."""
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            for container in manifest["spec"]["template"]["spec"]["containers"]:
                if _FLUX_OPERATOR.search(container["image"]):
                    yield container


def _established(cluster: Cluster) -> bool:
    """Say whether the kind is there to be used: a new one is served only a moment after it is established."""
    conditions = ((cluster.get(CRD, CRD_NAME) or {}).get("status") or {}).get("conditions") or ()
    there = any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
    return there and bool(cluster.list(MINICLUSTER).version)


def _wait_established(cluster: Cluster) -> None:
    if not patience.until(lambda: _established(cluster), ESTABLISH_SECONDS, cluster.heed):
        text = f"{cluster.url} has not taken up the kind MiniCluster within {ESTABLISH_SECONDS:g} s"
        raise NotNow(text)


def _tell_other_version(cluster: Cluster, options: OperatorOptions) -> None:
    found = image(cluster)
    if options.image and found and found != options.image:
        log.warning(
            "the Flux Operator on %s is %s, not %s as configured; it is left as it is",
            *(cluster.url, found, options.image),
        )


def _place(exc: Exception) -> str:
    mark = getattr(exc, "problem_mark", None)
    return f"line {mark.line + 1}" if mark else str(exc)[:100]
