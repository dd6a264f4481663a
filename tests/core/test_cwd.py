"""Which working directories are made, which jobs are warned, and what is made before whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from burstd.core.cwd import directories, directories_for, flaw, objection, shown
from burstd.core.model import Directory, Failure, Hold, JobState, Phase, Scheduling, Verb, Wish
from burstd.core.planner import plan
from burstd.core.preparation import MOST_AT_ONCE
from burstd.core.reasons import Code
from burstd.join.directories import encode
from burstd.testing.builders import (
    NOW,
    a_burst,
    a_job,
    a_policy,
    a_pool,
    a_snapshot,
    applied,
    some_hosts,
)

POOL = a_pool(shares_files=False, cwd_prefixes=("/home", "/scratch/p"))
POLICY = a_policy(POOL)
ALICE = 1000
HOME = Directory("/home", 0)
RUN = Directory("/home/alice/run", ALICE)
UP = some_hosts([POOL], lead_online=0, online=POOL.ranks)
HELD = Hold("tester", 16)


def alices(**changes):
    return a_job(hosts=4, userid=ALICE, cwd=RUN.path, **changes)


def serving(*jobs, **changes):
    """A snapshot in which the burst serves and its hosts are up and free."""
    given = {"hosts": UP, "bursts": (a_burst(),), "jobs": jobs} | changes
    return a_snapshot(**given)


def prepared(*directories_, ranks=POOL.ranks):
    return tuple((rank, frozenset(directories_)) for rank in ranks)


def preparing(snapshot, policy=POLICY):
    actions = plan(snapshot, policy, NOW).actions
    return [(one.ranks, one.directories) for one in actions if one.verb is Verb.PREPARE]


def sentence(job, policy=POLICY):
    result = plan(a_snapshot(jobs=(job,)), policy, NOW)
    return result.reasons[0][1].sentence


class TestJudgement:
    @pytest.mark.parametrize(
        ("cwd", "why"),
        [
            ("/home/alice", ""),
            ("/home", ""),
            ('/home/it\'s a $(day) `or` "two"', ""),
            ("/home/naïve/日本", ""),
            ("/scratch/p/x", ""),
            ("/home/..alice/...", ""),
            ("/scratch", "is not under cwd_prefixes of pool burst-0"),
            ("/homeless", "is not under cwd_prefixes of pool burst-0"),
            ("/etc", "is not under cwd_prefixes of pool burst-0"),
            ("/home/../etc", "is not normalised"),
            ("/home/./alice", "is not normalised"),
            ("/home//alice", "is not normalised"),
            ("//home/alice", "is not normalised"),
            ("/home/alice/", "is not normalised"),
            ("/home/..", "is not normalised"),
            ("/", "is not normalised"),
            ("home/alice", "is not absolute"),
            ("~/run", "is not absolute"),
            ("", "is not absolute"),
            ("{{tmpdir}}", "is not absolute"),
            ("/home/a\nb", "has control characters"),
            ("/home/a\tb", "has control characters"),
            ("/home/a\0", "has control characters"),
            ("/home/\x1b[31m", "has control characters"),
            ("/home/a\x85b", "has control characters"),
            ("/home/\udcff", "is not UTF-8"),
            ("/home/" + "x" * 255, ""),
            ("/home/" + "x" * 256, "is too long"),
            ("/home/" + "ä" * 128, "is too long"),
            ("/home" + "/x" * 2045, ""),
            ("/home" + "/x" * 2046, "is too long"),
        ],
    )
    def test_a_directory_is_made_or_there_is_a_reason(self, cwd, why):
        """Only absolute, normalised paths under a prefix are made, of characters that a list can hold."""
        assert objection(cwd, POOL) == why
        assert flaw(cwd) in ("", why)

    def test_without_prefixes_nothing_is_made(self):
        """A pool that names none makes none."""
        assert objection("/home/alice", a_pool()) == "is not under cwd_prefixes of pool burst-0"
        assert directories_for(a_pool(shares_files=False), [alices()], POLICY) == frozenset()

    def test_a_prefix_stays_root_s(self):
        """What others live in is given to nobody, also where it is somebody's working directory."""
        nested = replace(POOL, cwd_prefixes=("/home/alice", "/home"))
        assert directories(alices(), POOL) == (HOME, RUN)
        assert directories(alices(), nested) == (HOME, Directory("/home/alice", 0), RUN)
        assert directories(a_job(cwd="/home", userid=ALICE), POOL) == (HOME,)

    @pytest.mark.parametrize(
        ("changes", "counts"),
        [
            ({}, True),
            ({"state": JobState.DEPEND}, True),
            ({"state": JobState.PRIORITY}, True),
            ({"state": JobState.RUN}, False),
            ({"state": JobState.NEW}, False),
            ({"wish": Wish("burst-0")}, True),
            ({"wish": Wish("local")}, True),
            ({"wish": Wish("burst-1")}, False),
            ({"wish": Wish(nonsense="[]")}, False),
            ({"wish": None}, False),
            ({"queue": "burst-0"}, True),
            ({"queue": "batch"}, True),
            ({"queue": "burst-1"}, False),
            ({"cwd": ""}, False),
            ({"cwd": "/etc"}, False),
        ],
    )
    def test_jobs_count_that_the_pool_could_serve(self, changes, counts):
        """Burstable, waiting, wished for this pool or any, and not in another pool's queue."""
        policy = a_policy(POOL, a_pool("burst-1", first_rank=8))
        found = directories_for(POOL, [replace(alices(), **changes)], policy)
        assert found == (frozenset({HOME, RUN}) if counts else frozenset())

    @pytest.mark.parametrize(("multi_user", "counts"), [(False, False), (True, True)])
    def test_a_guest_s_directory_is_made_where_guests_are_served(self, multi_user, counts):
        """A pool that serves the instance owner alone makes nothing for others."""
        pool = replace(POOL, multi_user=multi_user)
        found = directories_for(pool, [alices()], a_policy(pool, instance_owner=1))
        assert bool(found) is counts

    def test_whatever_is_allowed_can_be_listed(self):
        """The judgement lets nothing pass that a list refuses."""
        names = [chr(number) for number in (*range(0x2FF), 0x2028, 0x200E, 0xD800, 0xDFFF, 0xFFFF, 0x1F680)]
        allowed = [name for name in names if not objection(f"/home/a{name}b", POOL)]
        assert len(allowed) > 600
        for name in allowed:
            encode([Directory(f"/home/a{name}b", 1)])

    def test_untrusted_text_is_shown_on_one_line(self):
        """What cannot be printed is escaped, what is long is cut."""
        assert shown("/home/a b") == "/home/a b"
        assert shown("/a\n\x1b[31m\udcff") == r"'/a\n\x1b[31m\udcff'"
        assert len(shown("/" + "x" * 4000)) == 100


class TestWarning:
    def test_a_job_whose_directory_is_not_made_is_warned(self):
        """The reason says which directory, why not, and what Flux does then."""
        job = a_job(hosts=4, cwd="/x/y")
        assert sentence(job) == (
            "Its hosts are being brought up (burst-0-g1). Its working directory /x/y is not under "
            "cwd_prefixes of pool burst-0, and may be missing there: Flux then runs it in /tmp."
        )

    @pytest.mark.parametrize("cwd", ["/home/alice", "/tmp", "/", ""])
    def test_a_directory_that_will_be_there_is_no_warning(self, cwd):
        """What is made, what every host has, and what is not asked for."""
        assert "directory" not in sentence(a_job(hosts=4, cwd=cwd))

    def test_a_pool_that_shares_files_is_no_warning(self):
        """Where the lead's files are seen, nothing is missing."""
        assert "directory" not in sentence(a_job(hosts=4, cwd="/x"), a_policy(a_pool()))

    def test_a_job_that_runs_on_the_lead_is_not_warned(self):
        """Only hosts of the pool lack files."""
        assert "directory" not in sentence(a_job(hosts=2, cwd="/x"))

    def test_hosts_that_are_up_are_warned_of_too(self):
        """A job that starts next on the pool's hosts is told the same."""
        (found,) = plan(serving(a_job(hosts=4, cwd="/x")), POLICY, NOW).reasons
        assert found[1].code is Code.STARTING
        assert found[1].sentence.endswith("Flux then runs it in /tmp.")

    def test_untrusted_text_does_not_break_the_sentence(self):
        """A newline in a directory's name stays in one line of the log."""
        text = sentence(a_job(hosts=4, cwd="/home/a\nburst-0-g1: serves"))
        assert "\n" not in text
        assert r"'/home/a\nburst-0-g1: serves' has control characters" in text


class TestPreparation:
    def test_directories_of_waiting_jobs_are_made_on_hosts_that_are_up(self):
        """One effect makes what all waiting jobs need on every host of the burst."""
        other = Directory("/scratch/p/b", 2)
        jobs = alices(id_=1), a_job(2, 1, userid=2, cwd=other.path), a_job(3, 1, cwd="/etc")
        wanted = (HOME, RUN, Directory("/scratch/p", 0), other)
        assert preparing(serving(*jobs)) == [(POOL.ranks, wanted)]

    def test_what_was_made_is_not_made_again(self):
        """Only the ranks that lack something, and only what they lack."""
        first, *others = POOL.ranks
        assert preparing(serving(alices(), prepared=prepared(HOME, RUN))) == []
        some = (*prepared(HOME, ranks=[first]), *prepared(HOME, RUN, ranks=others))
        assert preparing(serving(alices(), prepared=some)) == [((first,), (RUN,))]

    @pytest.mark.parametrize(
        "changes",
        [
            {"hosts": some_hosts([POOL])},
            {"bursts": ()},
            {"bursts": (a_burst(Phase.DRAINING, failure=Failure("it failed", 60.0)),)},
        ],
    )
    def test_hosts_that_are_down_or_leave_are_not_prepared(self, changes):
        """Nothing is made where nobody is, nor where somebody is about to go."""
        assert preparing(serving(alices(), **changes)) == []

    def test_pools_that_share_files_are_not_prepared(self):
        """Where the lead's files are seen, a user's directory is the user's own business."""
        shared = replace(POOL, shares_files=True)
        assert preparing(serving(alices()), a_policy(shared)) == []

    def test_many_are_made_in_turns(self):
        """One effect has so many directories that they fit into the arguments of a command."""
        jobs = [a_job(number, 1, cwd=f"/home/{number:04}", userid=ALICE) for number in range(1, 1001)]
        ((_, first),) = preparing(serving(*jobs))
        assert len(first) == MOST_AT_ONCE
        ((_, second),) = preparing(serving(*jobs, prepared=prepared(*first)))
        assert set(first).isdisjoint(second)

    def test_it_is_done_once_at_a_time(self):
        """While one is under way, the plan asks for no other."""
        snapshot = serving(alices())
        assert preparing(applied(snapshot, plan(snapshot, POLICY, NOW), NOW)) == []

    def test_a_job_that_burstd_holds_waits_for_its_directory(self):
        """The hold ends once the directory is made on every host, and not before."""
        held = alices(urgency=0, hold=HELD)
        before = serving(held, scheduling=Scheduling.FIFO)
        after = replace(before, prepared=prepared(HOME, RUN))
        verbs = [[one.verb for one in plan(seen, POLICY, NOW).actions] for seen in (before, after)]
        assert verbs == [[Verb.PREPARE], [Verb.UNHOLD]]

    def test_a_job_without_such_a_directory_is_released_at_once(self):
        """Nothing is waited for that will not be made."""
        held = a_job(hosts=4, cwd="/etc", urgency=0, hold=HELD)
        snapshot = serving(held, scheduling=Scheduling.FIFO)
        assert [one.verb for one in plan(snapshot, POLICY, NOW).actions] == [Verb.UNHOLD]
