"""`python -P online.py CONFIG SOCKET [-Sbroker.quorum=N]`: waits for embedded brokers to come online."""

import contextlib
import sys
import time
from pathlib import Path

from burstd.core.errors import LeadError
from burstd.core.hosts import parse_idset
from burstd.lead.connect import opener
from burstd.lead.embedded.settings import read_broker_file

PATIENCE_SECONDS = 60.0
_RETRY_SECONDS = 0.02
_QUORUM = "-Sbroker.quorum="


def main(config: str, socket: str, *options: str) -> int:
    """Return 0 once all brokers, or as many as a quorum needs, are online; 1 if that takes too long."""
    quorums = [int(word.removeprefix(_QUORUM)) for word in options if word.startswith(_QUORUM)]
    wanted = quorums[-1] if quorums else len(read_broker_file(Path(config)).hosts)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(LeadError):
            return _follow(socket, wanted, deadline)
        time.sleep(_RETRY_SECONDS)  # its socket is not there yet
    return 1


def _follow(socket: str, wanted: int, deadline: float) -> int:
    """Return 0 once so many are online, 1 if that takes too long. Raises LeadError."""
    with contextlib.closing(opener(f"embedded://{socket}")()) as handle:
        stream = handle.stream("groups.get", {"name": "broker.online"}, 0)
        while (answer := stream.next(max(0.0, deadline - time.monotonic()))) is not None:
            if len(parse_idset(str(answer["members"]))) >= wanted:
                return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
