"""Operations and deletions carried to their end, whatever else GKE does with a cluster meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from burstd.core.errors import NotNow
from burstd.kube.patience import Heed, always
from burstd.plugins.gke import troubles
from burstd.plugins.gke.cloud import Cloud
from burstd.plugins.gke.pace import Pace
from burstd.plugins.gke.seen import OperationSeen, Words
from burstd.plugins.gke.troubles import Busy, Missing, Unsure

DELETE_SECONDS = 600.0
"""How long a deletion may take, with what it waits for, before it is given up for now."""

LABEL_SECONDS = 120.0
"""How long a change of labels may take."""


@dataclass(frozen=True, slots=True)
class Operations:
    """Waits for what GKE does by itself."""

    cloud: Cloud
    pace: Pace

    def finish(self, operation: OperationSeen, doing: str, heed: Heed = always) -> None:
        """Wait until an operation is done. Raises what it failed with, NotNow where it takes too long."""
        for _ in self.pace.looks(LABEL_SECONDS, heed):
            if self.is_done(operation, doing):
                return
        raise NotNow(f"{doing}: operation {operation.name} is not done after {LABEL_SECONDS:g} s")

    def is_done(self, operation: OperationSeen, doing: str) -> bool:
        """Say whether an operation is done, or long forgotten. Raises what it failed with."""
        try:
            seen = self.cloud.operation(operation)
        except Missing:
            return True
        if seen.failed:
            raise troubles.error(troubles.of_making(doing, seen.words, self.cloud.place))
        return seen.done

    def words(self, location: str, cluster: str) -> tuple[Words, ...]:
        """Return what the latest operation on a cluster that failed says."""
        failed = (one for one in self.cloud.operations(location, cluster) if one.failed)
        return next((one.words for one in failed), ())

    def delete(self, doing: str, is_there: Callable[[], bool], ask: Callable[[], OperationSeen]) -> None:
        """Ask for a deletion until it is taken, then wait until nothing is there.

        `is_there` looks anew each time whether what is meant is there and still may be deleted; `ask` is
        called right after it. Raises NotNow where it takes too long, and what the deletion failed with.
        """
        asked: OperationSeen | None = None
        hindrance = "it is not done"
        for _ in self.pace.looks(DELETE_SECONDS):
            if not is_there():
                return
            if asked is not None and not self.is_done(asked, doing):
                continue
            try:
                asked = ask()
            except Missing:
                return
            except (Busy, Unsure) as exc:
                hindrance = str(exc)
        raise NotNow(f"{doing}: not gone after {DELETE_SECONDS:g} s; {hindrance}", troubles.BUSY_SECONDS)
