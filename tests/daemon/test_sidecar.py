"""A lead that is a MiniCluster, as `burstd render lead` prints it: burstd beside the broker in each pod."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.chain import DIGEST, OPERATOR_YAML
from fakes.kube import ApiServer
from fakes.operator import Delays, ImageBehaviour, Operator, install

from burstd.cli import rendered
from burstd.config import Config
from burstd.kube.client import Access, connect
from burstd.kube.kinds import MINICLUSTER
from burstd.lead.connect import opener
from burstd.stage import machine
from burstd.stage.watch import Watch

FLUX, BURSTD = "registry.example.org/flux:0.88.0", "registry.example.org/burstd:0.1.0-flux0.88.0"
ENTRYPOINT = (sys.executable, "-m", "burstd", "--stand-by", "--config", "/etc/burstd/burstd.yaml")
"""What the image's entrypoint and arguments come to."""

QUICK = Delays(back_off=0.2, retry=0.2)


@dataclass
class Place:
    """The cluster of the lead, that of its bursts, and the folder of the lead's pods."""

    lead: ApiServer
    bursts: ApiServer
    pods: Path

    def apply(self, text: str) -> None:
        """Make what a YAML stream holds, as kubectl would, once the kind MiniCluster is served."""
        with closing(connect(Access(self.lead.url))) as cluster:
            self.until(lambda: cluster.list(MINICLUSTER).version, "the kind is served")
            for one in yaml.safe_load_all(text):
                cluster.apply(one)

    def said(self, host: str) -> str:
        """Return what burstd said in a host's pod."""
        logs = self.lead.store.logs.items()
        return "".join(
            text for (_, pod, name), text in logs if name == "burstd" and pod.startswith(f"{host}-")
        )

    def until(self, so: Callable[[], Any], what: str, seconds: float = 60.0) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not so():
            told = self.said("flux-sample-0") + self.said("flux-sample-1")
            assert time.monotonic() < deadline, f"not so in time: {what}\n{told}"
            time.sleep(0.05)

    def lead_uri(self) -> str:
        """Return what FLUX_URI is in the pod of rank 0."""
        uris = [f"local://{path}" for path in self.pods.glob("*/v/*/config/run/flux/local")]
        return next(uri for uri in uris if rank_at(uri) == "0")


def rank_at(uri: str) -> str:
    """Return the rank of the broker at a socket."""
    with closing(opener(uri)()) as handle:
        return str(handle.rpc("attr.get", {"name": "rank"})["value"])


@pytest.fixture
def place() -> Iterator[Place]:
    """Two clusters, each with its operator; burst-0 is bursted to the second by the kubernetes provider."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="car-"))).resolve()
        lead, bursts = stack.enter_context(ApiServer()), stack.enter_context(ApiServer())
        port = machine.free_port()
        install(lead.store)
        images = {FLUX: ImageBehaviour(), BURSTD: ImageBehaviour(entrypoint=ENTRYPOINT)}
        stack.enter_context(
            Operator(
                lead.store,
                directory=directory / "l",
                flavor="real",
                images=images,
                delays=QUICK,
                port=port,
            )
        )
        stack.enter_context(Operator(bursts.store, directory=directory / "b", flavor="real", delays=QUICK))
        bursts.write_kubeconfig(directory / "kubeconfig")
        made = Place(lead, bursts, directory / "l")
        text = rendered.lead(a_config(directory, port), gateway=False)
        made.apply(text.replace("/var/lib/burstd", str(directory / "state")))
        yield made


def a_config(directory: Path, port: int) -> Config:
    options = {
        "kubeconfig": str(directory / "kubeconfig"),
        "operator": {"manifest": str(OPERATOR_YAML), "image": DIGEST, "install": True},
        "listing_seconds": 0.1,
    }
    pool = {"name": "burst-0", "provider": "kubernetes", "size": 2, "cores": 1, "idle_seconds": 1.0}
    lead = {
        "hosts": "flux-sample-[0-1]",
        "cores": 1,
        "image": FLUX,
        "host": "127.0.0.1",
        "port": port,
        "start_queues": ["batch", "mixed"],
        "minicluster": {"burstd_image": BURSTD},
    }
    return Config.model_validate({"owner": "car", "lead": lead, "pools": [pool | {"options": options}]})


@pytest.mark.process
@pytest.mark.real_flux
def test_a_lead_on_kubernetes_bursts_from_its_sidecar(place: Place) -> None:
    """The sidecar of rank 0 serves, the other stands by; hosts come from the other cluster, and go."""
    place.until(lambda: "serving the lead" in place.said("flux-sample-0"), "the sidecar of rank 0 serves")
    place.until(lambda: "stands by" in place.said("flux-sample-1"), "the other sidecar stands by")
    with Watch(place.lead_uri()) as watch:
        job = watch.submit(["hostname"], 2, queue="burst-0")
        assert watch.until_ended(job, 60) == (2, 3)
        place.until(lambda: "is gone, verified" in place.said("flux-sample-0"), "the burst is gone")
    assert place.bursts.store.list("miniclusters.flux-framework.org") == []
    assert "Traceback" not in place.said("flux-sample-0") + place.said("flux-sample-1")
    pods = place.lead.store.list("pods")
    restarts = [status["restartCount"] for pod in pods for status in pod["status"]["containerStatuses"]]
    assert restarts == [0, 0, 0, 0]
