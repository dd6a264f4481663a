"""What burstd may have left on the machine and at the lead, and what a phase was when it was killed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from burstd.core.marks import drain_mark
from burstd.engine.ledger import Ledger
from burstd.stage import leavings
from burstd.stage.lead import Stage
from burstd.stage.watch import Watch

OWNER = "killed"


def queue_states(watch: Watch) -> Mapping[str, Any]:
    """Return what each queue of the lead says of itself: whether it is enabled, started, and why not."""
    names = watch.handle.rpc("job-manager.queue-list", {}, 0)["queues"]
    return {name: dict(watch.handle.rpc("job-manager.queue-status", {"name": name}, 0)) for name in names}


def at_the_lead(watch: Watch) -> Iterator[str]:
    """Yield a sentence for each host that is still online in the pool or drained by burstd."""
    view = watch.until(lambda _: True, "the lead is read")
    for host in view.hosts:
        if host.drain_reason is not None and host.drain_reason.startswith(drain_mark(OWNER)):
            yield f"{host.name} is left drained: {host.drain_reason}"
        if host.online and host.name.startswith("burst-"):
            yield f"{host.name} is left online"


def on_the_machine(stage: Stage, state: Path) -> Iterator[str]:
    """Yield a sentence for each site, file and process that is left."""
    for site in leavings.sites(stage, OWNER, state):
        yield f"site {site.name} is left with {len(site.hosts)} brokers"
    for path in (state / OWNER).iterdir():
        if path.is_dir():
            yield f"the directory {path.name} is left"
    for pid, words in _processes(state):
        yield f"process {pid} is left: {words}"


def moment(ledger: Path, known: int) -> tuple[str, int]:
    """Return what was going on by the ledger, and its latest intent; up to `known` is older.

    What was going on: the phase of each burst, and the effects that have no outcome.
    """
    if not ledger.exists():
        return "before the ledger", known
    with closing(Ledger(ledger, read_only=True)) as read:
        phases = ", ".join(str(burst.phase) for burst in read.bursts()) or "no burst"
        verbs = ", ".join(sorted({str(one.action.verb) for one in read.open_intents() if one.id > known}))
        latest = max((one.id for one in read.intents()), default=known)
    return (f"{phases}; {verbs} under way" if verbs else phases), latest


def bursts(ledger: Path) -> int:
    """Return how many bursts there were in all: a pool's generations are numbered from 1 on."""
    with closing(Ledger(ledger, read_only=True)) as read:
        return sum(generation for _, generation in read.generations())


def _processes(state: Path) -> Iterator[tuple[int, str]]:
    """Yield what runs with the state directory in its arguments, or in the environment of a job's process."""
    mark = f"{state}/".encode()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words, surroundings = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
        except OSError:
            continue  # it ended meanwhile, or is another user's
        if mark in words or mark in surroundings:
            yield int(path.name), words.replace(b"\0", b" ").decode(errors="replace")
