"""The lead: rank 0 of the embedded instance, which holds its state and serves its clients."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from burstd.join.curve import Certificate
from burstd.lead.embedded.clients import Clients, Connection
from burstd.lead.embedded.execution import Execution
from burstd.lead.embedded.jobs import Jobs
from burstd.lead.embedded.loop import Loop
from burstd.lead.embedded.machine import introduce, read_shape
from burstd.lead.embedded.overlay import Overlay
from burstd.lead.embedded.queues import Queues
from burstd.lead.embedded.resources import Resources, misfit
from burstd.lead.embedded.sched import Mode
from burstd.lead.embedded.settings import Argv, BrokerFile
from burstd.lead.embedded.tasks import Tasks
from burstd.lead.embedded.wire import LOCAL_SCHEME

log = logging.getLogger("burstd.embedded")

VERSION = "0.88.0"
"""The flux-core release whose topics and payloads are spoken."""

NOT_A_FLUX = "burstd's embedded instance, not a Flux"


class Instance:
    """Everything that lives as long as the lead does; nothing of it outlives the lead."""

    def __init__(self, argv: Argv, file: BrokerFile, certificate: Certificate) -> None:
        self.argv = argv
        self.file = file
        self.userid = os.getuid()
        self.uuid = str(uuid4())
        self.started = time.time()
        self.services: dict[str, Connection] = {}
        self.values: dict[str, Mapping[str, Any]] = {}
        self.commits = 0
        self.loop = Loop()
        self.resources = Resources(file)
        self.jobs = Jobs()
        self.queues = Queues(file.tables)
        self.execution = Execution(self.loop, argv.sched, self.resources, self.jobs, self.queues, self.userid)
        socket_path = argv.rundir / "local"
        self.local_uri = f"{LOCAL_SCHEME}{socket_path}"
        self._overlay = Overlay(self.loop, certificate, file.bind, file.hosts, self.uuid)
        self._clients = Clients(self.loop, socket_path)
        surroundings = {"FLUX_URI": self.local_uri, "BURSTD_RUNDIR": str(argv.rundir)}
        self._tasks = Tasks(self.loop, lambda message: self.told(0, message), surroundings)

    def run(self, serve: Callable[[Instance, Connection, Mapping[str, Any]], None]) -> None:
        """Serve until SIGTERM or SIGINT, then end the jobs and send the leaves away."""
        self.loop.on_signals((signal.SIGTERM, signal.SIGINT), self.loop.stop)
        self.execution.open(self._tasks, self._overlay.send)
        self._overlay.open(self, self.local_uri)
        self.joined(0, introduce(self.argv, self.file))
        self._clients.open(lambda connection, message: serve(self, connection, message))
        self.loop.run()
        self.execution.cancel_all()
        self._tasks.end_all()
        self._overlay.close()
        self._clients.close()

    def joined(self, rank: int, hello: Mapping[str, Any]) -> None:
        """Verify a broker against what its own file declares of it, drain it if it lies, bring it online."""
        reason = self._misfit(rank, hello)
        if reason and rank not in self.resources.drains:
            log.warning("resource.err: draining: %s", reason)
            self.resources.drain(str(rank), reason)
        self.resources.bring_online(rank)
        self.execution.wake()

    def left(self, rank: int) -> None:
        """A broker is gone: its jobs fail, then its host is offline."""
        self.execution.lose(rank)
        self.resources.take_offline(rank)
        self.execution.wake()

    def told(self, rank: int, message: dict[str, Any]) -> None:
        """Take in what the tasks of a rank say."""
        self.execution.told(rank, message)

    def attribute(self, name: str) -> str | None:
        """Return a broker attribute, None where there is none."""
        rundir = str(self.argv.rundir)
        return {
            "hostlist": self.resources.everything()["execution"]["nodelist"][0],
            "size": str(len(self.resources.names)),
            "rank": "0",
            "version": VERSION,
            "broker.uuid": self.uuid,
            "broker.pid": str(os.getpid()),
            "broker.starttime": f"{self.started:.2f}",
            "broker.boot-method": "config",
            "broker.mapping": f"[[0,{len(self.resources.names)},1,1]]",
            "burstd.embedded": NOT_A_FLUX,
            "config.path": str(self.argv.config_path),
            "hostname": self.argv.hostname,
            "instance-level": "0",
            "jobid-path": "/",
            "local-uri": self.local_uri,
            "rundir": rundir,
            "security.owner": str(self.userid),
            "statedir": rundir,
            "statedir-cleanup": "1",
            "tbon.endpoint": self.file.connect or self._overlay.endpoint,
            "tbon.level": "0",
            "tbon.maxlevel": "1",
        }.get(name)

    def scheduler(self) -> str:
        """Return the name of the module that offers `sched`, as Flux would call it."""
        return "sched-simple" if self.argv.sched is Mode.FIFO else "sched-fluxion-qmanager"

    def _misfit(self, rank: int, hello: Mapping[str, Any]) -> str:
        if hello["noverify"]:
            return ""
        shape = read_shape(hello["claimed"]) if hello["claimed"] else self.resources.shapes[rank]
        place = (rank, self.resources.names[rank])
        return misfit(place, shape, read_shape(hello["real"]), hello["hostname"], hello["any_hostname"])
