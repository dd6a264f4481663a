"""Bursts as processes of this machine: for the demo, the tests, and a first look without any cloud."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from burstd.core.errors import CertificateError, NotNow, Problem
from burstd.core.model import Pool, Site
from burstd.join import curve
from burstd.plugins.contract import Join, Listing, Never, Order, Provider, Setting, Shape, Shrinks
from burstd.plugins.local import launch, processes, site
from burstd.plugins.local.broker import Broker, FlavorName
from burstd.plugins.local.options import LocalOptions, read_options
from burstd.plugins.local.site import Place

SOCKET_LIMIT = 99
"""The longest path of a broker's socket in bytes: unix(7) has 108, and Flux says 92 on some systems."""

_KILL_SECONDS = 5.0
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
        self._prefix = setting.prefix
        self._root = setting.state_dir.expanduser().resolve() / setting.owner
        self._stop_seconds = options.stop_seconds
        self._flavor = _flavor(options, setting.lead_uri)
        self._uts = options.uts == "auto" and launch.can_name_hosts()

    def check(self, pool: Pool, join: Join) -> tuple[Problem, ...]:
        return (*self._problems(pool), *_certificate_problems(join))

    def observe(self) -> Listing:
        return Listing(tuple(site.sites(self._root, self._prefix)))

    def provision(self, order: Order) -> None:
        self._place(order).lay_papers(order.join, ignore_hostname=not self._uts)

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
        launch.remove_tree(place.directory)

    def _stop(self, place: Place, hosts: Iterable[str]) -> None:
        """End the brokers of these hosts all at once, then what their jobs left behind. Raises NotNow."""
        gone = sorted(hosts)
        if not gone:
            return

        def find() -> list[processes.Process]:
            running = place.running()
            return [process for host in gone for process in running.get(host, ())]

        left = processes.stop(find, self._stop_seconds, _KILL_SECONDS)
        if left:
            pids = ", ".join(str(process.pid) for process in left)
            raise NotNow(f"{place.directory.name}: brokers do not end, even when killed: pid {pids}")
        launch.clear([self._broker(place, host) for host in gone])

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
