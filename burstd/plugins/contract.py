"""The Provider protocol and what it speaks of: all that a plugin author imports.

A provider makes sites and takes them away. Every call is idempotent and named by its order, so the
same call may come again after a crash. A call fails in one of two shapes, NotNow (with retry_after)
or Never; a provider translates its SDK's errors into these at its edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from burstd.core.errors import Never, NoRoom, NotNow, Problem
from burstd.core.findings import Check, Finding, State
from burstd.core.model import Pool, Shape, Shrinks, Site
from burstd.core.silence import Lease, LeaseTerms
from burstd.join.papers import Declared, Join, Order

__all__ = [
    "Check",
    "Declared",
    "Diagnoses",
    "Factory",
    "Finding",
    "Join",
    "Keeps",
    "Lease",
    "LeaseTerms",
    "Listing",
    "Never",
    "NoRoom",
    "NotNow",
    "Order",
    "Owners",
    "Pool",
    "Problem",
    "Provider",
    "Reachable",
    "Renders",
    "Renews",
    "Setting",
    "Shape",
    "Shrinks",
    "Site",
    "State",
]


@dataclass(frozen=True, slots=True)
class Listing:
    """Every site of one owner as the provider sees it now. `complete` False: some may be missing."""

    sites: tuple[Site, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Setting:
    """What a provider is made with: whose sites, where it may keep files, and the pool's own options.

    `lead_uri` is where burstd itself connects to the lead, "" for Flux's default. `prefix` begins every
    site name: `<prefix>-<pool>-g<N>`. `options` is what the operator wrote under the pool's `options`;
    `path` is where that stands, for error messages. `changed` is for the provider to call, from any thread,
    when a listing would show something else than the one before: it only makes burstd look sooner. `lease`
    is what all bursts have; None: they have none.
    """

    owner: str
    prefix: str
    state_dir: Path
    options: Mapping[str, Any]
    path: str = "options"
    lead_uri: str = ""
    changed: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)
    lease: Lease | None = None


class Provider(Protocol):
    """Makes and removes the sites of one pool. Worker threads call it, one at a time for each burst."""

    paid: bool
    """Whether what it makes costs money; then the hard limits apply."""

    shape: Shape | None
    """What one of its hosts offers, where its options tell that (a machine type does); None: they do not."""

    shrinks: Shrinks
    """How its sites can be made smaller: only hosts that `resize` can take away are drained for it."""

    listing_seconds: float
    """How long to wait between two listings that are to verify an absence, in seconds."""

    def check(self, pool: Pool, join: Join) -> tuple[Problem, ...]:
        """Return what would keep this pool from being brought up. Changes nothing, spends nothing.

        The paths of the problems are relative to the pool.
        """
        ...

    def observe(self) -> Listing:
        """List every site of the owner that this provider can see, ours by label alone. Changes nothing."""
        ...

    def provision(self, order: Order) -> None:
        """Make the place where the brokers will run, or find the one made before under this name."""
        ...

    def launch(self, order: Order) -> None:
        """Have those brokers of `order.hosts` started that do not run; return once that is on its way.

        While they are not all started, listings show the site with `pending`, and with `failure` if they
        cannot be.
        """
        ...

    def resize(self, order: Order) -> None:
        """Make exactly `order.hosts` run: start what is missing, remove the hosts above."""
        ...

    def remove(self, site: Site) -> None:
        """Remove the site and all that is on it. A site that is gone already is no error."""
        ...


@runtime_checkable
class Closes(Protocol):
    """A provider with connections or threads of its own."""

    def close(self) -> None:
        """Drop them; nothing is taken away. No call is under way, and none will come."""
        ...


@runtime_checkable
class Renders(Protocol):
    """A provider that can say beforehand what it would put on its site."""

    def manifests(self, order: Order) -> tuple[dict[str, Any], ...]:
        """Return the Kubernetes objects of an order, with the contents of secrets left out."""
        ...


@runtime_checkable
class Reachable(Protocol):
    """A provider whose sites are Kubernetes clusters that a person may want to look into."""

    def kubeconfig(self, site: Site) -> str:
        """Return a kubeconfig for the site's cluster, its namespace chosen. Raises NotNow, Never."""
        ...


@runtime_checkable
class Renews(Protocol):
    """A provider whose sites have a lease: where nobody renews it, the site ends by itself."""

    renewal_seconds: float
    """How often `renew` is to be called for each burst, in seconds; 0: its sites have no lease."""

    def renew(self, site: Site, *, busy: bool) -> None:
        """Say that the site is still wanted, and whether jobs run there. Raises NotNow, Never.

        The lease is made with the site: what cannot make it does not bring up the site.
        """
        ...


@runtime_checkable
class Keeps(Protocol):
    """A provider that may keep something of a site for the next one."""

    def discard(self, site: Site) -> None:
        """Remove the site and keep nothing of it; one that is gone is no error. Raises NotNow, Never."""
        ...


@runtime_checkable
class Owners(Protocol):
    """A provider that sees whose sites there are, by their labels."""

    def owners(self) -> tuple[str, ...]:
        """Return every owner that has a site here, in order. Changes nothing. Raises NotNow, Never."""
        ...


@runtime_checkable
class Diagnoses(Protocol):
    """A provider that a person can have examined (`burstd doctor`). Nothing here changes anything."""

    def diagnose(self, pool: Pool, join: Join) -> Iterator[Finding]:
        """Yield what is well and what is not with what it needs: credentials, rights, quota, and the like.

        A check that cannot be made is a finding of its own and hides no other. What `check` says is not said
        again.
        """
        ...

    def logs(self, site: Site) -> Iterator[tuple[str, str]]:
        """Yield each host of a site with what its broker wrote, the latest last. Raises NotNow, Never."""
        ...

    def certificate(self, site: Site) -> str | None:
        """Return the CURVE certificate that the site's brokers were given; None: it cannot be seen.

        It is a secret. Raises NotNow, Never.
        """
        ...


Factory = Callable[[Setting], Provider]
"""What an entry point in the group `burstd.providers` names. Raises ConfigError on bad options."""
