"""One run: burstd is killed again and again, started again each time, and in the end left in peace."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from burstd.stage.daemon import DaemonProcess
from burstd.stage.flavor import Wanted, choose
from burstd.stage.lead import Sched, Stage
from burstd.stage.leavings import sweep
from burstd.stage.watch import Watch
from kill.leftovers import OWNER, at_the_lead, bursts, moment, on_the_machine, queue_states
from kill.workload import Workload

IDLE_SECONDS = 0.5
LONGEST_LIFE_SECONDS = 5.0
PEACE_SECONDS = 120.0

SHARE_AT_START = 0.2
"""The share of kills that may hit a burstd that only starts."""

NEVER_SAID = 1_000_000
"""More lines than any burstd says before it is killed."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is run: how many kills, by which seed, on which Flux, scheduler and queues."""

    kills: int
    seed: int
    flux: Wanted = "real"
    sched: Sched = "fifo"
    queues: bool = False


@dataclass
class Result:
    """What came of it: where the kills hit, how many jobs there were, and what was wrong at the end."""

    moments: Counter[str] = field(default_factory=Counter)
    jobs: int = 0
    bursts: int = 0
    refused: int = 0
    violations: list[str] = field(default_factory=list)


def run(course: Course, say: Callable[[str], None] = lambda _: None) -> Result:
    """Play one course and return what came of it; everything that was started is ended, whatever happens."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kill-")))
        flavor = choose(course.flux).name
        options = {"sched": course.sched, "queues": course.queues, "start_queues": course.queues}
        stage = stack.enter_context(Stage(directory / "stage", flavor, **options))
        stack.callback(sweep, stage, OWNER, directory / "s")
        watch = stack.enter_context(Watch(stage.uri))
        trial = _Trial(course, stage, watch, directory, say)
        with trial.daemon:
            trial.play()
    return trial.result


class _Trial:
    def __init__(
        self, course: Course, stage: Stage, watch: Watch, directory: Path, say: Callable[[str], None]
    ) -> None:
        self.course = course
        self.stage = stage
        self.watch = watch
        self.state = directory / "s"
        self.say = say
        self.dice = random.Random(course.seed)
        self.result = Result()
        self.known = 0
        self.queues = queue_states(watch)
        self.jobs = Workload(
            watch, directory / "starts", self.dice, queues=course.queues, pulses=course.sched == "fcfs"
        )
        self.daemon = _daemon(stage, directory)

    def play(self) -> None:
        for number in range(self.course.kills):
            self.daemon.lines.clear()
            self.daemon.start()
            self.jobs.tick()
            self.live()
            self.kill(number)
        self.rest()
        self.judge()

    def live(self) -> None:
        """Let burstd live for a random while: from its start on or, mostly, from when it serves the lead."""
        if self.dice.random() > SHARE_AT_START:
            self.daemon.said("serving the lead", PEACE_SECONDS)
            self.jobs.tick()
        deadline = time.monotonic() + self.dice.uniform(0.0, LONGEST_LIFE_SECONDS)
        enough = len(self.daemon.lines) + self.dice.choice((NEVER_SAID, self.dice.randint(1, 12)))
        while time.monotonic() < deadline and len(self.daemon.lines) < enough:
            self.daemon.check()
            time.sleep(0.002)
        time.sleep(self.dice.choice((0.0, self.dice.uniform(0.0, 0.05))))

    def kill(self, number: int) -> None:
        self.daemon.kill()
        where, self.known = moment(self.state / OWNER / "ledger.db", self.known)
        self.result.moments[where] += 1
        self.say(f"kill {number + 1:3}: {where}")

    def rest(self) -> None:
        """Leave burstd alone until every job ended and nothing is left to do; then stop it in order."""
        self.daemon.lines.clear()
        self.daemon.start()
        self.daemon.said("serving the lead", PEACE_SECONDS)
        self.jobs.finish()
        deadline = time.monotonic() + PEACE_SECONDS
        while self.left() and time.monotonic() < deadline:
            self.daemon.check()
            time.sleep(0.2)
        self.daemon.stop()

    def left(self) -> list[str]:
        return [*at_the_lead(self.watch), *on_the_machine(self.stage, self.state)]

    def judge(self) -> None:
        self.result.jobs = len(self.jobs.jobs)
        self.result.bursts = bursts(self.state / OWNER / "ledger.db")
        self.result.violations = list(self._violations())
        self.result.refused = self.jobs.refused

    def _violations(self) -> Iterator[str]:
        yield from at_the_lead(self.watch)
        yield from on_the_machine(self.stage, self.state)
        yield from self.jobs.violations()
        for name, before in self.queues.items():
            after = queue_states(self.watch)[name]
            if after["start"] != before["start"] or after["enable"] != before["enable"]:
                yield f"queue {name} was {before} and is {after}"


def _daemon(stage: Stage, directory: Path) -> DaemonProcess:
    pool = {"name": "burst-0", "provider": "local", "idle_seconds": IDLE_SECONDS}
    config = {"owner": OWNER, "state_dir": str(directory / "s"), "pools": [pool]}
    return DaemonProcess(config, directory / "burstd.yaml", stage.environment())
