"""`burstd reap`: what runs in the reaper's pod of a burst on Kubernetes."""

from __future__ import annotations

import time
from contextlib import closing

from burstd.core.errors import Never
from burstd.core.silence import LeaseTerms
from burstd.kube import inpod, kubeconfig
from burstd.kube.client import Cluster, connect
from burstd.kube.reaping import Reaper
from burstd.kube.removal import Mine


def reap(mine: Mine, terms: LeaseTerms, kubeconfig_file: str) -> None:
    """Watch a burst's lease and end the burst when nobody renews it. Raises Never where it cannot begin."""
    with closing(_open(kubeconfig_file)) as cluster:
        Reaper(cluster, mine, terms).run(time.sleep)


def _open(file: str) -> Cluster:
    if file:
        return kubeconfig.connect(file)
    access = inpod.access()
    if access is None:
        raise Never("this is no pod with a ServiceAccount's token, so there is no cluster to watch")
    return connect(access)
