"""Tells people what happened: a witness that makes notices of it, for couriers to carry."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from burstd.config.notify import HookConfig
from burstd.core.model import Burst
from burstd.core.notices import Event, Notice, Told, lack, lead_back, lead_lost, of_burst, of_state
from burstd.engine.couriers import Courier, Target, close
from burstd.engine.hooks import Hook
from burstd.engine.ledger import Ledger
from burstd.engine.webhooks import Webhook
from burstd.engine.witness import Tick, Witness

LOST_SECONDS = 60.0
"""So long a lead may be away, for a restart of its broker, before that is told."""

TOLD = "told"
"""The key in the ledger under which stands what was told and still holds."""


class Notifier(Witness):
    """Hears in the main loop, and keeps in the ledger what was told, so that a restart repeats nothing."""

    def __init__(
        self,
        owner: str,
        ledger: Ledger,
        couriers: Sequence[Courier],
        clock: Callable[[], float] = time.time,
        lost_seconds: float = LOST_SECONDS,
    ) -> None:
        self._owner = owner
        self._ledger = ledger
        self._couriers = couriers
        self._clock = clock
        self._told = Told.read(ledger.note(TOLD))
        self._away = _Away(lost_seconds, clock, self._tell_lost)

    def recorded(self, before: Burst | None, burst: Burst, now: float) -> None:
        for notice in of_burst(before, burst, self._owner, now):
            what = lack(burst) if notice.event == Event.BURST_FAILED else ""
            if what not in self._told.today(now):
                self._tell([notice])
            if what:
                self._keep(self._told.once_today([what], now))

    def ticked(self, tick: Tick) -> None:
        waits = chain(tick.plan.reasons, ((0, reason) for _, reason in tick.plan.orders))
        told, notices = of_state(self._told, tick.snapshot, tick.policy, waits, tick.at)
        self._keep(told)
        self._tell(notices)

    def met(self, lead_answers: bool) -> None:
        if not lead_answers:
            self._away.begin()
        elif (seconds := self._away.end()) is not None:
            self._tell([lead_back(self._owner, seconds, self._clock())])

    def close(self) -> None:
        """Deliver what is queued, in a few seconds at most."""
        self._away.end()
        close(self._couriers)

    def _keep(self, told: Told) -> None:
        if told != self._told:
            self._ledger.put(TOLD, told.text())
            self._told = told

    def _tell_lost(self, seconds: float) -> None:
        self._tell([lead_lost(self._owner, seconds, self._clock())])

    def _tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            for courier in self._couriers:
                courier.post(notice)


class _Away:
    """Tells that the lead is away once it has been for a while; a short absence is told to nobody."""

    def __init__(self, seconds: float, clock: Callable[[], float], tell: Callable[[float], None]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._since = 0.0
        self._told = False

    def begin(self) -> None:
        with self._lock:
            self._since, self._told = self._clock(), False
            self._timer = threading.Timer(self._seconds, self._ring)
            self._timer.daemon = True
            self._timer.start()

    def end(self) -> float | None:
        """Return for how many seconds it was away, None where that was not told."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            return self._clock() - self._since if self._told else None

    def _ring(self) -> None:
        with self._lock:
            if self._timer is None or self._told:
                return
            self._told = True
            self._tell(self._seconds)


def couriers(hooks: Sequence[HookConfig]) -> tuple[Courier, ...]:
    """Return one for each target of the configuration, at work already."""
    return tuple(
        Courier(place, target, hook.events)
        for hook, (place, target) in zip(hooks, targets(hooks), strict=True)
    )


def targets(hooks: Sequence[HookConfig]) -> tuple[tuple[str, Target], ...]:
    """Return each target, and its place in the configuration."""
    return tuple((f"notify[{index}]", _target(hook)) for index, hook in enumerate(hooks))


def _target(hook: HookConfig) -> Target:
    if hook.command is not None:
        return Hook(hook.command, hook.timeout_seconds, hook.jobs)
    url = hook.url or ""
    return Webhook(url, hook.url_file, hook.token_file, hook.body, hook.timeout_seconds, hook.jobs)
