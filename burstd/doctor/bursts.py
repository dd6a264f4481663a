"""The checks of a pool's burst: whether its hosts run, and why those that do are not in."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress

from burstd.config import PoolConfig
from burstd.core.errors import BurstdError, EffectError
from burstd.core.findings import Check, Finding, State, failed, not_checked, of, ok, warning
from burstd.core.hosts import compress
from burstd.core.marks import drain_mark
from burstd.core.model import Host, Site
from burstd.core.status import Status
from burstd.core.text import printable
from burstd.doctor.scene import Scene
from burstd.engine import control
from burstd.engine.ledger import Ledger
from burstd.join.curve import probe, public_key, read
from burstd.join.diagnosis import Diagnosis, Knocked, classify, diagnose
from burstd.lead import dmesg
from burstd.plugins.contract import Diagnoses

SLACK_SECONDS = 5.0
"""By so much the clocks of provider and lead may differ where the lead's log is cut to the burst."""


def burst(scene: Scene, pool: PoolConfig) -> Iterator[Finding]:
    """Look whether the pool has a burst, and what its provider says of it."""
    site = _site(scene, pool)
    if site is None:
        yield of(pool.name, _without(scene, pool))
    elif site.failure is not None:
        cause = classify(site.failure.text)
        remedy = cause.remedy if cause else "burstd releases it; correct what it names before the next one"
        yield Finding(State.FAILED, Check.BURST, site.failure.text, remedy, site.name)
    elif site.pending:
        remedy = "wait; launch_seconds of the pool says for how long burstd does"
        yield Finding(State.WARNING, Check.BURST, f"not all of it runs: {site.pending}", remedy, site.name)
    else:
        yield of(site.name, ok(Check.BURST, f"its hosts run: {compress(site.hosts) or 'none'}"))


def join(scene: Scene, pool: PoolConfig) -> Iterator[Finding]:
    """Look which hosts of the burst the lead has, and say why the others are not in."""
    site, provider = _site(scene, pool), scene.made[pool.name]
    if site is None:
        yield of(pool.name, not_checked(Check.JOIN, "it has no burst now"))
        return
    if not isinstance(provider, Diagnoses):
        what = f"provider {pool.provider} has no logs to read"
        yield of(site.name, not_checked(Check.JOIN, what, "look at the brokers' logs yourself"))
        return
    logs = dict(provider.logs(site))
    out = _out(scene, (*site.hosts, *logs))
    said = {host: logs.get(host, "") + _reason(out[host]) for host in out}
    found = diagnose(said, _lead_log(scene, site), _knocked(scene, provider, site))
    yield from (of(site.name, _told(one)) for one in found)
    if not found:
        yield of(site.name, _in(tuple(out), logs))


def _site(scene: Scene, pool: PoolConfig) -> Site | None:
    listing = scene.made[pool.name].observe()
    sites = [one for one in listing.sites if one.pool == pool.name and one.kept_until is None]
    if not sites and not listing.complete:
        raise EffectError(f"whether pool {pool.name} has a burst cannot be seen now")
    return max(sites, key=lambda one: one.generation, default=None)


def _without(scene: Scene, pool: PoolConfig) -> Finding:
    """Say why the pool's last burst failed, if it did: its brokers and their logs are gone."""
    error = _last_error(scene, pool.name)
    if not error:
        return ok(Check.BURST, "it has no burst now, and none that failed is remembered")
    cause = classify(error)
    what = f"it has no burst now; the last one failed: {printable(error)}"
    if cause is None:
        return warning(Check.BURST, what, "ask again while a burst comes up: `burstd up` begins one")
    return failed(Check.BURST, f"{what}; so the broker {cause.sentence}", cause.remedy)


def _last_error(scene: Scene, name: str) -> str:
    with suppress(BurstdError, OSError, KeyError, TypeError):
        pools = Status.read(control.question(scene.state, "status")).pools
        return next((pool.last_error for pool in pools if pool.name == name), "")
    file = scene.state / "ledger.db"
    if not file.is_file():
        return ""
    with closing(Ledger(file, read_only=True)) as ledger:
        cooldowns = ledger.cooldowns(time.time())
    return next((one.text for one in cooldowns if one.pool == name), "")


def _out(scene: Scene, names: tuple[str, ...]) -> dict[str, Host | None]:
    """Return the hosts that the lead has not, or that drained themselves; all, where it cannot be asked."""
    known: dict[str, Host] = {}
    with suppress(BurstdError):
        known = {host.name: host for host in scene.met.view.hosts}
    mark = drain_mark(scene.config.owner)
    return {name: known.get(name) for name in dict.fromkeys(names) if not _serves(known.get(name), mark)}


def _serves(host: Host | None, mark: str) -> bool:
    return host is not None and host.online and (host.drain_reason or mark).startswith(mark)


def _reason(host: Host | None) -> str:
    reason = host.drain_reason if host is not None and host.online else None
    return f"\ndrained: {reason}" if reason else ""


def _lead_log(scene: Scene, site: Site) -> str:
    """Return what the lead wrote since the burst began, "" where it does not tell."""
    since = site.created - SLACK_SECONDS if site.created else 0.0
    try:
        return dmesg.recent(scene.handle, since)
    except BurstdError:
        return ""


def _knocked(scene: Scene, provider: Diagnoses, site: Site) -> Knocked:
    """Knock where the burst's brokers were told that the lead is, where that is known."""
    same = _same_certificate(scene, provider, site)
    with suppress(BurstdError):
        if site.lead and site.lead != scene.known.uri():
            return Knocked(probe(site.lead, read(scene.curve_cert)), same, site.lead)
        return Knocked(scene.handshake[0], same, scene.handshake[1])
    return Knocked(None, same)


def _same_certificate(scene: Scene, provider: Diagnoses, site: Site) -> bool | None:
    with suppress(BurstdError):
        text = provider.certificate(site)
        return None if text is None else public_key(text) == public_key(scene.curve_cert.read_text())
    return None


def _told(found: Diagnosis) -> Finding:
    state = State.WARNING if found.code == "starts" else State.FAILED
    return Finding(state, Check.JOIN, found.text, found.remedy, "", found.line)


def _in(out: tuple[str, ...], logs: Mapping[str, str]) -> Finding:
    if out:
        what = (
            f"by their own logs {compress(out)} got in; the lead does not show them online, at least not yet"
        )
        return warning(Check.JOIN, what, "ask again in a moment; then look at the lead's log: `flux dmesg`")
    names = tuple(logs)
    return ok(Check.JOIN, f"the lead has all that run: {compress(names)}" if names else "no host of it runs")
