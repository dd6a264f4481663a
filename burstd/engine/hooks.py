"""A notice for a command: JSON on its standard input, never a word of it in a shell."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO

from burstd.core.errors import Undelivered
from burstd.core.notices import Notice
from burstd.core.text import shown

PASSED_ON = {"PATH": os.defpath, "HOME": "/", "LANG": "C.UTF-8"}
"""What of burstd's own environment a command gets, and what stands there where burstd has none."""

WORDS_LIMIT = 2000
"""So many bytes of what a command says are kept, the rest is read and dropped."""

_LOOK_SECONDS = 0.2
"""How late it may be noticed that burstd stops."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One command. It is given `seconds`, then killed with all of its process group."""

    command: tuple[str, ...]
    seconds: float
    jobs: bool = False

    @property
    def name(self) -> str:
        """What it is called in the log; arguments are left out."""
        return self.command[0]

    def deliver(self, notice: Notice, stop: threading.Event) -> None:
        """Run it once and wait for its end, or until `stop`. Raises Undelivered."""
        document = notice.document(jobs=self.jobs)
        with ExitStack() as stack:
            text = stack.enter_context(tempfile.TemporaryFile())
            text.write(json.dumps(document).encode() + b"\n")
            text.seek(0)
            process = stack.enter_context(self._start(document, text))
            stack.callback(_end, process)
            said = self._wait(process, stop)
        if process.returncode != 0:
            words = f", saying: {said}" if said else ""
            raise Undelivered(f"it ended with exit code {process.returncode}{words}")

    def _start(self, document: Mapping[str, object], text: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self.command,
                stdin=text,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment(document),
                start_new_session=True,
            )
        except OSError as exc:
            raise Undelivered(f"it cannot be started: {exc.strerror}") from exc
        except ValueError as exc:  # a word, or a pool's name, that this machine's encoding does not have
            raise Undelivered("it cannot be started: it is given what no command can be given") from exc

    def _wait(self, process: subprocess.Popen[bytes], stop: threading.Event) -> str:
        """Read what it says until it ends; return that. Raises Undelivered."""
        said, deadline = bytearray(), time.monotonic() + self.seconds
        with selectors.DefaultSelector() as selector:
            output = _output(process)
            selector.register(output, selectors.EVENT_READ)
            while process.poll() is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Undelivered(f"it did not end within {self.seconds:g} s, and was killed")
                if stop.is_set():
                    raise Undelivered("it was killed, since burstd stops")
                if not selector.get_map():
                    stop.wait(min(left, _LOOK_SECONDS / 10))
                elif selector.select(min(left, _LOOK_SECONDS)) and not _read(output, said):
                    selector.unregister(output)
            while selector.get_map() and selector.select(0) and _read(output, said):
                pass
        return shown(" ".join(said.decode(errors="replace").split()), 300)


def environment(document: Mapping[str, object]) -> dict[str, str]:
    """Return the environment of a command: what it may need, and the notice's plain fields."""
    told = ("event", "at", "owner", "pool", "burst", "dollars", "sentence")
    plain = {f"BURSTD_{key.upper()}": "" if document[key] is None else str(document[key]) for key in told}
    return {key: os.environ.get(key) or value for key, value in PASSED_ON.items()} | plain


def _output(process: subprocess.Popen[bytes]) -> int:
    if process.stdout is None:  # it is a pipe, as `_start` has it
        raise Undelivered("it has no output")
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)
    return descriptor


def _read(output: int, said: bytearray) -> bool:
    """Take what is there, and keep what there is room for; return False at the end."""
    part = os.read(output, 65536)
    said += part[: max(WORDS_LIMIT - len(said), 0)]
    return bool(part)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill it where it did not end, with what it started in its process group."""
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
