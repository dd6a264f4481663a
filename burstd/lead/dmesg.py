"""The lead's own log: the lines that its rank 0 broker still has in memory (`flux dmesg`).

Each is a message of the syslog protocol (RFC 5424) as Flux writes it: priority and version, time, rank, the
module's name, three fields of no use here, text.
"""

from __future__ import annotations

import re
from datetime import datetime

from burstd.core.errors import LeadLost
from burstd.lead.handle import Handle

MOST = 20_000
"""Lines that are read at most: Flux keeps 1024 where nobody sets another number."""

_SECONDS = 5.0
_LINE = re.compile(r"<\d+>1 (?P<time>\S+) (?P<rank>\S+) (?P<module>\S+) \S+ \S+ \S+ (?P<text>.*)", re.DOTALL)


def recent(handle: Handle, since: float = 0.0) -> str:
    """Return the lines that were written after a moment, in order, as `MODULE[RANK]: TEXT`.

    Raises LeadLost, LeadRefused where the broker has no log to tell.
    """
    stream = handle.stream("log.dmesg", {"follow": False, "nobacklog": False}, 0)
    lines: list[str] = []
    for _ in range(MOST):
        try:
            answer = stream.next(_SECONDS)
        except StopIteration:
            break
        if answer is None:
            raise LeadLost(f"the lead's broker did not tell its log within {_SECONDS:g} s")
        lines += _shown(str(answer.get("text", "")), since)
    return "\n".join(lines)


def _shown(entry: str, since: float) -> list[str]:
    match = _LINE.fullmatch(entry.strip())
    if match is None or _moment(match["time"]) < since:
        return []
    return [f"{match['module']}[{match['rank']}]: {match['text']}"]


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
