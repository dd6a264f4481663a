"""Prices and caps in dollars, and what a pool's bursts are made like. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from burstd.config.limits import LimitsConfig
from burstd.config.model import Config, PoolConfig
from burstd.core.errors import Problem
from burstd.core.model import Caps

_MADE_LIKE = ("provider", "options", "cores", "gpus", "properties", "shares_files")
"""The settings of a pool that decide whether its bursts can be made and can join."""


def costs(pool: PoolConfig, paid: Mapping[str, bool]) -> bool:
    """Say whether a pool counts as paid: as its provider has it, or because it has a price."""
    priced = bool(pool.cost_per_hour or pool.cluster_cost_per_hour)
    return priced or paid.get(pool.name, False)


def caps(limits: LimitsConfig) -> Caps:
    """Return the caps in dollars over all pools."""
    return Caps(limits.dollars_per_hour, limits.dollars_per_day, limits.dollars_per_user_day)


def fingerprint(pool: PoolConfig, config: Config, version: str) -> str:
    """Return what changes when the pool's bursts are made in another way, or for another lead."""
    made = pool.model_dump(mode="json", include=set(_MADE_LIKE))
    lead = config.lead.model_dump(mode="json", include={"host", "port", "image", "flux_image"})
    text = json.dumps([pool.name, made, lead, version], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def price_problems(config: Config, paid: Mapping[str, bool]) -> Iterator[Problem]:
    """Yield each paid pool without a price, where there is a cap in dollars that would not count it."""
    limits = (f"limits.{name}" for name in _CAPS if getattr(config.limits, name) is not None)
    overall = next(limits, "")
    for index, pool in enumerate(config.pools):
        cap = overall or (f"pools[{index}].dollars_per_day" if pool.dollars_per_day is not None else "")
        if cap and costs(pool, paid) and pool.cost_per_hour is None:
            yield Problem(
                f"pools[{index}].cost_per_hour",
                f"missing, but {cap} is a cap in dollars",
                "give the price of one host an hour; 0 if it costs nothing",
            )


_CAPS = ("dollars_per_hour", "dollars_per_day", "dollars_per_user_day")
