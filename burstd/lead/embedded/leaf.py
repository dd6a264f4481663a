"""A broker of any other rank: joins the lead, runs what it is told to, says goodbye."""

from __future__ import annotations

import logging
import signal
from collections.abc import Mapping
from typing import Any

import zmq

from burstd.join.curve import Certificate
from burstd.lead.embedded import sockets
from burstd.lead.embedded.loop import Loop
from burstd.lead.embedded.machine import introduce
from burstd.lead.embedded.settings import Argv, BrokerFile
from burstd.lead.embedded.tasks import Tasks, Work

log = logging.getLogger("burstd.embedded")

_GOODBYE_SECONDS = 1.0
"""How long a leaf that leaves waits for the lead to answer."""


class Leaf:
    """Runs until it is told to go. While no lead answers it keeps trying, in silence, like Flux's own."""

    def __init__(self, argv: Argv, file: BrokerFile, certificate: Certificate) -> None:
        self._loop = Loop()
        self._introduction = introduce(argv, file)
        self._met = ""
        self._leaving = False
        surroundings = {"BURSTD_RUNDIR": str(argv.rundir)}
        self._surroundings = surroundings
        self._tasks = Tasks(self._loop, self._say, surroundings)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._dealer = sockets.dealer(self._context, certificate)
        self._monitor = sockets.monitor(
            self._loop, self._dealer, zmq.EVENT_HANDSHAKE_SUCCEEDED, self._connected
        )
        sockets.connect(self._dealer, file.connect)
        log.info("overlay.debug: connecting to %s", file.connect)

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or the lead's word."""
        self._loop.watch(self._dealer, lambda _: self._receive())
        self._loop.on_signals((signal.SIGTERM, signal.SIGINT), self._leave)
        self._loop.run()
        self._tasks.end_all()
        self._dealer.disable_monitor()
        self._monitor.close()
        self._dealer.close()
        self._context.term()

    def _connected(self) -> None:
        self._say({"type": "hello", "met": self._met, **self._introduction})

    def _say(self, message: dict[str, Any]) -> None:
        sockets.send(self._dealer, message)

    def _leave(self) -> None:
        if self._leaving or not self._met:
            self._loop.stop()
            return
        self._leaving = True
        self._say({"type": "goodbye"})
        self._loop.after(_GOODBYE_SECONDS, self._loop.stop)

    def _receive(self) -> None:
        for _, message in sockets.receive(self._dealer):
            self._heard(message)

    def _heard(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "welcome":
                log.info("overlay.debug: hello parent 0 %s", message["lead"])
                self._met = message["lead"]
                self._surroundings["FLUX_URI"] = message["uri"]
                self._say({"type": "here"})
            case "disconnect":
                log.error("overlay.err: sent disconnect control message: %s", message["why"])
                self._loop.stop()
            case "goodbye":
                self._loop.stop()
            case "run":
                self._tasks.start(Work(**message["work"]))
            case "kill":
                self._tasks.kill(message["job"])
