"""Records the transcripts of this folder where flux is on PATH: `python tests/lead/record.py`.

One short session on a lead of two hosts: a running job, a waiting and a held one, memos, drains,
hosts that join and die, and a restart of the lead with its statedir. Paths of the machine are taken out.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from burstd.core.errors import LeadRefused
from burstd.core.marks import HOLD_MEMO
from burstd.lead.handle import Handle, Stream
from burstd.lead.jobspec import command_jobspec, submit
from burstd.stage.lead import Stage

TRANSCRIPTS = Path(__file__).parent / "transcripts"
JOBS = "job-manager.events-journal"
RESOURCES = "resource.journal"
ATTRIBUTES = ("broker.uuid", "version", "hostlist", "statedir", "statedir-cleanup")
DEADLINE = 30.0

SHAPES: Mapping[str, str] = {
    "n4": "-n4",
    "n4c2": "-n4 -c2",
    "g1": "-n1 -g1",
    "N4": "-N4",
    "N4x": "-N4 --exclusive",
    "N4n8": "-N4 -n8",
    "N2n2c2g1": "-N2 -n2 -c2 -g1",
    "N2gpus": "-N2 --gpus-per-node=1",
    "burstable": "-N1 --setattr=burstable",
    "burstable-true": "-N1 --setattr=burstable=true",
    "burstable-false": "-N1 --setattr=burstable=false",
    "burstable-zero": "-N1 --setattr=burstable=0",
    "burstable-name": "-N1 --setattr=burstable=gke",
    "burstable-object": '-N1 --setattr=burstable={"plugin":"gke"}',
    "burstable-list": "-N1 --setattr=burstable=[1,2]",
    "requires": "-N1 --requires=burst --queue=burst --job-name=named",
}


class Session:
    """A lead on a real Flux, and what its two journals said so far."""

    def __init__(self, stage: Stage, handle: Handle) -> None:
        self.stage = stage
        self.handle = handle

    def begin(self) -> None:
        """Begin to read both journals."""
        self.status = self.call("resource.status")
        self.heard: dict[str, list[Any]] = {JOBS: [], RESOURCES: []}
        self.unmet: dict[str, list[str]] = {JOBS: [], RESOURCES: []}
        self.streams: dict[str, Stream] = {
            JOBS: self.handle.stream(JOBS, {"full": False}, 0),
            RESOURCES: self.handle.stream(RESOURCES, {}, 0),
        }

    def call(self, topic: str, **payload: Any) -> Mapping[str, Any]:
        return self.handle.rpc(topic, payload, 0)

    def submit(self, hosts: int, *command: str, burstable: Any = None, urgency: int = 16) -> int:
        jobspec = command_jobspec(command, hosts, burstable=burstable, cwd="/tmp", environment={})
        return submit(self.handle, jobspec, urgency)

    def until(self, topic: str, event: str) -> None:
        """Read both journals until one of them tells an event; "" is the end of its history."""
        deadline = time.monotonic() + DEADLINE
        while event not in self.unmet[topic]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic} never told {event or 'the end of its history'}")
            for name, stream in self.streams.items():
                response = stream.next(0.05)
                if response is not None:
                    self.heard[name].append(response)
                    self.unmet[name] += [one["name"] for one in response["events"]] or [""]
        del self.unmet[topic][: self.unmet[topic].index(event) + 1]

    def save(self, name: str) -> None:
        """Write what was heard since `begin`."""
        for topic, kind in ((JOBS, "jobs"), (RESOURCES, "resources")):
            self._write(f"{name}-{kind}.json", {"topic": topic, "responses": self.heard[topic]})
        self._write(f"{name}-status.json", {"topic": "resource.status", "responses": [self.status]})

    def save_facts(self) -> None:
        """Write what the facts are read from."""
        answers = {f"attr.get {name}": self._attribute(name) for name in ATTRIBUTES}
        answers["config.get"] = self.call("config.get")
        answers["module.list"] = self.call("module.list", service="")
        self._write("facts.json", answers)

    def _attribute(self, name: str) -> Mapping[str, Any] | None:
        try:
            return self.call("attr.get", name=name)
        except LeadRefused:
            return None

    def _write(self, name: str, content: Any) -> None:
        text = json.dumps(content, indent=1)
        text = text.replace(str(self.stage.curve_cert.parent), "/stage")
        text = re.sub(r'"[^"]*/modules/', '"/usr/lib/flux/modules/', text)
        (TRANSCRIPTS / name).write_text(f"{text}\n")


def play(session: Session) -> None:
    """Play the session up to the lead's restart."""
    running = session.submit(2, "sleep", "300")
    waiting = session.submit(4, "true", burstable="burst-0")
    held = session.submit(4, "hostname", burstable=True, urgency=20)
    session.call("job-manager.memo", id=held, memo={HOLD_MEMO: {"owner": "recorder", "epoch": 1}})
    session.call("job-manager.urgency", id=held, urgency=0)
    session.call("job-manager.memo", id=waiting, memo={"burst": "forgotten"}, volatile=True)
    session.call("resource.drain", targets="5", reason="broken fan")
    session.call("resource.drain", targets="6", reason="burstd: recorder: idle")
    session.begin()
    session.until(JOBS, "")
    session.until(RESOURCES, "")
    session.call("job-manager.memo", id=waiting, memo={"burst": "Its hosts come."}, volatile=True)
    session.call("job-manager.update", id=waiting, updates={"attributes.system.duration": 60.0})
    session.until(JOBS, "jobspec-update")
    for host in ("burst-0-0", "burst-0-3"):
        session.stage.start_host(host)
        session.until(RESOURCES, "online")
    session.call("job-manager.raise", id=running, type="cancel", severity=0)
    session.until(JOBS, "clean")
    session.until(JOBS, "clean")
    session.call("resource.undrain", targets="6")
    session.until(RESOURCES, "undrain")
    session.stage.kill_host("burst-0-3")
    session.until(RESOURCES, "offline")


def record_jobspecs() -> None:
    """Write what `flux submit --dry-run` makes of each shape."""
    made = {}
    for name, options in SHAPES.items():
        command = ["flux", "submit", "--dry-run", "--cwd=/tmp", "--env=-*", *options.split(), "hostname"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        made[name] = json.loads(done.stdout)
        made[name]["attributes"]["system"].pop("environment", None)
        made[name]["attributes"]["system"].pop("shell", None)
    (TRANSCRIPTS / "jobspecs.json").write_text(f"{json.dumps(made, indent=1)}\n")


def with_session(stage: Stage, act: Callable[[Session], None]) -> None:
    """Open a handle for one generation of the lead."""
    with contextlib.closing(stage.handle()) as handle:
        act(Session(stage, handle))


def record() -> None:
    """Record everything."""

    def before(session: Session) -> None:
        session.save_facts()
        play(session)
        session.save("life")

    def after(session: Session) -> None:
        session.begin()
        session.until(JOBS, "")
        session.until(RESOURCES, "")
        session.save("restarted")

    TRANSCRIPTS.mkdir(exist_ok=True)
    record_jobspecs()
    with (
        tempfile.TemporaryDirectory(prefix="burstd-") as folder,
        Stage(Path(folder), "real", cores=2, statedir=True) as stage,
    ):
        with_session(stage, before)
        stage.restart_lead()
        with_session(stage, after)


if __name__ == "__main__":
    record()
