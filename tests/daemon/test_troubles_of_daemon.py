"""Troubles of docs/operations.md, provoked: each tool shows them in the words that the page quotes."""

from __future__ import annotations

import subprocess
import time

import pytest
from troubles import untold

from burstd.core.jobid import f58

pytestmark = [
    pytest.mark.process,
    pytest.mark.parametrize("make_town", ["embedded"], indirect=True),
]

BURST_ONLY = {"properties": ["burst"]}
WRONG_PORT = ("--lead-host", "127.0.0.1", "--lead-port", "1")


def typed(daemon, *words: str) -> str:
    """Run a command with the configuration of this burstd; return all that it prints."""
    program, rest = daemon.command[:3], daemon.command[3:]
    done = subprocess.run(
        [*program, *words, *rest],
        env=daemon.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout


def until_told(part: int, where: str, ask) -> None:
    """Ask until all that the page quotes is told."""
    deadline = time.monotonic() + 20
    while missing := untold(part, where, text := ask()):
        assert time.monotonic() < deadline, (missing, text)
        time.sleep(0.1)


def until_seen(daemon) -> None:
    """Wait until the lead's hosts are known to it."""
    deadline = time.monotonic() + 20
    while "0/4" not in (text := typed(daemon, "status")):
        assert time.monotonic() < deadline, text


def memo(town, job: int) -> str:
    answer = town.watch.handle.rpc("job-list.list-id", {"id": job, "attrs": ["annotations"]})
    return str(answer["job"].get("annotations", {}).get("user", {}).get("burst", ""))


def log(daemon) -> str:
    return "\n".join(daemon.lines)


def test_hosts_that_do_not_join(town):
    """With a wrong port: the burst stays joining, and `burstd doctor POOL` tells what nobody answers."""
    daemon = town.burstd(*WRONG_PORT, join_seconds=600)
    daemon.start()
    job = town.watch.submit(["true"], 1, requires=BURST_ONLY)
    daemon.said("waiting for them to join the lead", 30)

    until_told(1, "doctor", lambda: typed(daemon, "doctor", "burst-0"))
    until_told(1, "status", lambda: typed(daemon, "status"))
    until_told(1, "why", lambda: typed(daemon, "why", f58(job)))
    until_told(1, "memo", lambda: memo(town, job))


def test_a_pool_that_closes_itself(town):
    """When they never joined: the burst has failed, the pool is closed, and somebody is told so."""
    notices = town.directory / "notices"
    tell = town.directory / "tell"
    tell.write_text(f"#!/bin/sh\ncat >> {notices}\n")
    tell.chmod(0o755)
    notices.touch()
    settings = {
        "limits": {"close_after": 1},
        "notify": [{"command": [str(tell)], "events": ["burst-failed", "pool-closed"]}],
    }
    daemon = town.burstd(*WRONG_PORT, join_seconds=0.5, settings=settings)
    daemon.start()
    job = town.watch.submit(["true"], 1, requires=BURST_ONLY)
    daemon.said("waits: pool-closed", 30)

    until_told(1, "log", lambda: log(daemon))
    until_told(1, "notice", notices.read_text)
    metrics = typed(daemon, "metrics")
    assert untold(1, "metric", metrics) == []
    until_told(4, "status", lambda: typed(daemon, "status"))
    until_told(4, "why", lambda: typed(daemon, "why", f58(job)))
    until_told(4, "memo", lambda: memo(town, job))
    until_told(4, "doctor", lambda: typed(daemon, "doctor", "burst-0"))
    assert untold(4, "log", log(daemon)) == []
    assert untold(4, "metric", metrics) == []
    assert "pool-closed" in notices.read_text()
    assert "pool-closed" in typed(daemon, "plan")


def test_a_job_too_large(make_town):
    """Under `easy` it waits for ever: its memo, its exception and all tools say why."""
    town = make_town(sched="easy")
    daemon = town.serving()
    job = town.watch.submit(["true"], 9, requires=BURST_ONLY)

    until_told(6, "memo", lambda: memo(town, job))
    until_told(6, "log", lambda: log(daemon))
    until_told(6, "status", lambda: typed(daemon, "status"))
    until_told(6, "why", lambda: typed(daemon, "why", f58(job)))
    until_told(6, "metric", lambda: typed(daemon, "metrics"))
    town.watch.until(lambda view: any(one.raised == "too-large" for one in view.jobs), "it is raised")


def test_a_lead_that_is_away_then_two_burstds_then_none(make_town):
    """What was seen last is told, and that it is old; a second burstd ends; without any that is said."""
    town = make_town()
    daemon = town.serving()
    until_seen(daemon)
    town.stage.kill_lead()
    daemon.said("the lead does not answer", 20)

    until_told(5, "status", lambda: typed(daemon, "status"))
    until_told(5, "why", lambda: typed(daemon, "why"))
    until_told(5, "doctor", lambda: typed(daemon, "doctor"))
    until_told(5, "metric", lambda: typed(daemon, "metrics"))
    assert untold(5, "log", log(daemon)) == ["the lead answers again"]

    second = town.burstd()
    second.start()
    second.wait(20)
    daemon.kill()
    (rival,) = untold(10, "log", log(second))
    assert rival.startswith(
        "another burstd serves this lead"
    )  # said where it has a state directory of its own
    for where in ("status", "why"):
        assert untold(10, where, typed(daemon, where)) == []
