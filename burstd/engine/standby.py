"""burstd that stays, whatever happens: for pods, where a sidecar that fails again and again ends the lead.

Each container that ends with an error counts against the backoff limit of the pod's Job. So what keeps burstd
from serving is said, and tried again: when the configuration file changed, or after a pause.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import FrameType

from burstd.config import Config
from burstd.core.errors import BurstdError, ConfigError, LeadError, OtherRank
from burstd.engine.reception import Reception
from burstd.engine.standnote import StandNote
from burstd.engine.statedir import state_dir
from burstd.engine.wiring import Service, run

log = logging.getLogger("burstd.standby")

POLL_SECONDS = 1.0
"""Between two looks at the configuration file."""

FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 30.0
"""The longest pause between two tries; each is twice as long as the one before."""

LEAD_PAUSE_SECONDS = 5.0
"""The same where only the lead is not there: its broker often starts after burstd, and asking is cheap."""

REPEAT_SECONDS = 600.0
"""After this time a sentence that did not change is said again."""

Signal = Callable[[int, FrameType | None], None]


def stand_by(load: Callable[[], Config], path: Path | None) -> int:
    """Serve whenever that is possible, until SIGTERM or SIGINT; return the exit code, which is always 0.

    `load` reads the configuration anew and raises ConfigError; `path` is the file it reads, if any.
    """
    with closing(Reception()) as reception:
        return _StandBy(load, path, reception).run()


def wait_for_end(sentence: str) -> int:
    """Say what keeps burstd from ever serving, and wait for SIGTERM or SIGINT; return the exit code, 0."""
    _on_signals(_leave)
    while True:
        log.error("%s", sentence)
        time.sleep(REPEAT_SECONDS)


class _StandBy:
    """One process that stands by; its main thread serves, a second one watches the file meanwhile."""

    def __init__(self, load: Callable[[], Config], path: Path | None, reception: Reception) -> None:
        self._load = load
        self._path = path
        self._reception = reception
        self._news = News()
        self._note = StandNote()
        self._state: Path | None = None
        self._content = b""
        self._served = False
        self._again = False
        self._stopping = False

    def run(self) -> int:
        """See stand_by."""
        _on_signals(_leave)
        self._news.listen()
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._served = self._again = False
            self._content = _content(self._path)
            longest = self._serve()
            if self._served:
                pause = FIRST_PAUSE_SECONDS
            if longest is None and not self._again:
                return 0
            if longest is not None:
                changed = self._wait(min(pause, longest))
                pause = FIRST_PAUSE_SECONDS if changed else min(2 * pause, LAST_PAUSE_SECONDS)

    def _serve(self) -> float | None:
        """Serve; where that could not be, say why and return the longest pause; None: stopped in order."""
        self._state = None
        try:
            config = self._load()
            self._state = state_dir(config)
            self._reception.open(config)
            beside = partial(self._beside, config=config)
            run(config, beside, patient=False, reception=self._reception)
        except OtherRank as exc:
            self._say(
                f"this is rank {exc.rank} of the instance; burstd serves from rank 0 and stands by here",
                logging.INFO,
            )
        except BurstdError as exc:
            self._say(f"burstd stands by: {_words(exc)}")
            return LEAD_PAUSE_SECONDS if isinstance(exc, LeadError) else LAST_PAUSE_SECONDS
        except Exception as exc:  # the edge of the process: no fault of burstd's own may end the lead's pod
            log.debug("what was not foreseen", exc_info=True)
            self._say(f"burstd stands by: unforeseen: {type(exc).__name__}: {exc}; please report it")
        else:
            return None
        return LAST_PAUSE_SECONDS

    def _say(self, trouble: str, level: int = logging.WARNING) -> None:
        self._news.say(trouble, level)
        if self._state is not None:
            self._note.write(self._state, trouble)

    def _wait(self, seconds: float) -> bool:
        """Wait; end early, and return True, when the file changed."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS))
            if _content(self._path) != self._content:
                return True
        return False

    @contextmanager
    def _beside(self, service: Service, config: Config) -> Iterator[None]:
        """Watch the file while burstd serves; a signal stops it in order, a second one at once."""
        over = threading.Event()

        def stop(number: int, _frame: FrameType | None) -> None:
            if self._stopping:
                os._exit(128 + number)
            self._stopping = True
            service.leave()

        watcher = threading.Thread(target=self._watch, args=(service, config, over), daemon=True)
        self._served = True
        self._note.end()
        self._news.begin(quiet=False)
        _on_signals(stop)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            self._news.begin(quiet=True)
            _on_signals(_leave)
            self._again = self._again and not self._stopping

    def _watch(self, service: Service, config: Config, over: threading.Event) -> None:
        """Stop the service for another configuration that it can have; say of any other what is wrong."""
        judged = latest = self._content
        while not over.wait(POLL_SECONDS):
            before, latest = latest, _content(self._path)
            if latest == judged or latest != before:  # the same as ever, or perhaps still being written
                continue
            try:
                other = self._load()
                service.fit(other)
            except LeadError:
                continue  # the lead cannot tell whether it fits: asked again
            except BurstdError as exc:
                what = "the file changed, and burstd goes on with what it said before"
                log.warning("%s: %s", what, _words(exc))
            else:
                if other != config:
                    log.info("the configuration changed; burstd stops in order and starts again with it")
                    self._again = True
                    service.stop()
                    return
            judged = latest


class News(logging.Filter):
    """Lets each sentence be said once, and again only after a while, for as long as burstd does not serve."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._trouble = ""
        self._said: dict[str, float] = {}
        self._quiet = True

    def listen(self) -> None:
        """Stand between every logger and what writes its sentences."""
        for handler in logging.getLogger().handlers:
            handler.addFilter(self)

    def say(self, trouble: str, level: int = logging.WARNING) -> None:
        """Say what keeps burstd from serving, unless it is what it was."""
        if trouble != self._trouble:
            self._said.pop(trouble, None)
        self._trouble = trouble
        log.log(level, "%s", trouble)

    def begin(self, *, quiet: bool) -> None:
        """Begin to stand by (`quiet`) or to serve: what is said from now on is news."""
        self._quiet = quiet
        self._trouble = ""
        self._said.clear()

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        if not self._quiet:
            return True
        sentence, now = record.getMessage(), self._clock()
        self._said = {text: at for text, at in self._said.items() if now - at < REPEAT_SECONDS}
        news = sentence not in self._said
        self._said.setdefault(sentence, now)
        return news


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _on_signals(act: Signal) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, act)


def _content(path: Path | None) -> bytes:
    """Return what tells one content of the file from another, through links; b"" where it cannot be read."""
    if path is None:
        return b""
    try:
        return sha256(path.read_bytes()).digest()
    except OSError:
        return b""


def _words(exc: BurstdError) -> str:
    if not isinstance(exc, ConfigError):
        return str(exc)
    return f"the configuration cannot be used: {'; '.join(map(str, exc.problems))}"
