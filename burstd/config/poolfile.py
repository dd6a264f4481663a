"""The JSON file that tells Flux's own plugins of the pools (`burstd/fluxplugins`): no secret is in it. Pure.

Everyone may read it, so each field is named here, and none is copied from the configuration by itself.
"""

from __future__ import annotations

import json
from typing import Any

from burstd.config.model import Config, PoolConfig
from burstd.config.queues import MIXED_QUEUE, queue_of
from burstd.core.hosts import expand

NAME = "burst-pools.json"
"""What the file is called beside the plugins."""

VERSION = 1
"""Counts up when a field is taken away or means something else; plugins read none but their own."""


def told(config: Config) -> str:
    """Return the text of the file, as `burstd flux-plugins export` prints it."""
    pools = [_pool(pool, config) for pool in config.pools]
    document = {"version": VERSION, "owner": config.owner, "mixed_queue": MIXED_QUEUE, "pools": pools}
    return json.dumps(document, indent=2) + "\n"


def _pool(pool: PoolConfig, config: Config) -> dict[str, Any]:
    """Return what users and plugins choose a pool by. None: only the lead knows."""
    return {
        "name": pool.name,
        "provider": pool.provider,
        "queue": queue_of(pool),
        "placement": str(pool.placement or config.placement),
        "multi_user": pool.multi_user,
        "hosts": _hosts(pool),
        "cores": pool.cores,
        "gpus": pool.gpus,
        "properties": None if pool.properties is None else sorted({pool.name, *pool.properties}),
    }


def _hosts(pool: PoolConfig) -> int | None:
    counts = [] if pool.hosts is None else [len(expand(pool.hosts))]
    counts += [] if pool.size is None else [pool.size]
    return min(counts, default=None)
