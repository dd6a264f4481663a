"""How much burstd adds to the cloud's own latency: a burst to GKE whose every wait is set.

Google's and Kubernetes' machinery is the tests' stand-in, with delays that are known: until a cluster's API
server answers, until the cluster is done, until a machine is there, until an image is pulled. What cannot
be avoided is the longest chain of those: an API server, then a machine, then one image beside the other.
Whatever does not depend on each other must overlap: the rest of the cluster's making, the operator, secrets,
images. Measured is from the job's submit until every broker's container runs: what is beyond the longest
chain is burstd's. What Flux itself takes from there until its brokers are online is told beside it.

    make bench-gke              ten rounds, on a real Flux where there is one
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fakes.chain import Chain, chain
from fakes.gke.settings import Delays
from fakes.operator import Delays as PodDelays

from burstd.stage.flavor import choose

CLOUD = Delays(api=2.0, create=5.0, node=1.5, delete=0.1, labels=0.1)
PODS = PodDelays(pull=1.0, start=0.1, back_off=0.2, retry=0.2)
OPERATOR_SECONDS = 1.0

UNAVOIDABLE = CLOUD.api + CLOUD.node + PODS.pull + 2 * PODS.start
"""An API server, a machine, the images at once, then the two containers of a pod one after the other."""

IN_A_ROW = CLOUD.create + OPERATOR_SECONDS + CLOUD.node + 2 * PODS.pull + 2 * PODS.start
"""The same where each thing waits for the one before."""


def main() -> None:
    """Run the rounds and print what is added."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flux", default="auto", choices=("auto", "real", "embedded"))
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    flavor = choose(options.flux)
    print(f"On {flavor.name} Flux: {flavor.why}")
    print(f"The cloud's own latency: {UNAVOIDABLE:.1f} s; one thing after the other: {IN_A_ROW:.1f} s")
    rounds = [_round(flavor.name, number) for number in range(options.rounds)]
    running = [one.running for one in rounds]
    added = [one - UNAVOIDABLE for one in running]
    spread = f"{min(added):.2f} to {max(added):.2f} s"
    print(f"burstd adds {statistics.median(added):.2f} s (median of {len(added)}; {spread}):")
    share = statistics.median(running) / IN_A_ROW
    print(f"the way to running brokers takes {share:.0%} of what it would in a row.")
    print(f"Flux then takes {statistics.median(one.joining for one in rounds):.2f} s until all are online.")


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds from submit until every broker's container runs, and from there until all are online."""

    running: float
    joining: float


def _round(flavor: str, number: int) -> Round:
    with chain(flavor, delays=CLOUD, pods=PODS, operator_seconds=OPERATOR_SECONDS) as made:
        made.begin()
        begun = time.monotonic()
        made.watch.submit(["true"], 4)
        running = _until_running(made) - begun
        made.watch.until_online(made.stage.pool_hosts)
        joining = time.monotonic() - begun - running
        made.daemon.said("is gone, verified", 60)
    print(f"  round {number + 1:2}: {running:.2f} s, {running - UNAVOIDABLE:.2f} s added", flush=True)
    return Round(running, joining)


def _until_running(made: Chain) -> float:
    """Wait until the brokers' containers run; return when the last of them began to."""
    woken = threading.Event()
    while not (alive := made.gke.alive()):
        time.sleep(0.005)
    name = alive[0].removeprefix("clusters/")
    store = made.gke.cluster(name).api.store
    unsubscribe = store.subscribe(woken.set)
    while sum(_runs(pod) for pod in store.list("pods", name)) < len(made.stage.pool_hosts):
        woken.wait(1.0)
        woken.clear()
    unsubscribe()
    return time.monotonic()


def _runs(pod: dict[str, Any]) -> bool:
    broker = pod["metadata"]["labels"].get("burstd.dev/part") == "broker"
    return broker and pod.get("status", {}).get("phase") == "Running"


if __name__ == "__main__":
    main()
