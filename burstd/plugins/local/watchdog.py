"""The program that ends a burst of this machine when nobody renews its lease: one for each burst, by itself.

It is started before the burst's first broker and outlives burstd, as brokers do. It knows its burst by the
directory, and leaves when that is gone or is another's: the lock it holds lies in there.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from burstd.core.errors import EffectError
from burstd.core.silence import LeaseTerms, Watched, left, seen, unseen
from burstd.plugins.local import ending, launch, lease
from burstd.plugins.local.site import Place, placed
from burstd.plugins.local.watchdogs import READY, TOKEN

_LOCK = "watchdog.lock"
_LOG = "watchdog.log"
_LOOK_SECONDS = 1.0
_LOOKS = 20
"""In the time after which an idle burst ends it looks at least so often."""

log = logging.getLogger("burstd.watchdog")


class Watchdog:
    """Looks at the lease of one burst, and ends the burst when the rule says so."""

    def __init__(self, place: Place, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is the watcher's own: what the lease says of times is never compared with it."""
        self.place = place
        self.look_seconds = _LOOK_SECONDS
        self._clock = clock
        self._watched = Watched()
        self._terms = LeaseTerms()
        self._stop_seconds = 10.0

    def look(self) -> bool:
        """Look once, and end the burst if its time is over; say whether it was ended. Raises NotNow."""
        self._read()
        if left(self._watched, self._terms) > 0 or self._spared_by_jobs():
            return False
        waited = f"{self._watched.silent_seconds:.0f} s"
        log.warning("%s: nobody renewed its lease for %s; it is ended", self.place.directory.name, waited)
        self._end()
        log.warning("%s: ended; nothing of it is left", self.place.directory.name)
        return True

    def _read(self) -> None:
        """A lease that is not there says nothing, which is silence; a disk that cannot be read is none."""
        now, longest = self._clock(), 2 * self.look_seconds
        if not self.place.watch.is_dir():
            self._watched = unseen(self._watched)
            return
        found = lease.read(self.place)
        if found is not None:
            self._terms, self._stop_seconds = found.terms, found.stop_seconds
            self.look_seconds = min(_LOOK_SECONDS, self._terms.idle_seconds / _LOOKS)
        said = f"{found.renewed}/{found.busy}" if found else "nothing"
        busy = found.busy if found else self._watched.busy
        self._watched = seen(self._watched, said, busy=busy, now=now, longest_seconds=longest)

    def _spared_by_jobs(self) -> bool:
        """A job may have begun since the owner last said anything; its processes are seen here."""
        longest = self._terms.allowed(busy=True)
        return self._watched.silent_seconds < longest and ending.has_jobs(self.place)

    def _end(self) -> None:
        hosts = self.place.running().keys() | self.place.hosts_on_disk()
        ending.stop(self.place, hosts, self._stop_seconds)
        launch.remove_tree(self.place.directory)


def main() -> int:
    """Watch the burst that the argument names until it is gone; return the exit code."""
    (argument,) = [word for word in sys.argv[1:] if word.startswith(TOKEN)]
    place = placed(Path(argument.removeprefix(TOKEN)))
    held = _lock(place)
    os.write(sys.stdout.fileno(), READY)
    if held is None:
        return 0  # another one watches it already
    _log_to(place.root / _LOG)
    _watch(Watchdog(place), held)
    return 0


def _watch(watchdog: Watchdog, held: int) -> None:
    told = ""
    while _is_held(watchdog.place, held):
        try:
            if watchdog.look():
                return
        except (EffectError, OSError) as exc:
            if str(exc) != told:
                log.error("%s: %s; tried again", watchdog.place.directory.name, exc)
            told = str(exc)
        time.sleep(watchdog.look_seconds)


def _lock(place: Place) -> int | None:
    """Take the burst's lock and return it; None where another watchdog has it."""
    held = os.open(place.watch / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    return held


def _is_held(place: Place, held: int) -> bool:
    """Say whether the lock still lies where the burst is: it goes with the burst, whoever takes that away."""
    try:
        there = (place.watch / _LOCK).stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(held)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _log_to(file: Path) -> None:
    """Let nobody wait for more on the pipes that it was started with, and write into the owner's log."""
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for descriptor in (1, 2):
        os.dup2(opened, descriptor)
    os.close(opened)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
