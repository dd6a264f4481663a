"""`make demo-gke`: a burst to GKE from end to end, with Google's and Kubernetes' machinery played here.

The times are those of this play, shortened; what burstd does in it is all that it does in earnest.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

from burstd.core.hosts import compress, expand
from burstd.core.jobid import f58
from burstd.stage.flavor import choose
from burstd.stage.screen import output_table, phase_table, resource_table
from fakes.chain import Chain, chain
from fakes.gke.settings import Delays
from fakes.operator import Delays as PodDelays

CLOUD = Delays(api=2.0, create=4.0, node=1.5, delete=2.0, labels=0.1)
PODS = PodDelays(pull=1.0, start=0.2, back_off=0.2, retry=0.2)


@dataclass
class Scene:
    """One run: what is said on the screen, and how long each part took."""

    chain: Chain
    times: list[tuple[str, float]] = field(default_factory=list)

    def play(self) -> None:
        say("\n$ burstd --config burstd.yaml")
        self.chain.begin()
        self.burst()
        self.release()
        self.chain.daemon.stop()
        say(f"\nMachine time that GKE would have billed: {self.chain.gke.machine_seconds:.0f} s")
        say("\nSeconds of each phase:\n" + phase_table(self.times))

    def burst(self) -> None:
        begun = time.monotonic()
        say("\n$ flux submit -N 4 --setattr=burstable hostname")
        job = self.chain.watch.submit(["hostname"], 4)
        say(f58(job))
        view = self.chain.watch.until_online(self.chain.stage.pool_hosts)
        self.timed("job submitted until 4 hosts of a new cluster are online", begun)
        begun = time.monotonic()
        ranks = self.chain.watch.until_ended(job)
        names = [host for one in self.chain.stage.declared for host in expand(one.hosts)]
        hosts = [names[rank] for rank in ranks]
        lines = self.chain.watch.output(job)
        say(f"\nJob {f58(job)} ran on {compress(hosts)}:\n{output_table(lines, hosts)}")
        self.timed("hosts online until the job's output is read", begun)
        say(f"\nResources during the burst:\n{resource_table(view)}")
        say(f"\nWhat GKE has now: {', '.join(self.chain.gke.alive())}")

    def release(self) -> None:
        begun = time.monotonic()
        say("\nNothing more to do: burstd takes everything away ...")
        self.chain.daemon.said("is gone, verified", 60)
        self.timed("last job ended until nothing costs any more, verified", begun)
        say(f"\nWhat GKE has now: {', '.join(self.chain.gke.alive()) or 'nothing'}")

    def timed(self, what: str, begun: float) -> None:
        self.times.append((what, time.monotonic() - begun))


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Play it on the Flux that is here, else on the embedded instance."""
    flavor = choose(sys.argv[1] if len(sys.argv) > 1 else "auto")  # type: ignore[arg-type]
    say(f"burstd to GKE, on {flavor.name} Flux: {flavor.why}")
    say("Google Kubernetes Engine and the clusters are stand-ins on this machine; pods are real processes.")
    with chain(flavor.name, delays=CLOUD, pods=PODS, say=lambda line: say(f"  burstd | {line}")) as made:
        Scene(made).play()
    say("Every cluster, broker, process and file of the demo is gone.")


if __name__ == "__main__":
    main()
