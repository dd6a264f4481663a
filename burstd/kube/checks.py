"""What would keep a pool from being brought up on Kubernetes, as far as it can be told beforehand.

Nothing is asked of a cluster here; only files are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from burstd.core.errors import CertificateError, Never, Problem
from burstd.core.hosts import compress
from burstd.core.model import Pool
from burstd.core.silence import Lease
from burstd.join import curve
from burstd.join.papers import Join
from burstd.kube import extras, minicluster, operator
from burstd.kube.options import KubeOptions


def problems(
    pool: Pool, join: Join, options: KubeOptions, *, paid: bool, lease: Lease | None
) -> Iterator[Problem]:
    """Yield each problem; their paths are relative to the pool."""
    yield from _host_problems(pool)
    yield from _lease_problems(paid, lease)
    if not minicluster.image(options, join):
        yield Problem(
            "options.image", "missing: the image in which brokers and jobs run", "set it, or lead.image"
        )
    for index, container in enumerate(options.containers):
        if not container.get("name") or not container.get("image"):
            where = f"options.containers[{index}]"
            yield Problem(where, "has no name or no image", "the Flux Operator ignores such a MiniCluster")
    yield from _operator_problems(options)
    yield from _manifest_problems(options)
    try:
        minicluster.broker_toml(join)
    except Never as exc:
        yield Problem("", str(exc))
    yield from _certificate_problems(join)


def _host_problems(pool: Pool) -> Iterator[Problem]:
    wanted = tuple(f"{pool.name}-{index}" for index in range(pool.size))
    if pool.hosts != wanted:
        what = f"its hosts are {compress(pool.hosts)}, but pods will be called {compress(wanted)}"
        yield Problem("hosts", what, "name the pool after its hosts: the Flux Operator numbers them from 0")


def _lease_problems(paid: bool, lease: Lease | None) -> Iterator[Problem]:
    """A paid burst that nothing would end is somebody's decision, not an oversight."""
    if paid and lease is not None and not lease.image:
        yield Problem(
            "provider",
            "its hosts cost money, and without lease.image nothing would end a burst whose burstd is gone",
            "set lease.image to burstd's own image, or lease.off: true to do without",
        )


def _operator_problems(options: KubeOptions) -> Iterator[Problem]:
    """A manifest that lies here is looked into now; one that is to be fetched, when it is needed."""
    chosen = options.operator_chosen
    if chosen.manifest and "://" not in chosen.manifest:
        try:
            operator.load(chosen)
        except Never as exc:
            yield Problem("options.operator", str(exc))
    elif not chosen.image and not chosen.manifest and not chosen.allow_floating:
        yield Problem(
            "options.operator.image",
            "missing: the operator's image by its digest; the manifest itself names a tag, which can change",
            "set it to …/flux-operator@sha256:…, give --flux-operator-yaml a manifest that has one, or set "
            "operator.allow_floating: true",
        )


def _manifest_problems(options: KubeOptions) -> Iterator[Problem]:
    for index, file in enumerate(options.manifests):
        try:
            list(extras.load((file,)))
        except Never as exc:
            yield Problem(f"options.manifests[{index}]", str(exc))


def _certificate_problems(join: Join) -> Iterator[Problem]:
    if join.curve_cert_secret:
        return
    try:
        curve.read(join.curve_cert)
    except CertificateError as exc:
        yield Problem("", str(exc), "its brokers need the lead's own certificate")
