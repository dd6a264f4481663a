"""The lease of a burst on this machine: a file beside its brokers' that its owner writes again and again."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from burstd.core.errors import NotNow
from burstd.core.silence import LeaseTerms
from burstd.plugins.local.site import Place, write_private

_NAME = "lease.json"


@dataclass(frozen=True, slots=True)
class LocalLease:
    """What the owner last said: when (seconds since the epoch), whether jobs ran, how long to wait for more.

    `stop_seconds` is how long brokers may take to end.
    """

    renewed: float
    busy: bool
    terms: LeaseTerms
    stop_seconds: float


def write(place: Place, lease: LocalLease) -> None:
    """Write the lease of a burst whose directory is there. Raises NotNow."""
    try:
        write_private(place.watch / _NAME, json.dumps(asdict(lease)).encode())
    except OSError as exc:
        raise NotNow(f"{place.directory.name}: its lease cannot be written: {exc}") from exc


def read(place: Place) -> LocalLease | None:
    """Return the lease; None where there is none, or none that can be read."""
    try:
        found = json.loads((place.watch / _NAME).read_bytes())
        terms = LeaseTerms(_span(found["terms"]["idle_seconds"]), _span(found["terms"]["with_jobs_seconds"]))
        return LocalLease(_span(found["renewed"]), found["busy"] is True, terms, _span(found["stop_seconds"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _span(value: object) -> float:
    """Return a number of seconds. Raises ValueError where it is none, or no time that can pass."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{value!r} is no number of seconds")
    return float(value)
