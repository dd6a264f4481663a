"""Kills burstd with SIGKILL at random moments of bursts, and says what was left, lost or run twice.

    make kill-test                          100 kills on a real Flux, half of them with queues
    make kill-test KILLS=20 SEED=7          as many, at the moments that this seed gives
    PYTHONPATH=tests .venv/bin/python -m kill --flux embedded

Exit code 0: nothing was wrong. 1: something was. 77: it did not run, for lack of a real Flux.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
from collections import Counter

from burstd.stage.machine import has_fluxion
from kill.trial import Course, Result, run

NOT_RUN = 77


def main() -> int:
    """Run the courses one after the other, print what came of them, and return the exit code."""
    options = _options()
    if options.flux == "real" and shutil.which("flux") is None:
        print("NOT RUN: no `flux` is on PATH, and only killing burstd beside a real Flux shows anything")
        return NOT_RUN
    print(f"{options.kills} kills with seed {options.seed} (SEED={options.seed} repeats it)", flush=True)
    results = [_run(course) for course in _courses(options)]
    return _report(results, options.seed)


def _run(course: Course) -> Result:
    queues = "with queues" if course.queues else "without queues"
    print(f"\n{course.kills} kills beside {course.flux} Flux, {course.sched}, {queues}:", flush=True)
    return run(course, lambda line: print(f"  {line}", flush=True))


def _courses(options: argparse.Namespace) -> list[Course]:
    """Split the kills over the ways in which a lead schedules."""
    kinds = [("fifo", False), ("fifo", True)]
    if options.flux == "embedded" or has_fluxion():
        kinds += [("easy", False), ("fcfs", True)]
    shares = [options.kills // len(kinds)] * len(kinds)
    shares[0] += options.kills - sum(shares)
    return [
        Course(kills, options.seed + number, options.flux, sched, queues)
        for number, (kills, (sched, queues)) in enumerate(zip(shares, kinds, strict=True))
        if kills
    ]


def _report(results: list[Result], seed: int) -> int:
    moments: Counter[str] = sum((result.moments for result in results), Counter())
    violations = [text for result in results for text in result.violations]
    print("\nWhere the kills hit:")
    for where, count in moments.most_common():
        print(f"  {count:4}  {where}")
    jobs, bursts = sum(result.jobs for result in results), sum(result.bursts for result in results)
    print(f"\n{moments.total()} kills, {jobs} jobs, {bursts} bursts, seed {seed}: ", end="")
    print(f"{len(violations)} violations")
    for text in violations:
        print(f"  {text}")
    if refused := sum(result.refused for result in results):
        print(f"{refused} jobs came in a moment for which a queue of fcfs was open, and were refused by it")
    return 1 if violations else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--flux", choices=("real", "embedded"), default="real")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
