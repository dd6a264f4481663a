"""The labels by which burstd knows what it made, and what that serves. Pure.

Keys and values obey the rule of Google Cloud's labels: at most 63 lower-case letters, digits, _ and -.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

PREFIX = "burstd-"
"""What every label of burstd's begins with."""

OWNER = "burstd-owner"
POOL = "burstd-pool"
GENERATION = "burstd-generation"
SERVES = "burstd-serves"
IDLE_SINCE = "burstd-idle-since"
SPEC = "burstd-spec"

_DIGITS = 12
"""Of a generation or a moment in seconds: more are none."""

NOBODY = "none"
"""The value of `burstd-serves` on a cluster that is kept."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What the labels of one cluster or node pool say.

    `generation` is its own: of the burst that it was made for. `serves` is the generation of the burst that
    lives there now, None: nobody does, since `idle_since` (seconds since the epoch). `spec` tells what it was
    made like.
    """

    owner: str
    pool: str
    generation: int
    serves: int | None
    spec: str
    idle_since: float = 0.0

    def labels(self) -> dict[str, str]:
        """Return the labels that say this."""
        labels = {
            OWNER: self.owner,
            POOL: self.pool,
            GENERATION: str(self.generation),
            SERVES: NOBODY if self.serves is None else str(self.serves),
            SPEC: self.spec,
        }
        return labels if self.serves is not None else labels | {IDLE_SINCE: str(int(self.idle_since))}

    def serving(self, generation: int) -> Marks:
        """Return the marks of the same thing once it serves a burst."""
        return replace(self, serves=generation, idle_since=0.0)

    def idle(self, now: float) -> Marks:
        """Return the marks of the same thing once nobody lives there."""
        return replace(self, serves=None, idle_since=now)


def read(labels: Mapping[str, str]) -> Marks | None:
    """Return what labels say; None: burstd did not write them, or somebody changed them since."""
    try:
        serves = labels[SERVES]
        return Marks(
            labels[OWNER],
            labels[POOL],
            _number(labels[GENERATION]),
            None if serves == NOBODY else _number(serves),
            labels[SPEC],
            float(_number(labels.get(IDLE_SINCE, "0"))),
        )
    except (KeyError, ValueError):
        return None


def _number(text: str) -> int:
    """Return a number as burstd writes it. Raises ValueError for all else that Python would take for one."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise ValueError(f"{text!r} is not a number of burstd's")
    return int(text)


def others(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that are not burstd's."""
    return {key: value for key, value in labels.items() if not key.startswith(PREFIX)}
