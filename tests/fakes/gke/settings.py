"""How long things take in the fake, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Delays:
    """May be changed while the fake runs; what is under way keeps what it began with.

    `endpoint`: until a new cluster has an address (None: when it answers there). `api`: until its API
    server answers. `create`: until the operation that makes it is done. `node`: from the API server's first
    answer, or from a scale-up, until a machine is a Node. `delete`, `labels`, `pool`: until the operation is
    done that deletes a cluster, changes labels, makes or deletes a node pool. `unneeded`: how long a machine
    has no pods before it is taken away.
    """

    endpoint: float | None = None
    api: float = 0.05
    create: float = 0.1
    node: float = 0.02
    delete: float = 0.05
    labels: float = 0.02
    pool: float = 0.05
    unneeded: float = 600.0
