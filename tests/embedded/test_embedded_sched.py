"""Who runs where: one line a case, for every mode."""

from __future__ import annotations

import pytest

from burstd.core.constraint import ANYWHERE, Constraint, parse
from burstd.core.model import Request
from burstd.lead.embedded.sched import Ask, Mode, Offer, Refuse, Start, decide

FIFO, EASY, FCFS = Mode
CORES = frozenset(range(2))


def offer(rank: int, *, up: bool = True, free: int = 2, gpus: int = 0) -> Offer:
    """Return a host of two cores; ranks from 2 on are `burst-0-N` and have the property burst."""
    name, properties = f"flux-sample-{rank}", frozenset[str]()
    if rank >= 2:
        name, properties = f"burst-0-{rank - 2}", frozenset({"burst"})
    all_gpus = frozenset(range(gpus))
    return Offer(rank, name, properties, CORES, all_gpus, frozenset(range(2 - free, 2)), all_gpus, up)


SIX = [offer(rank, up=rank < 2) for rank in range(6)]
BURST = parse({"properties": ["burst"]})


def whole(hosts: int) -> Request:
    """-N: whole hosts, one slot each."""
    return Request(hosts, 1, 1, exclusive=True)


def ask(
    job: int, request: Request, constraint: Constraint = ANYWHERE, priority: int = 16, queue: str = ""
) -> Ask:
    return Ask(job, priority, request, constraint, queue)


def started(mode: Mode, asks: list[Ask], offers: list[Offer]) -> dict[int, dict[int, int]]:
    """Return for each job that starts its ranks and how many cores it has on each."""
    decisions = [one for one in decide(mode, asks, offers) if isinstance(one, Start)]
    return {one.job: {piece.rank: len(piece.cores) for piece in one.pieces} for one in decisions}


def refused(mode: Mode, asks: list[Ask], offers: list[Offer]) -> dict[int, str]:
    return {one.job: one.text for one in decide(mode, asks, offers) if isinstance(one, Refuse)}


@pytest.mark.parametrize(
    ("mode", "request_", "expected"),
    [
        (FIFO, whole(1), {0: 2}),
        (EASY, whole(1), {1: 2}),
        (FIFO, whole(2), {0: 2, 1: 2}),
        (FIFO, Request(0, 3, 1), {0: 2, 1: 1}),
        (EASY, Request(0, 3, 1), {0: 1, 1: 2}),
        (FIFO, Request(2, 1, 1), {0: 1, 1: 1}),
        (FIFO, Request(1, 2, 1), {0: 2}),
        (FIFO, whole(3), None),
        (FIFO, Request(0, 5, 1), None),
    ],
)
def test_where_a_job_goes(mode: Mode, request_: Request, expected: dict[int, int] | None) -> None:
    """A job starts on the hosts that are up and free, the emptiest or the highest first, or not at all."""
    assert started(mode, [ask(1, request_)], SIX) == ({1: expected} if expected else {})


def test_fifo_stops_at_the_first_job_that_waits() -> None:
    """In strict FIFO a job that waits for down hosts blocks a later one that would fit."""
    jobs = [ask(1, whole(4)), ask(2, whole(1))]
    assert started(FIFO, jobs, SIX) == {}


def test_easy_goes_past_a_job_that_waits() -> None:
    """In easy the later job runs past one that waits for down hosts."""
    jobs = [ask(1, whole(4)), ask(2, whole(1))]
    assert started(EASY, jobs, SIX) == {2: {1: 2}}


@pytest.mark.parametrize("mode", Mode)
def test_a_held_job_is_in_nobodys_way(mode: Mode) -> None:
    """Priority 0 neither starts nor blocks nor is refused."""
    jobs = [ask(1, whole(99), priority=0), ask(2, whole(1))]
    assert list(started(mode, jobs, SIX)) == [2]
    assert refused(mode, jobs, SIX) == {}


@pytest.mark.parametrize("mode", Mode)
def test_priority_goes_before_age(mode: Mode) -> None:
    """The higher priority is served first, then the lower id."""
    jobs = [ask(1, whole(1)), ask(2, whole(1)), ask(3, whole(1), priority=17)]
    assert list(started(mode, jobs, [offer(0), offer(1)])) == [3, 1]


@pytest.mark.parametrize("mode", Mode)
def test_a_whole_host_is_one_with_no_job_on_it(mode: Mode) -> None:
    """An exclusive request does not go where a core is taken; a core may go there."""
    offers = [offer(0, free=1)]
    assert started(mode, [ask(1, whole(1))], offers) == {}
    assert started(mode, [ask(1, Request(0, 1, 1))], offers) == {1: {0: 1}}


@pytest.mark.parametrize("mode", Mode)
def test_no_core_is_given_twice(mode: Mode) -> None:
    """Jobs that start together get cores of their own."""
    jobs = [ask(job, Request(0, 1, 1)) for job in range(1, 6)]
    pieces = [one.pieces[0] for one in decide(mode, jobs, [offer(0), offer(1)]) if isinstance(one, Start)]
    assert len(pieces) == len({(piece.rank, piece.cores) for piece in pieces}) == 4


def test_a_constraint_chooses_hosts() -> None:
    """A constraint on a property is kept."""
    assert started(FIFO, [ask(1, whole(1), BURST)], [offer(0), offer(3)]) == {1: {3: 2}}


DENIED = 'alloc denied due to type="unsatisfiable"'
NEED = "unsatisfiable request: need"


@pytest.mark.parametrize(
    ("request_", "constraint", "text"),
    [
        (whole(9), ANYWHERE, f"{NEED} 9 exclusive node(s), only 6 eligible"),
        (whole(5), BURST, f"{NEED} 5 exclusive node(s), only 4 eligible"),
        (Request(7, 1, 1), ANYWHERE, f"{NEED} 7 node(s) with 1 cores each, only 6 eligible"),
        (Request(1, 2, 1, 1), ANYWHERE, f"{NEED} 1 node(s) with 2 cores and 2 GPUs each, only 0 eligible"),
        (
            Request(0, 1, 64),
            ANYWHERE,
            f"{NEED} 1 slot(s) of 64 core(s), only 0 such slot(s) available (total cores: 12)",
        ),
        (
            Request(0, 1, 1),
            parse({"properties": ["nosuch"]}),
            f"{NEED} 1 slot(s) of 1 core(s), only 0 such slot(s) available (total cores: 0)",
        ),
        (
            Request(0, 1, 1, 1),
            ANYWHERE,
            f"{NEED} 1 slot(s) with 1 GPU(s) each, only 0 available (total GPUs: 0)",
        ),
        (whole(6), ANYWHERE, None),
        (Request(0, 12, 1), ANYWHERE, None),
    ],
)
def test_what_fifo_refuses(request_: Request, constraint: Constraint, text: str | None) -> None:
    """sched-simple refuses what exceeds the declared hosts, up or down, with these words."""
    assert refused(FIFO, [ask(1, request_, constraint)], SIX) == ({1: text} if text else {})


@pytest.mark.parametrize(
    ("request_", "constraint", "is_refused"),
    [
        (whole(9), ANYWHERE, False),
        (whole(5), BURST, False),
        (Request(0, 12, 1), ANYWHERE, False),
        (Request(0, 13, 1), ANYWHERE, True),
        (Request(1, 1, 8), ANYWHERE, True),
        (Request(0, 1, 1, 1), ANYWHERE, True),
        (whole(1), parse({"properties": ["nosuch"]}), True),
    ],
)
def test_what_easy_refuses(request_: Request, constraint: Constraint, is_refused: bool) -> None:
    """Fluxion with easy refuses more slots than are declared; more hosts than are declared just wait."""
    assert refused(EASY, [ask(1, request_, constraint)], SIX) == ({1: DENIED} if is_refused else {})


@pytest.mark.parametrize(
    ("request_", "constraint", "is_refused"),
    [
        (whole(2), ANYWHERE, False),
        (whole(3), ANYWHERE, True),
        (Request(4, 2, 1), ANYWHERE, True),
        (whole(1), BURST, True),
        (Request(1, 1, 8), ANYWHERE, True),
        (Request(0, 12, 1), ANYWHERE, False),
        (Request(0, 13, 1), ANYWHERE, True),
    ],
)
def test_what_fcfs_refuses(request_: Request, constraint: Constraint, is_refused: bool) -> None:
    """Fluxion with fcfs refuses more hosts than are usable now, busy or not; slots may wait for hosts."""
    assert refused(FCFS, [ask(1, request_, constraint)], SIX) == ({1: DENIED} if is_refused else {})


def test_fcfs_stops_in_each_queue_at_the_first_job_that_waits() -> None:
    """What is behind it in its queue is neither started nor refused; other queues go on."""
    jobs = [ask(1, Request(0, 8, 1), queue="a"), ask(2, whole(1), queue="a"), ask(3, whole(4), queue="a")]
    jobs += [ask(4, whole(1), queue="b"), ask(5, whole(4), queue="b")]
    assert list(started(FCFS, jobs, SIX)) == [4]
    assert list(refused(FCFS, jobs, SIX)) == [5]
