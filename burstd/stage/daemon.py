"""burstd itself as a process of its own: for the demo, the tests and the bench."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import yaml

from burstd.core.errors import BurstdError

STOP_SECONDS = 30.0
"""How long a daemon may take to stop in order."""


class DaemonEnded(BurstdError):
    """The daemon ended by itself, or not as it should."""


class DaemonProcess:
    """One `burstd` with a configuration file of its own; every line it says is passed on."""

    def __init__(
        self,
        config: Mapping[str, Any],
        path: Path,
        environment: Mapping[str, str],
        say: Callable[[str], None] = lambda _: None,
        flags: Sequence[str] = (),
        *,
        own_group: bool = False,
    ) -> None:
        """Write `config` to `path`; `environment` is added to the caller's own.

        It serves no HTTP unless `config` says so: another burstd of this machine may have the port.
        With `own_group` Ctrl-C at a terminal does not reach it, only the caller.
        """
        path.write_text(yaml.safe_dump({"http": {"off": True}, **config}))
        self.command = [sys.executable, "-m", "burstd", "--config", str(path), *flags]
        self.lines: list[str] = []
        self.environment = {**os.environ, **environment}
        self._say = say
        self._group = 0 if own_group else None
        self._said = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> DaemonProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def runs(self) -> bool:
        return self._started().poll() is None

    def start(self) -> None:
        """Start the daemon; its standard error is read by a thread."""
        self._process = subprocess.Popen(
            self.command,
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
            process_group=self._group,
        )
        if self._process.stderr is not None:
            self._reader = threading.Thread(target=self._repeat, args=(self._process.stderr,), daemon=True)
            self._reader.start()

    def check(self) -> None:
        """Raise DaemonEnded if it is no longer there."""
        process = self._process
        if process is not None and process.poll() is not None:
            raise DaemonEnded(f"burstd ended by itself with exit code {process.returncode}")

    def said(self, text: str, seconds: float) -> str:
        """Wait until a line holds the text; return the line. Raises DaemonEnded when none does in time."""
        with self._said:
            self._said.wait_for(lambda: self._line_with(text) is not None, seconds)
            line = self._line_with(text)
        if line is None:
            raise DaemonEnded(
                f"burstd did not say {text!r} within {seconds:g} s, only:\n" + "\n".join(self.lines)
            )
        return line

    def stop(self) -> None:
        """Send SIGTERM and wait. Raises DaemonEnded unless it stops in order."""
        self._started().send_signal(signal.SIGTERM)
        code = self.wait(STOP_SECONDS)
        if code != 0:
            raise DaemonEnded(f"burstd ended with exit code {code} after SIGTERM")

    def wait(self, seconds: float | None = None) -> int:
        """Wait until it ended and all it said was read, without `seconds` for ever; return its exit code."""
        code = self._started().wait(seconds)
        if self._reader is not None:
            self._reader.join()
        return code

    def kill(self) -> None:
        """Kill it, as a crash would; harmless when it is gone."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.kill()
        process.wait()
        if self._reader is not None:
            self._reader.join()
        if process.stderr is not None:
            process.stderr.close()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise DaemonEnded("burstd was not started")
        return self._process

    def _line_with(self, text: str) -> str | None:
        return next((line for line in self.lines if text in line), None)

    def _repeat(self, lines: IO[str]) -> None:
        for line in lines:
            with suppress(BrokenPipeError):  # whoever listened has gone; the lines are still kept
                self._say(line.rstrip())
            with self._said:  # after that, so that who waits for a line speaks after it
                self.lines.append(line.rstrip())
                self._said.notify_all()
