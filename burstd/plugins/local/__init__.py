"""Bursts as processes of this machine: for the demo, the tests, and a first look without any cloud."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator

from burstd.core.errors import CertificateError, Problem
from burstd.core.model import Pool, Site
from burstd.join import curve
from burstd.plugins.contract import (
    Check,
    Finding,
    Join,
    Lease,
    Listing,
    Never,
    Order,
    Provider,
    Setting,
    Shape,
    Shrinks,
    State,
)
from burstd.plugins.local import ending, launch, lease, site, watchdogs
from burstd.plugins.local.broker import Broker, FlavorName
from burstd.plugins.local.lease import LocalLease
from burstd.plugins.local.options import LocalOptions, read_options
from burstd.plugins.local.site import Place

SOCKET_LIMIT = 99
"""The longest path of a broker's socket in bytes: unix(7) has 108, and Flux says 92 on some systems."""

_LIKELY_LAST_GENERATION = 9999


def make(setting: Setting) -> Provider:
    """Return the provider of one pool. Raises ConfigError on bad options."""
    return Local(setting, read_options(setting))


class Local:
    """Runs each host of a burst as a broker process of its own, found again by scanning /proc alone."""

    paid = False
    shape: Shape | None = None
    shrinks: Shrinks = "top"
    listing_seconds = 0.2

    def __init__(self, setting: Setting, options: LocalOptions) -> None:
        self.renewal_seconds = setting.lease.renewal_seconds if setting.lease else 0.0
        self._lease = setting.lease
        self._prefix = setting.prefix
        self._root = setting.state_dir.expanduser().resolve() / setting.owner
        self._stop_seconds = options.stop_seconds
        self._flavor = _flavor(options, setting.lead_uri)
        self._uts = options.uts == "auto" and launch.can_name_hosts()

    def check(self, pool: Pool, join: Join) -> tuple[Problem, ...]:
        return (*self._problems(pool), *_certificate_problems(join))

    def diagnose(self, pool: Pool, join: Join) -> Iterator[Finding]:  # noqa: ARG002  it needs nobody's leave
        text = "none are needed: its brokers are processes of this machine, and of this user"
        yield Finding(State.OK, Check.CREDENTIALS, text)

    def logs(self, site: Site) -> Iterator[tuple[str, str]]:
        return Place(self._root, site.pool, site.generation).logs()

    def certificate(self, site: Site) -> str | None:
        return Place(self._root, site.pool, site.generation).certificate()

    def observe(self) -> Listing:
        return Listing(tuple(self._site(*one) for one in site.places(self._root)))

    def owners(self) -> tuple[str, ...]:
        return tuple(sorted(site.owners(self._root.parent)))

    def provision(self, order: Order) -> None:
        """Lay the burst's files, and have it watched: a burst that nobody would end is not begun."""
        place = self._place(order)
        place.lay_papers(order.join, ignore_hostname=not self._uts)
        if self._lease is not None:
            if lease.read(place) is None:
                self._renew(place, self._lease, busy=False)
            watchdogs.ensure(place)

    def renew(self, site: Site, *, busy: bool) -> None:
        place = Place(self._root, site.pool, site.generation)
        if self._lease is not None and place.directory.exists():
            self._renew(place, self._lease, busy=busy)
            watchdogs.ensure(place)

    def launch(self, order: Order) -> None:
        self.provision(order)
        place = self._place(order)
        running = place.running()
        missing = [self._broker(place, host) for host in order.hosts if host not in running]
        for broker in missing:
            _check_socket(broker)
        on_disk = place.hosts_on_disk()
        stale = [broker for broker in missing if broker.host in on_disk]
        if stale:
            launch.clear(stale)
        order.raise_if_cancelled()
        launch.start(missing, uts=self._uts, heed=order.raise_if_cancelled)

    def resize(self, order: Order) -> None:
        place = self._place(order)
        self._stop(place, (place.running().keys() | place.hosts_on_disk()) - set(order.hosts))
        self.launch(order)

    def remove(self, site: Site) -> None:
        place = Place(self._root, site.pool, site.generation)
        self._stop(place, place.running().keys() | place.hosts_on_disk() | set(site.hosts))
        watchdogs.end(place)
        launch.remove_tree(place.directory)

    def _site(self, place: Place, hosts: tuple[str, ...]) -> Site:
        name = f"{self._prefix}-{place.pool}-g{place.generation}"
        told = lease.read(place)
        renewed, busy = (told.renewed, told.busy) if told else (None, False)
        made = site.created(place)
        return Site(name, place.pool, place.generation, hosts, made, renewed=renewed, busy=busy)

    def _renew(self, place: Place, given: Lease, *, busy: bool) -> None:
        lease.write(place, LocalLease(time.time(), busy, given.terms, self._stop_seconds))

    def _stop(self, place: Place, hosts: Iterable[str]) -> None:
        ending.stop(place, hosts, self._stop_seconds)

    def _place(self, order: Order) -> Place:
        return Place(self._root, order.pool.name, order.generation)

    def _broker(self, place: Place, host: str) -> Broker:
        return Broker(self._flavor, place.etc, place.rundir(host), host)

    def _problems(self, pool: Pool) -> Iterable[Problem]:
        if self._flavor == "real" and shutil.which("flux") is None:
            hint = "install Flux, or set it to embedded where the lead is burstd's embedded instance"
            yield Problem("options.flux", "no flux is on PATH", hint)
        longest = max(pool.hosts, key=len)
        broker = self._broker(Place(self._root, pool.name, _LIKELY_LAST_GENERATION), longest)
        if len(os.fsencode(broker.socket)) > SOCKET_LIMIT:
            yield Problem("", _too_long(broker), "choose a shorter state_dir")
        parent = next(path for path in (self._root, *self._root.parents) if path.exists())
        if not os.access(parent, os.W_OK | os.X_OK):
            yield Problem(
                "", f"nothing can be written to {parent}", "choose another state_dir, or give it to this user"
            )


def _flavor(options: LocalOptions, lead_uri: str) -> FlavorName:
    if options.flux != "auto":
        return options.flux
    return "embedded" if lead_uri.startswith("embedded://") else "real"


def _certificate_problems(join: Join) -> Iterable[Problem]:
    try:
        curve.read(join.curve_cert)
    except CertificateError as exc:
        yield Problem("", str(exc), "its brokers need the lead's own certificate")


def _check_socket(broker: Broker) -> None:
    if len(os.fsencode(broker.socket)) > SOCKET_LIMIT:
        raise Never(f"{_too_long(broker)}; choose a shorter state_dir")


def _too_long(broker: Broker) -> str:
    return f"{broker.socket} is longer than the {SOCKET_LIMIT} bytes that the path of a socket may have"
