"""What this machine really is, as a broker verifies it against what is declared of it."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from burstd.core.hosts import compress, format_idset, parse_idset
from burstd.lead.embedded.settings import Argv, BrokerFile, HostShape


def real_shape(cores: int = 0) -> HostShape:
    """Return the cores this process may use and the NVIDIA GPUs; `cores` stands in for their number."""
    count = cores or len(os.sched_getaffinity(0))
    devices = [path.name for path in Path("/dev").glob("nvidia*") if re.fullmatch(r"nvidia\d+", path.name)]
    return HostShape(frozenset(range(count)), frozenset(range(len(devices))))


def introduce(argv: Argv, file: BrokerFile) -> dict[str, Any]:
    """Return what a broker says of itself when it joins."""
    real, claimed = real_shape(argv.cores), file.shapes.get(argv.hostname)
    return {
        "rank": file.rank(argv.hostname),
        "host": argv.hostname,
        "hosts": compress(file.hosts),
        "hostname": socket.gethostname(),
        "real": _idsets(real),
        "claimed": _idsets(claimed) if claimed else None,
        "any_hostname": file.ignore_hostname,
        "noverify": file.noverify,
    }


def read_shape(idsets: Mapping[str, str]) -> HostShape:
    """Return the shape that `introduce` wrote."""
    return HostShape(frozenset(parse_idset(idsets["cores"])), frozenset(parse_idset(idsets["gpus"])))


def _idsets(shape: HostShape) -> dict[str, str]:
    return {"cores": format_idset(shape.cores), "gpus": format_idset(shape.gpus)}
