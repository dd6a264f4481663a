"""What the daemon tells people, by real commands and over a real socket, and that it waits for neither."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from fakes.listener import Listener

pytestmark = [
    pytest.mark.process,
    pytest.mark.parametrize("make_town", ["embedded"], indirect=True),
]

BURST_ONLY = {"properties": ["burst"]}


def program(path: Path, text: str) -> list[str]:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return [str(path)]


def told(out: Path) -> list[dict]:
    return [json.loads(line) for line in out.read_text().splitlines()]


def until(out: Path, *events: str) -> list[dict]:
    """Wait until a command was told these events, in this order; return what it was told."""
    deadline = time.monotonic() + 60
    while [one["event"] for one in told(out)] != list(events):
        assert time.monotonic() < deadline, told(out)
        time.sleep(0.05)
    return told(out)


def test_a_burst_is_told_while_a_hook_sleeps_and_a_server_is_silent(town):
    """A command that never ends and a server that never answers delay neither the burst nor its notices."""
    out = town.directory / "told"
    out.touch()
    with Listener(held=True) as silent, Listener() as listener:
        notify = [
            {"command": program(town.directory / "sleeper", "exec sleep 600"), "timeout_seconds": 600},
            {"url": silent.url(), "timeout_seconds": 60},
            {"command": program(town.directory / "tell", f"cat >> {out}")},
            {"url": listener.url(), "events": ["burst-up"], "body": "text"},
        ]
        daemon = town.burstd(settings={"notify": notify}, cost_per_hour=3600.0, probe=False)
        daemon.start()
        daemon.said("serving the lead", 20)
        job = town.watch.submit(["true"], 3, requires=BURST_ONLY)
        town.watch.until_ended(job, 60)
        daemon.said("is gone, verified", 60)
        up, gone = until(out, "burst-up", "burst-gone")
        assert up["sentence"] == f"{up['burst']} serves with 3 hosts."
        assert (up["owner"], up["pool"], gone["burst"]) == ("town", "burst-0", up["burst"])
        assert "jobs" not in up
        assert 0 < gone["dollars"] < 3600
        (heard,) = listener.until(1)
        assert heard.document == {"text": up["sentence"]}
        began = time.monotonic()
        daemon.stop()
        assert time.monotonic() - began < 15
    assert "notify[0]" in daemon.said("notices not delivered in time: 2", 1)


def test_a_restart_tells_nothing_again(town):
    """A burst that is found serving and a pause that still holds are no news; the end of the pause is."""
    out = town.directory / "told"
    out.touch()
    settings = {"notify": [{"command": program(town.directory / "tell", f"cat >> {out}")}]}
    first = town.burstd(settings=settings, idle=600)
    first.start()
    town.watch.until_ended(town.watch.submit(["true"], 1, requires=BURST_ONLY), 60)
    town.command("pause")
    until(out, "burst-up", "paused")
    first.stop()
    second = town.burstd(settings=settings, idle=600)
    second.start()
    second.said("taking it up again", 20)
    town.command("resume")
    until(out, "burst-up", "paused", "resumed")
    town.command("down", "burst-0", "--wait")
    town.command("reopen", "burst-0")
    until(out, "burst-up", "paused", "resumed", "pool-closed", "burst-gone", "pool-open")
    second.stop()


def test_a_test_says_how_each_target_took_it(town):
    """`burstd notify --test` tells each of them, names those that failed, and ends with 1 where one did."""
    with Listener() as listener:
        good, bad = {"url": listener.url()}, {"command": program(town.directory / "bad", "exit 3")}
        town.burstd(settings={"notify": [good]})
        assert town.command("notify", "--test").stdout == f"notify[0]: {listener.url('')} was told.\n"
        town.burstd(settings={"notify": [good, bad]})
        with pytest.raises(subprocess.CalledProcessError) as failed:
            town.command("notify", "--test")
    assert (failed.value.returncode, failed.value.stderr) == (1, "")
    assert failed.value.stdout.splitlines()[1] == (
        f"notify[1]: {town.directory}/bad was not told: it ended with exit code 3."
    )
    assert [heard.document["event"] for heard in listener.heard] == ["test", "test"]
