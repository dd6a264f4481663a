"""How long `burstd why` takes while 100,000 jobs wait, beside one plan of the same jobs.

A process of its own keeps the snapshot, has it planned once, and answers at a real socket as the daemon does;
with `busy` it plans all the time meanwhile, as a daemon with much to do. Jobs are of fifty users, ask for one
to eight hosts of two pools, and some of them name a pool. Both numbers are told: of the answer alone, over
the socket, and of the command as a process of its own, imports and all, beside `burstd --help`.

    make bench-why
    .venv/bin/python bench/why.py --jobs 10000 --rounds 5
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from burstd.core.jobid import f58
from burstd.core.model import Job, Policy, Snapshot, Wish
from burstd.core.planner import plan
from burstd.engine.client import NAME, question
from burstd.engine.control import Control
from burstd.engine.desk import Desk
from burstd.engine.questions import Questions
from burstd.engine.window import Window
from burstd.engine.witness import Tick
from burstd.testing.builders import NOW, a_job, a_policy, a_pool, a_snapshot, some_hosts

OWNER = "bench"
POOLS = (a_pool("burst-0", 64), a_pool("burst-1", 64, 68, paid=True))
GOAL_SECONDS = 0.1


def main() -> None:
    """Serve where told to, else measure and print."""
    options = _options()
    if options.serve:
        _serve(Path(options.serve), options.jobs, busy=options.busy)
        return
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    print(f"{options.jobs} jobs wait; median of {options.rounds} (fastest to slowest), in milliseconds")
    for busy in (False, True):
        print(f"\nwhile the daemon {'plans all the time' if busy else 'waits'}:")
        _measure(options.jobs, options.rounds, busy=busy)


def _measure(jobs: int, rounds: int, *, busy: bool) -> None:
    with _serving(jobs, busy=busy) as (state, told):
        _say("one plan of the snapshot", told["plan"])
        _say("what the witness adds to a tick", told["witness"])
        one = [_timed(lambda: question(state, "why", {"job": jobs}), rounds), told["plan"]]
        _say("why of the last job, over the socket", one[0])
        _say("why of all, over the socket", _timed(lambda: question(state, "waiting"), rounds))
        base = _timed(lambda: _run("--help"), rounds)
        _say("`burstd --help` as a process", base)
        named = lambda: _run("why", "--socket", str(state / NAME), f58(jobs))  # noqa: E731
        _say("`burstd why --socket` as a process", _timed(named, rounds))
        _say("`burstd why` as a process", _timed(lambda: _run("why", *_where(state), f58(jobs)), rounds))
        ratio = statistics.median(told["plan"]) / statistics.median(one[0])
        fine = "under" if statistics.median(one[0]) < GOAL_SECONDS else "NOT under"
        print(f"  one plan takes {ratio:.0f} times as long as the answer, which is {fine} 100 ms")


def _timed(work: Callable[[], object], rounds: int) -> list[float]:
    work()
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return found


def _say(what: str, seconds: list[float]) -> None:
    middle, low, high = statistics.median(seconds), min(seconds), max(seconds)
    print(f"  {what:38} {middle * 1e3:8.1f}  ({low * 1e3:.1f} to {high * 1e3:.1f})")


def _run(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "burstd", *words], check=True, stdout=subprocess.DEVNULL)


def _where(state: Path) -> tuple[str, ...]:
    return "--config", str(state.parent / "burstd.yaml")


@contextmanager
def _serving(jobs: int, *, busy: bool) -> Iterator[tuple[Path, dict[str, list[float]]]]:
    """Have a process answer; yield its state directory, and what it measured itself."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        state = Path(folder) / OWNER
        state.mkdir(mode=0o700)
        (Path(folder) / "burstd.yaml").write_text(f"owner: {OWNER}\nstate_dir: {folder}\n")
        command = [sys.executable, __file__, "--serve", str(state), "--jobs", str(jobs)]
        command += ["--busy"] if busy else []
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as serving:
            assert serving.stdout is not None
            yield state, json.loads(serving.stdout.readline())
            serving.communicate()


def _serve(state: Path, jobs: int, *, busy: bool) -> None:
    """Answer until the standard input ends."""
    snapshot, policy = _snapshot(jobs), a_policy(*POOLS)
    window, over = Window(policy, Desk().answers["status"]), threading.Event()
    planned, told = [], []
    for number in range(3):
        begun = time.perf_counter()
        made = plan(snapshot, policy, NOW)
        planned.append(time.perf_counter() - begun)
        window.ticked(Tick(snapshot, made, policy, NOW + number, 0.0))
        told.append(time.perf_counter() - begun - planned[-1])
    with closing(Control(state, lambda: None, Questions(lambda: None), window)) as control:
        control.open()
        threading.Thread(
            target=_plan_on, args=(snapshot, policy, over if busy else None), daemon=True
        ).start()
        print(json.dumps({"plan": planned, "witness": told}), flush=True)
        sys.stdin.read()
        over.set()


def _plan_on(snapshot: Snapshot, policy: Policy, over: threading.Event | None) -> None:
    while over is not None and not over.is_set():
        plan(snapshot, policy, NOW)


def _snapshot(jobs: int) -> Snapshot:
    made = tuple(_job(number) for number in range(1, jobs + 1))
    return a_snapshot(hosts=some_hosts(POOLS), jobs=made)


def _job(number: int) -> Job:
    wish = Wish(("", "", "", "burst-0", "burst-1", "burst-9")[number % 6])
    return a_job(number, hosts=1 + number % 8, userid=1000 + number % 50, wish=wish)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serve", default="", help=argparse.SUPPRESS)
    parser.add_argument("--busy", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
