"""What a daemon could say, for the web server: documents by the very functions that the daemon uses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from http.client import HTTPConnection, HTTPMessage
from typing import Any

from burstd.config.http import HttpConfig
from burstd.core.jobpage import page
from burstd.core.model import Burst, Caps, Cooldown, Failure, Phase, Policy, Site, Snapshot, Span
from burstd.core.overview import overview
from burstd.core.reasons import Code, Reason
from burstd.core.timeline import lines
from burstd.testing.builders import a_burst, a_job, a_policy, a_pool, some_hosts
from burstd.web.server import Server
from burstd.web.sources import NoAnswer, Sources

TOKEN = "a-token-of-tests-alone"
EVIL = "<script>window.evil = 1</script><img src=x onerror='window.evil = 1'>"


@dataclass
class Daemon:
    """What is so, as the daemon sees it; a test changes it while the server runs."""

    snapshot: Snapshot
    policy: Policy
    reasons: tuple[tuple[int, Reason], ...] = ()
    past: tuple[Burst, ...] = ()
    told: tuple[tuple[float, str], ...] = ()
    lead_answers: bool = True
    answers: bool = True
    serves: bool = True
    trouble: str = ""
    asked: list[str] = field(default_factory=list)

    def sources(self, metrics: Callable[[], bytes | None]) -> Sources:
        return Sources(
            self.pulse, self.overview, self.jobs, self.bursts, self.events, lambda: self.trouble, metrics
        )

    def pulse(self) -> Mapping[str, Any]:
        self._answer("pulse")
        return {"serves": self.serves, "lead_answers": self.lead_answers and self.serves}

    def overview(self) -> Mapping[str, Any]:
        self._answer("overview")
        now = time.time()
        return overview(
            self.snapshot, self.policy, self.reasons, now, lead_answers=self.lead_answers, seen_at=now - 5
        )

    def jobs(self, limit: int, after: int) -> Mapping[str, Any]:
        self._answer("jobs")
        return asdict(
            page(self.snapshot, self.reasons, time.time(), seen_at=time.time(), limit=limit, after=after)
        )

    def bursts(self) -> Mapping[str, Any]:
        now = time.time()
        return asdict(lines((*self.snapshot.bursts, *self.past), self.told, now, now - 86400))

    def events(self, limit: int, before: int | None) -> Mapping[str, Any]:
        rows = list(enumerate(self.told, 1))[::-1]
        found = [(id_, at, text) for id_, (at, text) in rows if before is None or id_ < before]
        events = [{"id": id_, "at": at, "sentence": text} for id_, at, text in found[:limit]]
        return {"events": events, "before": events[-1]["id"] if len(found) > limit else None}

    def _answer(self, ask: str) -> None:
        self.asked.append(ask)
        if not self.answers:
            raise NoAnswer("burstd is busy, or is being stopped: it gave no answer in time")


def a_busy_daemon(name: str = "train", words: str = "the cloud has no room in europe-west4-a") -> Daemon:
    """A daemon with three pools, bursts that live, went and failed, and jobs that wait.

    `name` is that of a job, `words` are a cloud's.
    """
    now = time.time()
    cpu = a_pool("cpu", 4, 4, provider="gke", paid=True, cost_per_hour=2.5, dollars_per_day=40.0)
    gpu = a_pool("gpu", 2, 8, provider="gke", paid=True, cost_per_hour=9.0)
    pools = (cpu, gpu, a_pool("desk", 2, 10))
    failure = Failure(words, 60.0)
    living = replace(
        _burst("cpu", 3, Phase.SERVING, 4, now - 2400, now - 1900, 2.5),
        site=Site("s", "cpu", 3, (), pending=words),
    )
    gone = _burst("cpu", 2, Phase.GONE, 2, now - 9000, now - 4000, 2.5, ended=now - 4050, why="idle")
    failed = replace(
        _burst("gpu", 1, Phase.GONE, 2, now - 5200, now - 4600, 9.0, ended=now - 4650, why=words),
        failure=failure,
    )
    coming = _burst("desk", 1, Phase.JOINING, 2, now - 60, now - 20, 0.0)
    jobs = (
        a_job(7, name=name, userid=4711, queue="batch"),
        a_job(8, name="sweep", userid=4712, queue="batch"),
        a_job(9, name="sweep", userid=4712, queue="gpu"),
    )
    reasons = (
        (7, Reason(Code.POOL_BUSY, "cpu")),
        (8, Reason(Code.POOL_BUSY, "cpu")),
        (9, Reason(Code.POOL_COOLDOWN, f"gpu rests after a failure: {words}")),
    )
    snapshot = Snapshot(
        some_hosts(pools, online=(4, 5, 6, 10)),
        jobs,
        (living, coming),
        (Cooldown("gpu", words, now + 1500, 1),),
        past=(gone, failed),
    )
    policy = a_policy(*pools, max_bursts=3, caps=Caps(dollars_per_hour=30.0, dollars_per_day=120.0))
    return Daemon(snapshot, policy, reasons, (gone, failed), _told(now, words))


def _burst(
    pool: str,
    generation: int,
    phase: Phase,
    size: int,
    created: float,
    since: float,
    cost: float,
    **rest: Any,
) -> Burst:
    burst = a_burst(phase, size, created=created, since=since, spans=(Span(created, size),))
    return replace(
        burst, pool=pool, generation=generation, cost_per_hour=cost, lifetime_seconds=14400.0, **rest
    )


def _told(now: float, words: str) -> tuple[tuple[float, str], ...]:
    return (
        (now - 8950, "cpu-g2: its site is being made"),
        (now - 8500, "cpu-g2: its site is there; its brokers are being started"),
        (now - 8300, "cpu-g2: its brokers were started; waiting for them to join the lead"),
        (now - 8250, "cpu-g2: serves"),
        (now - 5180, "gpu-g1: its site is being made"),
        (now - 4700, f"gpu-g1: failed: {words}"),
        (now - 4700, f"gpu-g1: is being released: {words}"),
        (now - 4600, "gpu-g1: is gone, verified"),
        (now - 4400, "cpu-g2: drains: idle"),
        (now - 4300, "cpu-g2: is being released: idle"),
        (now - 4000, "cpu-g2: is gone, verified"),
        (now - 2390, "cpu-g3: its site is being made"),
        (now - 2050, "cpu-g3: its site is there; its brokers are being started"),
        (now - 1950, "cpu-g3: its brokers were started; waiting for them to join the lead"),
        (now - 1900, "cpu-g3: serves"),
        (now - 50, "desk-g1: its site is there; its brokers are being started"),
        (now - 20, "desk-g1: its brokers were started; waiting for them to join the lead"),
    )


@contextmanager
def served(
    daemon: Daemon, metrics: Callable[[], bytes | None] = lambda: None, **settings: Any
) -> Iterator[int]:
    """Serve what a daemon says; yield the port."""
    server = Server(HttpConfig(**({"port": 0} | settings)), daemon.sources(metrics))
    _, sentence = server.start()
    try:
        yield int(sentence.rsplit(":", 1)[1].rstrip("/"))
    finally:
        server.stop()


def asked(
    port: int, path: str, *, method: str = "GET", token: str = "", **headers: str
) -> tuple[int, HTTPMessage, bytes]:
    """Send one request; return status, headers and body."""
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    peer = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        peer.request(
            method, path, headers=sent | {name.replace("_", "-"): text for name, text in headers.items()}
        )
        answer = peer.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        peer.close()
