"""Those who gave an order and wait until it is done."""

from __future__ import annotations

from collections.abc import Callable, Collection

from burstd.core.model import Burst, Phase
from burstd.core.reasons import Reason
from burstd.engine.control import Call


class Callers:
    """Used by the main loop alone."""

    def __init__(self) -> None:
        self._waiting: list[Call] = []

    def add(self, call: Call) -> None:
        """Let one wait, if it asked to."""
        self._waiting += [call] if call.order.wait else []

    def answer(
        self,
        pools: Collection[str],
        bursts: Collection[Burst],
        obstacle: Callable[[str], Reason | None],
        shows: Callable[[str], bool],
    ) -> bool:
        """Answer those whose order is done, or cannot be now; say whether one waits for what a listing shows.

        `obstacle` tells why hosts of a pool that were ordered up are not, `shows` whether it has a site.
        """
        unseen = False
        for call in list(self._waiting):
            names = call.order.pools or tuple(pools)
            reasons = [str(reason) for name in names if (reason := obstacle(name)) is not None]
            if reasons:
                self._end(call, *reasons, "The order stands, and is carried out once that is over.")
            elif all(_is_done(call, name, bursts, shows) for name in names):
                self._end(call, f"{', '.join(names)}: done.")
            else:
                unseen |= call.order.do == "down" and not any(burst.pool in names for burst in bursts)
        return unseen

    def _end(self, call: Call, *sentences: str) -> None:
        call.answer(*sentences)
        self._waiting = [one for one in self._waiting if one is not call]


def _is_done(call: Call, pool: str, bursts: Collection[Burst], shows: Callable[[str], bool]) -> bool:
    mine = [burst for burst in bursts if burst.pool == pool]
    if call.order.do == "up":
        return any(burst.phase is Phase.SERVING for burst in mine)
    return call.order.do != "down" or not (mine or shows(pool))
