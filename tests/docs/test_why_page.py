"""What docs/why.md shows is what is printed."""

from __future__ import annotations

import re
from dataclasses import fields, replace

from pages import ROOT, blocks

from burstd.cli.reasoned import all_as_text, one_as_text
from burstd.core.jobid import f58
from burstd.core.jobs import JobState
from burstd.core.model import ByHand, Cooldown, Phase, Snapshot
from burstd.core.planner import plan
from burstd.core.why import STATES, Considered, Was, Why
from burstd.engine.desk import Desk
from burstd.engine.questions import Question
from burstd.engine.window import Window
from burstd.engine.witness import Tick
from burstd.testing.builders import NOW, a_burst, a_job, a_policy, a_pool, a_snapshot, some_hosts

PAGE = ROOT / "docs/why.md"
LOCAL = a_pool()
CLOUD = a_pool("cloud-0", 8, first_rank=8, provider="gke", paid=True)
POLICY = a_policy(LOCAL, CLOUD)
BUSY, COMING = 587110448430, 587848646656
JOBS = tuple(a_job(id_, hosts=4, submitted=NOW - 260) for id_ in (BUSY, BUSY + 7, BUSY + 9))
FAILED = Cooldown("cloud-0", "no cluster could be made: quota CPUS_ALL_REGIONS is used up", NOW + 95)


def busy() -> Snapshot:
    """Every host of one pool has a job, the other one rests after a failure."""
    hosts = tuple(
        replace(host, jobs=(7,), free_cores=0) if host.rank in LOCAL.ranks else host
        for host in some_hosts([LOCAL, CLOUD], online=LOCAL.ranks, lead_online=2)
    )
    many = tuple(a_job(id_, hosts=9) for id_ in range(COMING, COMING + 2))
    return a_snapshot(hosts=hosts, jobs=(*JOBS, *many), bursts=(a_burst(generation=7),), cooldowns=(FAILED,))


def coming() -> Snapshot:
    """A burst is on its way for the job."""
    burst = a_burst(Phase.LAUNCHING, created=NOW - 100, since=NOW - 20, generation=7)
    job = a_job(COMING, hosts=4, submitted=NOW - 101)
    hosts = some_hosts([LOCAL, CLOUD], lead_online=2)
    return a_snapshot(hosts=hosts, jobs=(job,), bursts=(burst,), starts=(("burst-0", 170.0),))


def told(now: Snapshot, before: Snapshot | None = None) -> Window:
    window = Window(POLICY, Desk().answers["status"], clock=lambda: NOW)
    for at, snapshot in ((NOW - 240, before), (NOW - 65, now)):
        if snapshot is not None:
            window.ticked(Tick(snapshot, plan(snapshot, POLICY, NOW), POLICY, at, 0.0))
    return window


def one(window: Window, job: int) -> str:
    return f"$ burstd why {f58(job)}\n{one_as_text(window.answer(Question('why', {'job': job})))}\n"


def test_the_page_shows_what_is_printed() -> None:
    """Each block of the page is the output of its command for a snapshot."""
    stands = told(busy(), replace(busy(), by_hand=ByHand(paused=True)))
    running = a_job(BUSY, hosts=4, state=JobState.RUN, ranks=LOCAL.ranks, started=NOW - 65)
    began = told(a_snapshot(hosts=some_hosts([LOCAL], online=LOCAL.ranks), jobs=(running,)), busy())
    shown = [
        one(stands, BUSY),
        one(told(coming()), COMING),
        one(began, BUSY),
        f"$ burstd why\n{all_as_text(stands.answer(Question('waiting')))}\n",
    ]
    assert blocks(PAGE, "text") == shown


def test_the_page_lists_states_and_names() -> None:
    """The tables have every state, and every name of the document, in order."""
    text = PAGE.read_text()
    listed = re.findall(r"^\| `([a-z-]+)` \|", text.partition("| state | what it means |")[2], re.MULTILINE)
    assert tuple(listed[: len(STATES)]) == STATES
    rows = text.partition("| where | names |\n")[2].splitlines()[1:]
    names = [re.findall(r"`(\w+)`", row.split("|")[2]) for row in rows[:3]]
    assert names == [[field.name for field in fields(kind)] for kind in (Why, Considered, Was)]
