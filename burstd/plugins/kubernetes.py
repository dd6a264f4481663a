"""Bursts on a Kubernetes cluster that is there already: EKS, AKS, on-premises, by kubeconfig and context."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from pydantic import Field

from burstd.core.errors import Never, NotNow
from burstd.kube import checks, examination, kubeconfig, minicluster, testimony
from burstd.kube.client import PATIENCE_SECONDS
from burstd.kube.ground import Ground, Machine
from burstd.kube.kinds import Manifest
from burstd.kube.options import KubeOptions, read_options
from burstd.kube.refusals import Unauthorized
from burstd.plugins.contract import (
    Finding,
    Join,
    Listing,
    Order,
    Pool,
    Problem,
    Provider,
    Setting,
    Shape,
    Shrinks,
    Site,
)

log = logging.getLogger(__name__)


class KubernetesOptions(KubeOptions):
    """Options of the provider `kubernetes`."""

    kubeconfig: str = Field(
        default="", description="The kubeconfig file. Empty: `$KUBECONFIG`, else `~/.kube/config`."
    )
    context: str = Field(default="", description="The context in it. Empty: its current one.")
    paid: bool = Field(
        default=False,
        description="Whether hosts there cost money, as where an autoscaler adds machines for them: then the "
        "limits for paid pools apply.",
    )
    patience_seconds: float = Field(
        default=PATIENCE_SECONDS,
        gt=0,
        description="How long a call is tried again while the API server does not answer, in seconds.",
    )
    listing_seconds: float = Field(
        default=1.0, gt=0, description="The least time between two listings, in seconds."
    )


def make(setting: Setting) -> Provider:
    """Return the provider of one pool. Raises ConfigError on bad options."""
    return Kubernetes(setting, read_options(KubernetesOptions, setting.options, setting.path))


class Kubernetes:
    """A site is a namespace of the cluster; the cluster itself is nobody's to make or remove."""

    shape: Shape | None = None
    shrinks: Shrinks = "top"

    def __init__(self, setting: Setting, options: KubernetesOptions) -> None:
        self.paid = options.paid
        self.renewal_seconds = setting.lease.renewal_seconds if setting.lease else 0.0
        self._lease = setting.lease
        self.listing_seconds = options.listing_seconds
        self._options = options
        self._opened = Opened(lambda: self._open(setting))

    def close(self) -> None:
        """Drop the connection; nothing is taken away."""
        self._opened.close()

    def check(self, pool: Pool, join: Join) -> tuple[Problem, ...]:
        found = list(checks.problems(pool, join, self._options, paid=self.paid, lease=self._lease))
        try:
            self.observe()
        except Never as exc:
            found.append(Problem("options.kubeconfig", str(exc)))
        except NotNow as exc:
            log.warning("pool %s: its cluster was not seen: %s; burstd tries again", pool.name, exc)
        return tuple(found)

    def diagnose(self, pool: Pool, join: Join) -> Iterator[Finding]:  # noqa: ARG002  its rights are for all
        with self._connected() as ground:
            install = self._options.operator.install
            yield from examination.of_cluster(ground.cluster, self._options, join, may_install=install)

    def logs(self, site: Site) -> Iterator[tuple[str, str]]:
        with self._connected() as ground:
            yield from testimony.logs(ground.cluster, site)

    def certificate(self, site: Site) -> str | None:
        with self._connected() as ground:
            return testimony.certificate(ground.cluster, site)

    def observe(self) -> Listing:
        with self._connected() as ground:
            return Listing(ground.observe())

    def provision(self, order: Order) -> None:
        with self._connected() as ground:
            ground.heeding(order).prepare(order)

    def launch(self, order: Order) -> None:
        with self._connected() as ground:
            ground.heeding(order).launch(order)

    def resize(self, order: Order) -> None:
        with self._connected() as ground:
            ground.heeding(order).resize(order)

    def remove(self, site: Site) -> None:
        with self._connected() as ground:
            ground.remove(site)

    def renew(self, site: Site, *, busy: bool) -> None:
        self._opened().renew(site, busy=busy)

    def owners(self) -> tuple[str, ...]:
        return tuple(sorted(self._opened().owners()))

    def manifests(self, order: Order) -> tuple[Manifest, ...]:
        return minicluster.manifests(order, self._options, Machine(), self._lease)

    def kubeconfig(self, site: Site) -> str:
        return kubeconfig.minified(self._options.kubeconfig, self._options.context, site.name)

    @contextmanager
    def _connected(self) -> Iterator[Ground]:
        """Give what is on the cluster. After a refusal of credentials the kubeconfig is read again."""
        try:
            yield self._opened()
        except Unauthorized:
            self._opened.close()
            raise

    def _open(self, setting: Setting) -> Ground:
        options = self._options
        cluster = kubeconfig.connect(options.kubeconfig, options.context, options.patience_seconds)
        return Ground(
            cluster,
            setting.owner,
            options,
            Machine(),
            made=False,
            changed=setting.changed,
            lease=setting.lease,
        )


class Opened:
    """A connection that is opened when it is first needed, by whichever thread."""

    def __init__(self, open_: Callable[[], Ground]) -> None:
        self._open = open_
        self._lock = Lock()
        self._ground: Ground | None = None

    def __call__(self) -> Ground:
        with self._lock:
            if self._ground is None:
                self._ground = self._open()
            return self._ground

    def close(self) -> None:
        with self._lock:
            if self._ground is not None:
                self._ground.close()
            self._ground = None
