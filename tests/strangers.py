"""Another user of this machine, who asks burstd at a socket; only root can become one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_AS_ANOTHER = """
import os, socket, sys
os.setuid(65534)
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.sendall(sys.argv[2].encode() + b"\\n")
print(peer.makefile().readline())
"""


def as_another(place: Path, line: str) -> dict[str, Any]:
    """Send a line to a socket as the user 65534; return the answer."""
    command = [sys.executable, "-c", _AS_ANOTHER, str(place), line]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    answer: dict[str, Any] = json.loads(told.stdout)
    return answer
