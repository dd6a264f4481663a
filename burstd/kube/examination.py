"""What a person has examined of a cluster and of a pool's papers for it. Nothing is changed."""

from __future__ import annotations

import time
from collections.abc import Iterator

from burstd.core.findings import Check, Finding, State, failed, guarded, not_checked, ok, warning
from burstd.join.papers import Join
from burstd.kube import answers, extras, operator, rights
from burstd.kube.client import Cluster
from burstd.kube.kinds import CRD, DEPLOYMENT, SECRET, Manifest
from burstd.kube.options import KubeOptions

SKEW_SECONDS = 30.0
"""How far two clocks may be apart before it is told: leases and tokens bear minutes."""

LARGE_SKEW_SECONDS = 300.0


def of_cluster(cluster: Cluster, options: KubeOptions, join: Join, *, may_install: bool) -> Iterator[Finding]:
    """Yield the findings about a cluster that is there."""
    found = tuple(guarded(Check.CREDENTIALS, _server(cluster)))
    yield from found
    if found[0].state is not State.OK:
        for check in (Check.PERMISSIONS, Check.OPERATOR, Check.SECRETS):
            yield not_checked(check, f"{cluster.url} does not answer as it should")
        return
    yield from guarded(Check.PERMISSIONS, _permissions(cluster, may_install=may_install))
    yield from guarded(Check.OPERATOR, _operator(cluster, options, may_install=may_install))
    yield from guarded(Check.SECRETS, _secrets(options, join, cluster))


def clock_of(cluster: Cluster) -> Iterator[Finding]:
    """Yield how far the clock of a cluster's API server is from this machine's. Raises NotNow, Never."""
    before = time.time()
    found = answers.server(cluster)
    yield _clock(cluster, found.time, before, time.time())


def of_papers(options: KubeOptions, join: Join) -> Iterator[Finding]:
    """Yield the findings about a pool whose clusters burstd itself makes, from files alone."""
    yield from guarded(Check.OPERATOR, _manifest(options))
    yield from guarded(Check.SECRETS, _secrets(options, join, None))


def _server(cluster: Cluster) -> Iterator[Finding]:
    before = time.time()
    found = answers.server(cluster)
    after = time.time()
    yield ok(Check.CREDENTIALS, f"{cluster.url} answers, Kubernetes {found.version}")
    yield _clock(cluster, found.time, before, after)


def _clock(cluster: Cluster, theirs: float | None, before: float, after: float) -> Finding:
    """The server's time is in whole seconds, cut off."""
    if theirs is None:
        return not_checked(Check.CLOCK, f"{cluster.url} does not say what time it has")
    skew = max(before - (theirs + 1.0), theirs - after, 0.0)
    remedy = "have both keep time by NTP: leases, tokens and certificates go by the clock"
    text = f"the clock of {cluster.url} and this machine's are {skew:.0f} s apart"
    if skew > LARGE_SKEW_SECONDS:
        return failed(Check.CLOCK, text, remedy)
    if skew > SKEW_SECONDS:
        return warning(Check.CLOCK, text, remedy)
    return ok(Check.CLOCK, f"the clock of {cluster.url} is this machine's")


def _permissions(cluster: Cluster, *, may_install: bool) -> Iterator[Finding]:
    wanted = rights.USED + (rights.INSTALLING if may_install and _has_no_operator(cluster) else ())
    missing = answers.lacking(cluster, wanted)
    if missing:
        what = f"burstd may not, on {cluster.url}: {', '.join(map(str, missing))}"
        remedy = "give its user these rights: deploy/rights.yaml has all; docs/kubernetes.md says what for"
        yield failed(Check.PERMISSIONS, what, remedy)
    elif lost := answers.lacking(cluster, rights.DISPENSABLE):
        what = f"burstd may not, on {cluster.url}: {', '.join(map(str, lost))}"
        remedy = "burstd works without; with it, it hears sooner that a machine is taken back"
        yield warning(Check.PERMISSIONS, what, remedy)
    else:
        yield ok(Check.PERMISSIONS, f"burstd has on {cluster.url} the rights that it uses")


def _has_no_operator(cluster: Cluster) -> bool:
    return cluster.get(CRD, operator.CRD_NAME) is None


def _operator(cluster: Cluster, options: KubeOptions, *, may_install: bool) -> Iterator[Finding]:
    if _has_no_operator(cluster):
        if may_install:
            yield from _manifest(options)
        else:
            what = f"the Flux Operator is not on {cluster.url}"
            yield failed(Check.OPERATOR, what, "install it there, or set operator.install: true")
        return
    found = cluster.get(DEPLOYMENT, operator.NAME, operator.NAMESPACE)
    image, wanted = operator.image(cluster), options.operator_chosen.image
    if found is not None and not (found.get("status") or {}).get("availableReplicas"):
        what = f"the Flux Operator on {cluster.url} does not run: no replica of it is available"
        yield failed(Check.OPERATOR, what, f"kubectl -n {operator.NAMESPACE} describe pods tells why")
    elif wanted and image and image != wanted:
        what = f"the Flux Operator on {cluster.url} is {image}, not {wanted} as configured"
        yield warning(Check.OPERATOR, what, "burstd leaves it as it is: change the one or the other")
    else:
        yield ok(Check.OPERATOR, f"the Flux Operator is on {cluster.url}{f': {image}' if image else ''}")


def _manifest(options: KubeOptions) -> Iterator[Finding]:
    chosen = options.operator_chosen
    manifests = operator.load(chosen)
    where = chosen.manifest or operator.URL
    yield ok(Check.OPERATOR, f"the Flux Operator's manifest {where} can be applied: {len(manifests)} objects")


def _secrets(options: KubeOptions, join: Join, cluster: Cluster | None) -> Iterator[Finding]:
    """Look at what the burst's namespace, new each time, gets from files, and from Secrets that are there."""
    made = tuple(extras.load(options.manifests))
    troubles = [*_pull_secret(options, made), *_named_secrets(options, join, cluster)]
    yield from troubles
    if not troubles:
        pull = options.pull_secret
        text = (
            f"the pull secret {pull} comes with the burst" if pull else "images are pulled without a secret"
        )
        yield ok(Check.SECRETS, text)


def _pull_secret(options: KubeOptions, made: tuple[Manifest, ...]) -> Iterator[Finding]:
    name = options.pull_secret
    found = next((one for one in made if one["kind"] == "Secret" and one["metadata"]["name"] == name), None)
    if not name:
        return
    if found is None:
        what = f"nothing puts the pull secret {name} into the burst's namespace, which is new each time"
        yield failed(Check.SECRETS, what, "name a file with it in `manifests` of the pool, of mode 0600")
    elif found.get("type") not in ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"):
        kind = found.get("type") or "Opaque"
        what = f"the pull secret {name} has the type {kind}, with which nothing is pulled"
        yield failed(Check.SECRETS, what, "make it with `kubectl create secret docker-registry`")


def _named_secrets(options: KubeOptions, join: Join, cluster: Cluster | None) -> Iterator[Finding]:
    """A Secret that is to be there already can be so only on a cluster that is."""
    for name, key in ((join.curve_cert_secret, "curve.cert"), (join.munge_key_secret, "munge.key")):
        if not name:
            continue
        where = f"{options.secret_namespace}/{name}"
        if cluster is None:
            what = f"the Secret {where} cannot be on a cluster that burstd has yet to make"
            yield failed(Check.SECRETS, what, "leave its name out: burstd brings the file itself")
        elif not _holds(cluster.get(SECRET, name, options.secret_namespace), key):
            what = f"on {cluster.url} no Secret {where} has a {key}"
            yield failed(Check.SECRETS, what, "make it, or name a file")


def _holds(secret: Manifest | None, key: str) -> bool:
    return secret is not None and key in (secret.get("data") or {})
