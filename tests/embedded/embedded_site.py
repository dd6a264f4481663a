"""A little site for the embedded instance: its files, its processes, and what to wait for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from burstd.core.errors import LeadLost
from burstd.join import curve
from burstd.lead.embedded.client import connect
from burstd.lead.handle import Handle, Payload, Stream
from burstd.stage import machine

LEAD = "flux-sample-0"
SECONDS = 20.0


class Site:
    """Brokers of one instance: `flux-sample-[0-1],burst-0-[0-3]`, two cores each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = machine.free_port()
        self.certificate = folder / "curve.cert"
        curve.write(self.certificate, "test")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.handles: list[Handle] = []

    def start(self, host: str, *options: str, toml: str | None = None) -> subprocess.Popen[bytes]:
        """Start the broker of a host with a broker.toml of its own."""
        home = self.folder / host
        home.mkdir(exist_ok=True)
        (home / "broker.toml").write_text(self.toml() if toml is None else toml)
        command = [sys.executable, "-m", "burstd.lead.embedded", f"--config-path={home}", f"-Srundir={home}"]
        argv = [
            *command,
            f"-Shostname={host}",
            f"-Slog-filename={self.log_path(host)}",
            "-Scores=2",
            *options,
        ]
        self.processes[host] = subprocess.Popen(argv)
        return self.processes[host]

    def toml(
        self, *, hosts: str = "burst-0-[0-3]", cores: str = "0-1", verify: bool = False, queues: str = ""
    ) -> str:
        uri = f"tcp://127.0.0.1:{self.port}"
        names = "" if verify else '[resource.verify]\nhostname = "ignore"\n'
        return (
            f'[bootstrap]\ncurve_cert = "{self.certificate}"\n'
            f'hosts = [{{host="{LEAD}", bind="{uri}", connect="{uri}"}}, {{host="flux-sample-1"}}, '
            f'{{host="{hosts}"}}]\n'
            f'[[resource.config]]\nhosts = "flux-sample-[0-1]"\ncores = "0-1"\n'
            f'[[resource.config]]\nhosts = "burst-0-[0-3]"\ncores = "{cores}"\nproperties = ["burst"]\n'
            f"{names}{queues}"
        )

    def lone(self) -> str:
        """Return the broker.toml of an instance of one host."""
        uri = f"tcp://127.0.0.1:{self.port}"
        return (
            f'[bootstrap]\ncurve_cert = "{self.certificate}"\n'
            f'hosts = [{{host="{LEAD}", bind="{uri}", connect="{uri}"}}]\n'
            f'[[resource.config]]\nhosts = "{LEAD}"\ncores = "0-1"\n[resource.verify]\nhostname = "ignore"\n'
        )

    def log_path(self, host: str) -> Path:
        return self.folder / f"{host}.log"

    def log(self, host: str) -> str:
        path = self.log_path(host)
        return path.read_text() if path.exists() else ""

    def connect(self) -> Handle:
        """Connect to the lead, as soon as it answers."""
        uri, deadline = f"embedded://{self.folder}/{LEAD}/local", time.monotonic() + SECONDS
        while True:
            try:
                self.handles.append(connect(uri))
                return self.handles[-1]
            except LeadLost:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def stop(self) -> None:
        for handle in self.handles:
            handle.close()
        for process in self.processes.values():
            process.kill()
            process.wait()


def until(stream: Stream, wanted: Callable[[Payload], bool], seconds: float = SECONDS) -> Payload:
    """Return the first response that is wanted, within the deadline."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        response = stream.next(left)
        if response is not None and wanted(response):
            return response
    raise AssertionError("it did not come in time")


def online(handle: Handle, members: str) -> None:
    """Wait until exactly these ranks are online."""
    until(handle.stream("groups.get", {"name": "broker.online"}, 0), lambda got: got["members"] == members)


def events(handle: Handle, job: int) -> list[dict[str, Any]]:
    """Return the events of a job from the journal, up to its end."""
    seen: list[dict[str, Any]] = []
    journal = handle.stream("job-manager.events-journal", {"full": True}, 0)
    while not seen or seen[-1]["name"] != "clean":
        seen += until(journal, lambda got: got["id"] == job)["events"]
    return seen


def output(handle: Handle, job: int, stream: str = "stdout") -> dict[str, str]:
    """Return what each task wrote, once the job is over."""
    texts: dict[str, str] = {}
    watch = handle.stream("job-info.eventlog-watch", {"id": job, "path": "guest.output", "flags": 1})
    try:
        while True:
            context = json.loads(until(watch, lambda _: True)["event"])["context"]
            if context.get("stream") == stream and "data" in context:
                texts[context["rank"]] = texts.get(context["rank"], "") + context["data"]
    except StopIteration:
        return texts
