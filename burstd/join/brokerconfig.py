"""broker.toml of the lead and of a burst: flux-config(5), tables bootstrap, resource, queues, policy.

Every broker of an instance must list the same hosts in the same order: a rank is a position in that list.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError
from tomlkit.items import AoT, Array, Comment, InlineTable, Whitespace

from burstd.core import hosts as hostlist
from burstd.core.errors import ConfigError, Problem
from burstd.join.papers import Declared, Join

__all__ = ["LeadSide", "merge_lead", "render_burst", "render_lead"]


@dataclass(frozen=True, slots=True)
class LeadSide:
    """What the lead's broker.toml must say of itself and of every host it declares.

    `curve_cert` is a path on the lead. `host` is the name of rank 0, the first of `declared`. `bind` and
    `connect` are ZeroMQ endpoints of rank 0: where it listens, and what the lead's own brokers dial.
    `queues` maps a queue to the properties it requires; a default queue that requires none is given a comment
    that says so. `queue_policy` is Fluxion's, for flux-config-fluxion: other schedulers do not look at it.
    """

    curve_cert: str
    host: str
    bind: str
    connect: str
    declared: tuple[Declared, ...]
    queues: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    default_queue: str = ""
    queue_policy: str = ""


def render_lead(lead: LeadSide) -> str:
    """Return the lead's whole broker.toml. Raises ConfigError where `host` is not the first declared host."""
    return merge_lead("", lead)


def merge_lead(base: str, lead: LeadSide) -> str:
    """Return `base`, an existing broker.toml of the lead, with what burstd owns replaced.

    Burstd owns `hosts` and `curve_cert` of `[bootstrap]`, every `[[resource.config]]`, and what the queues of
    `lead` require; a default queue and a queue policy are set only where there is none. All else stays,
    comments and order included.
    Raises ConfigError where `base` is not TOML, or is laid out so that it cannot be changed safely.
    """
    _check_rank_zero(lead)
    document = _parse(base.replace(_UNBOUND, ""))
    before = document.unwrap()
    _table(document, "bootstrap")["curve_cert"] = lead.curve_cert
    _table(document, "bootstrap")["hosts"] = _hosts(lead.declared, lead.connect, lead.bind)
    _replace_resources(document, lead.declared)
    _set_queues(document, lead)
    text = _noted(tomlkit.dumps(document), lead)
    if not _means(text, _wanted(before, lead)):
        raise ConfigError((Problem("broker.toml", "cannot be merged as it is laid out", _TOGETHER),))
    return text


def render_burst(join: Join, curve_cert: str, *, ignore_hostname: bool) -> str:
    """Return a burst's broker.toml: the lead's hosts in the lead's order, and where rank 0 is to be reached.

    `curve_cert` is a path on the burst's hosts. The burst has its own `[[resource.config]]`, since a broker
    checks itself against its own file alone: so a host of the wrong shape drains itself and says so.
    `ignore_hostname` is for brokers whose real host name is not the declared one.
    """
    document = tomlkit.document()
    bootstrap = _table(document, "bootstrap")
    bootstrap["curve_cert"] = curve_cert
    bootstrap["hosts"] = _hosts(join.declared, join.lead_uri)
    resource = tomlkit.table(is_super_table=True)
    resource["config"] = _resources(join.declared)
    if ignore_hostname:
        resource["verify"] = _verify_all_but_hostname()
    document["resource"] = resource
    return tomlkit.dumps(document)


_TOGETHER = "put all that is under each of [bootstrap], [resource], [queues] and [policy] together"


def _check_rank_zero(lead: LeadSide) -> None:
    first = next(_names(lead.declared), None)
    if first != lead.host:
        what = f"rank 0 is {lead.host}, but the first declared host is {first}"
        hint = "declare the lead's own hosts first, rank 0 first"
        raise ConfigError((Problem("bootstrap.hosts", what, hint),))


def _parse(base: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(base)
    except ParseError as exc:
        problem = Problem("broker.toml", f"is not TOML: {exc}", f"look at line {exc.line}")
        raise ConfigError((problem,)) from exc


def _names(declared: Iterable[Declared]) -> Iterator[str]:
    return (name for one in declared for name in hostlist.expand(one.hosts))


def _hosts(declared: tuple[Declared, ...], connect: str, bind: str = "") -> Array:
    """Return the rank-ordered `hosts` array: rank 0 with its endpoints, then each stretch of hosts."""
    first, *rest = hostlist.expand(declared[0].hosts)
    endpoints = {"bind": bind, "connect": connect} if bind else {"connect": connect}
    stretches = [hostlist.compress(rest)] if rest else []
    stretches += [one.hosts for one in declared[1:]]
    array = tomlkit.array().multiline(True)
    for entry in ({"host": first, **endpoints}, *({"host": stretch} for stretch in stretches)):
        array.append(_inline(entry))
    return array


def _inline(entry: Mapping[str, str]) -> InlineTable:
    table = tomlkit.inline_table()
    table.update(entry)
    return table


def _resources(declared: Iterable[Declared]) -> AoT:
    tables = tomlkit.aot()
    for one in declared:
        table = tomlkit.table()
        table.update(_resource(one))
        tables.append(table)
    return tables


def _resource(declared: Declared) -> dict[str, Any]:
    shape = declared.shape
    counts = (("cores", shape.cores), ("gpus", shape.gpus))
    entry: dict[str, Any] = {"hosts": declared.hosts}
    entry |= {key: hostlist.format_idset(range(count)) for key, count in counts if count}
    return entry | ({"properties": sorted(shape.properties)} if shape.properties else {})


def _verify_all_but_hostname() -> tomlkit.items.Table:
    """Without such a table the other two hold by default; with one, extra cores are a fault unless said."""
    table = tomlkit.table()
    table.update({"default": "allow-extra", "gpu": "ignore", "hostname": "ignore"})
    return table


def _replace_resources(document: tomlkit.TOMLDocument, declared: Iterable[Declared]) -> None:
    tables = _resources(declared)
    if "resource" not in document:
        document["resource"] = tomlkit.table(is_super_table=True)
    resource = _table(document, "resource")
    if isinstance(resource.get("config"), AoT):
        for item in _below(resource["config"]):
            tables[-1].add(item)
    resource["config"] = tables


def _below(old: AoT) -> list[Comment | Whitespace]:
    """Return the blank lines and comments after the last old entry: they belong to what follows."""
    below: list[Comment | Whitespace] = []
    for _, item in reversed(old[-1].value.body):
        if not isinstance(item, Comment | Whitespace):
            break
        below.insert(0, item)
    return below or [tomlkit.nl()]


def _set_queues(document: tomlkit.TOMLDocument, lead: LeadSide) -> None:
    for name, requires in lead.queues.items():
        _table(document, "queues", name)["requires"] = list(requires)
        if not requires:
            del _table(document, "queues", name)["requires"]
    if lead.default_queue:
        _table(document, *_DEFAULTS).setdefault("queue", lead.default_queue)
    if lead.queue_policy:
        _table(document, _FLUXION).setdefault("queue-policy", lead.queue_policy)


def _noted(text: str, lead: LeadSide) -> str:
    """Return the text with a comment above the default queue if it requires nothing."""
    if lead.queues.get(lead.default_queue) != ():
        return text
    queue = rf'[ \t]*\.[ \t]*"?{re.escape(lead.default_queue)}"?'
    for pattern in (rf"^\[[ \t]*queues{queue}[ \t]*\]", r"^\[[ \t]*queues[ \t]*\]"):
        text, found = re.subn(pattern, lambda match: _UNBOUND + match[0], text, count=1, flags=re.MULTILINE)
        if found:
            break
    return text


_UNBOUND = """\
# The default queue requires nothing: any job, burstable or not, may then run on burst hosts, paid ones too.
"""
_FLUXION = "sched-fluxion-qmanager"
_DEFAULTS = ("policy", "jobspec", "defaults", "system")


def _table(document: tomlkit.TOMLDocument, *path: str) -> Any:
    """Return the table at a path, made where it is missing."""
    table: Any = document
    for depth, key in enumerate(path, 1):
        if key not in table:
            table[key] = tomlkit.table(is_super_table=depth < len(path))
        table = table[key]
        if not isinstance(table, Mapping):
            where = ".".join(path[:depth])
            raise ConfigError((Problem(f"broker.toml: {where}", "is not a table", "see flux-config(5)"),))
    return table


def _means(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _wanted(base: dict[str, Any], lead: LeadSide) -> dict[str, Any]:
    """Return, as plain data, what the merged file must mean: the text is held to this."""
    bootstrap = base.setdefault("bootstrap", {})
    bootstrap["curve_cert"] = lead.curve_cert
    bootstrap["hosts"] = _hosts(lead.declared, lead.connect, lead.bind).unwrap()
    base.setdefault("resource", {})["config"] = [_resource(one) for one in lead.declared]
    for name, requires in lead.queues.items():
        queue = base.setdefault("queues", {}).setdefault(name, {})
        queue.pop("requires", None)
        queue |= {"requires": list(requires)} if requires else {}
    if lead.default_queue:
        table = base
        for key in _DEFAULTS:
            table = table.setdefault(key, {})
        table.setdefault("queue", lead.default_queue)
    if lead.queue_policy:
        base.setdefault(_FLUXION, {}).setdefault("queue-policy", lead.queue_policy)
    return base
