"""The whole chain on one machine: a lead, burstd as a process, a GKE, its clusters, their pods as brokers.

Only Google's and Kubernetes' own machinery is a stand-in; the lead and the brokers are a Flux (or the
embedded instance), burstd is what is installed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burstd.plugins.local.broker import FlavorName
from burstd.stage.daemon import DaemonProcess
from burstd.stage.lead import Stage
from burstd.stage.watch import Watch
from fakes.gke import FakeGke
from fakes.gke.settings import Delays
from fakes.kube import ApiServer
from fakes.operator import Delays as PodDelays
from fakes.operator import ImageBehaviour, Operator

OPERATOR_YAML = Path(__file__).parent / "flux-operator.yaml"
DIGEST = "registry.example.org/flux-operator@sha256:" + "0" * 64
IMAGE = "registry.example.org/flux:0.88.0"
MACHINE_TYPE = "n2-standard-2"
POOL_CORES = 1
"""Of an n2-standard-2, as Flux counts cores."""


@dataclass
class Chain:
    """A lead that is up, a GKE with nothing in it, and a burstd that is not started yet."""

    stage: Stage
    gke: FakeGke
    watch: Watch
    daemon: DaemonProcess
    directory: Path
    clusters: list[ApiServer] = field(default_factory=list)
    """The API server of every cluster that there ever was."""

    def begin(self) -> None:
        """Start burstd and wait until it serves."""
        self.daemon.start()
        self.daemon.said("serving the lead", 30)


@contextmanager
def chain(
    flavor: FlavorName,
    *,
    delays: Delays | None = None,
    pods: PodDelays | None = None,
    say: Callable[[str], None] = lambda _: None,
    options: dict[str, Any] | None = None,
    operator_seconds: float = 0.02,
    images: Mapping[str, ImageBehaviour] | None = None,
    lead: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    token: Callable[[], str | None] | None = None,
    variables: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
    **pool: Any,
) -> Iterator[Chain]:
    """Give the chain; `options` and `pool` are settings of burstd's only pool, `operator_seconds` is
    what the Flux Operator takes to start, `images` all that registries have, `lead` what else its section
    says, `settings` what stands beside it, `token` what Google and its clusters let in, `variables` and
    `flags` what burstd is started with. Nothing is left at the end.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chain-"))).resolve()
        stage = stack.enter_context(
            Stage(directory / "lead", flavor, pool_cores=POOL_CORES, queues=True, start_queues=True)
        )

        clusters: list[ApiServer] = []

        def attach(name: str, api: ApiServer) -> Operator:
            clusters.append(api)
            api.pace.deployment_seconds = operator_seconds
            return Operator(
                api.store,
                directory=directory / name,
                flavor=flavor,
                delays=pods or PodDelays(back_off=0.2, retry=0.2),
                nodes="listed",
                images=images,
            )

        gke = stack.enter_context(FakeGke(delays, attach, token))
        config = _config(stage, gke, directory, options or {}, pool)
        config["lead"] |= lead or {}
        config |= settings or {}
        surroundings = {**stage.environment(), **(variables or {})}
        daemon = DaemonProcess(config, directory / "burstd.yaml", surroundings, say, flags)
        stack.enter_context(daemon)
        watch = stack.enter_context(Watch(stage.uri, daemon.check))
        yield Chain(stage, gke, watch, daemon, directory, clusters)


def _config(
    stage: Stage, gke: FakeGke, directory: Path, options: dict[str, Any], pool: dict[str, Any]
) -> dict[str, Any]:
    written = {
        "project": "test-project",
        "zone": "us-central1-a",
        "machine_type": MACHINE_TYPE,
        "image": IMAGE,
        "insecure_endpoint": gke.endpoint,
        "operator": {"manifest": str(OPERATOR_YAML), "image": DIGEST},
    }
    return {
        "owner": "chain",
        "state_dir": str(directory / "state"),
        "lease": {"image": "registry.example.org/burstd:1"},
        "lead": {"host": "127.0.0.1", "port": stage.port, "curve_cert": str(stage.curve_cert)},
        "pools": [
            {"name": "burst-0", "provider": "gke", "idle_seconds": 1.0}
            | pool
            | {"options": written | options}
        ],
    }
