"""What a remote broker needs to be let in by the lead, and what a provider is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from burstd.core.errors import NotNow
from burstd.core.model import Pool, Shape
from burstd.join.directories import Directory


@dataclass(frozen=True, slots=True)
class Declared:
    """One stretch of hosts as the lead's `[[resource.config]]` declares them, in rank order.

    `hosts` is an RFC 29 hostlist.
    """

    hosts: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Join:
    """What a broker needs to be let in. Secrets are named by their path, never carried.

    `lead_host` and `lead_port` are where a remote broker reaches the lead's rank 0.
    `declared` covers every host of the instance in rank order, the lead's own first. `version` is the lead's
    Flux version, "" where it is not known: brokers of another are refused. `userid` is the instance owner's,
    None where it is not known. `image` and `flux_image` are the container images that the lead runs in and
    takes Flux from, "" where it runs in none. The names of Secrets say where on a Kubernetes site the files
    are already; "": burstd brings them.
    """

    lead_host: str
    lead_port: int
    declared: tuple[Declared, ...]
    curve_cert: Path
    munge_key: Path | None = None
    version: str = ""
    userid: int | None = None
    image: str = ""
    flux_image: str = ""
    curve_cert_secret: str = ""
    munge_key_secret: str = ""

    @property
    def lead_uri(self) -> str:
        return f"tcp://{self.lead_host}:{self.lead_port}"


@dataclass(frozen=True, slots=True)
class Order:
    """What a provider is asked for: the first `size` hosts of a pool, as generation `generation`.

    `site_name` is the only external name the site may have; it is never used twice.
    """

    owner: str
    site_name: str
    pool: Pool
    generation: int
    size: int
    join: Join
    directories: tuple[Directory, ...] = ()
    """The working directories of the jobs that wait for it, to be made on its hosts."""
    cancelled: Callable[[], bool] = field(default=lambda: False, compare=False, repr=False)
    """Whether nobody waits for it any more: what waits for the world then raises NotNow and ends."""

    @property
    def hosts(self) -> tuple[str, ...]:
        return self.pool.hosts[: self.size]

    def raise_if_cancelled(self) -> None:
        """Raise NotNow where nobody waits for the order any more: for everything that waits for the world."""
        if self.cancelled():
            raise NotNow(f"{self.site_name} was cancelled while it was being made; what is there is removed")
