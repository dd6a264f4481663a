"""What `burstd notify` says: the targets of the configuration, and how each takes a notice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from burstd.config import Config
from burstd.core.errors import Undelivered
from burstd.core.notices import Event, trial
from burstd.engine.notifier import targets


def listed(config: Config) -> Iterator[str]:
    """Yield a line for each target."""
    for hook, (place, target) in zip(config.notify, targets(config.notify), strict=True):
        events = "every event" if set(hook.events) == set(Event) else ", ".join(hook.events)
        yield f"{place}: {target.name} is told of {events}."


def tried(config: Config, say: Callable[[str], None]) -> bool:
    """Tell each target that this is a test, say how it went, and return whether all were told."""
    notice, whole = trial(config.owner, time.time()), True
    for place, target in targets(config.notify):
        try:
            target.deliver(notice, threading.Event())
        except Undelivered as exc:
            say(f"{place}: {target.name} was not told: {exc}.")
            whole = False
        else:
            say(f"{place}: {target.name} was told.")
    return whole
