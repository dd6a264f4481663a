"""Runs the matrix: `python -m crash.matrix`, see its `--help`."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import burstd
from crash.cases import NotClean, tiers
from crash.fate import Case
from crash.points import Death
from crash.run import Run


@dataclass(frozen=True, slots=True)
class Result:
    """How one case went. `counts` is False where it came to nothing: its recovery had no such step."""

    case: Case
    violations: tuple[str, ...]
    counts: bool


def result_of(case: Case) -> Result:
    """Run one case. Whatever breaks is a violation too."""
    run = Run(case)
    try:
        run.go()
    except (Exception, Death) as exc:
        run.say("the run itself", f"{type(exc).__name__}: {exc}")
    deaths = run.fate.deaths
    if case.boundary is not None and deaths == 0:
        run.say("the run itself", "the crash point was never hit")
    counts = deaths == 2 or not case.recovery
    return Result(case, tuple(run.violations), counts)


def results(cases: Iterable[Case], workers: int) -> Iterator[Result]:
    """Run cases on so many processes; one is this one."""
    if workers < 2:
        yield from map(result_of, cases)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(result_of, cases, chunksize=8)


def main() -> int:
    """Run what is asked for; return 1 where anything is violated."""
    asked = _asked()
    expected = os.environ.get("BURSTD_EXPECTED", "")
    assert burstd.__file__.startswith(expected), f"{burstd.__file__} runs, not what is in {expected}"
    try:
        whole = tiers()
    except (NotClean, Death) as exc:
        print("  a run in which nothing goes wrong", f"    {exc}", "violated", sep="\n")
        return 1
    failed, total, began = 0, 0, time.monotonic()
    for tier, cases in whole.items():
        if asked.tier and not tier.startswith(asked.tier):
            continue
        chosen = [case for case in cases if asked.script in ("", case.script) and asked.only in str(case)]
        counted, bad, at = 0, 0, time.monotonic()
        for one in results(chosen[:: asked.every], asked.workers):
            counted += one.counts
            bad += bool(one.violations)
            if one.violations and failed + bad <= asked.show:
                print(f"  {one.case}", *(f"    {text}" for text in one.violations), sep="\n")
            if bad and asked.first:
                print("violated")
                return 1
        print(f"{tier}: {counted} cases, {bad} violated, {time.monotonic() - at:.0f} s", flush=True)
        failed, total = failed + bad, total + counted
    print(f"in all: {total} cases, {failed} violated, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crash.matrix")
    parser.add_argument("--tier", default="", help="only this tier, by how its name begins")
    parser.add_argument("--script", default="", help="only this script")
    parser.add_argument("--only", default="", help="only cases whose name has this text")
    parser.add_argument("--first", action="store_true", help="end with the first violation")
    parser.add_argument("--every", type=int, default=1, help="only every so many cases")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--show", type=int, default=20, help="how many violated cases are told")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
