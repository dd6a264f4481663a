"""How much burstd adds: seconds from submit to job start, through burstd and with brokers started by hand.

Both ways run side by side, in turn, on one stage: a lead of two hosts and a pool of four that is down. A
job asks for all four. By hand, the four brokers are started at the moment of the submit, which is
the floor. Through burstd, the daemon sees the job and starts them. Times are the job's own events.

    make bench-burst            ten rounds on a real Flux
    .venv/bin/python bench/burst.py --flux embedded --rounds 3
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from burstd.stage.daemon import DaemonProcess
from burstd.stage.flavor import choose
from burstd.stage.lead import Stage
from burstd.stage.output import follow
from burstd.stage.watch import PATIENCE_SECONDS, Watch

BURST_ONLY = {"properties": ["burst"]}
IDLE_SECONDS = 0.2


def main() -> None:
    """Run the rounds and print both columns and what burstd adds."""
    options = _options()
    flavor = choose(options.flux)
    print(f"On {flavor.name} Flux: {flavor.why}")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        stage = stack.enter_context(Stage(directory / "stage", flavor.name))
        watch = stack.enter_context(Watch(stage.uri))
        rounds = [_round(stage, watch, directory, number) for number in range(options.rounds)]
    _report(rounds)


def _round(stage: Stage, watch: Watch, directory: Path, number: int) -> tuple[float, float]:
    hand = _by_hand(stage, watch)
    daemon = _through_burstd(stage, watch, directory / f"round-{number}.yaml")
    print(f"  round {number + 1:2}: by hand {hand:.3f} s, through burstd {daemon:.3f} s", flush=True)
    return hand, daemon


def _by_hand(stage: Stage, watch: Watch) -> float:
    job = _submit(watch)
    stage.start_hosts(stage.pool_hosts)
    seconds = _until_start(watch, job)
    for host in stage.pool_hosts:
        stage.stop_host(host)
    watch.until_released(stage.pool_hosts)
    return seconds


def _through_burstd(stage: Stage, watch: Watch, path: Path) -> float:
    pool = {"name": "burst-0", "provider": "local", "idle_seconds": IDLE_SECONDS}
    config = {"owner": "bench", "state_dir": str(path.parent / "state"), "pools": [pool]}
    with DaemonProcess(config, path, stage.environment()) as daemon:
        daemon.start()
        daemon.said("serving the lead", PATIENCE_SECONDS)
        seconds = _until_start(watch, _submit(watch))
        daemon.said("is gone, verified", PATIENCE_SECONDS)
        watch.until_released(stage.pool_hosts)
        daemon.stop()
    return seconds


def _submit(watch: Watch) -> int:
    return watch.submit(["true"], 4, requires=BURST_ONLY)


def _until_start(watch: Watch, job: int) -> float:
    """Return the seconds between the job's own events submit and start (RFC 21)."""
    times = {event["name"]: event["timestamp"] for event in follow(watch.handle, job, "eventlog", 60)}
    return float(times["start"] - times["submit"])


def _report(rounds: Sequence[tuple[float, float]]) -> None:
    hand = [one for one, _ in rounds]
    burstd = [one for _, one in rounds]
    print(f"\n  {'seconds from submit to start':<30} {'median':>8} {'lowest':>8} {'highest':>8}")
    for name, values in (("by hand (the floor)", hand), ("through burstd", burstd)):
        median = statistics.median(values)
        print(f"  {name:<30} {median:8.3f} {min(values):8.3f} {max(values):8.3f}")
    overhead = statistics.median(burstd) - statistics.median(hand)
    ratio = statistics.median(burstd) / statistics.median(hand)
    print(
        f"\n  burstd adds {overhead:.3f} s in the median ({ratio:.2f} times the floor), {len(rounds)} rounds"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--flux", choices=("real", "embedded", "auto"), default="real")
    parser.add_argument("--rounds", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
