"""What the instance declares, which of it is up, what is drained; and the resource journal of all that."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from burstd.core.hosts import compress, expand, format_idset, parse_idset
from burstd.lead.embedded.rset import Part, bracket, resource_set
from burstd.lead.embedded.settings import BrokerFile, HostShape
from burstd.lead.embedded.wire import Refusal, Reply, Subscribers

_MODES = {"": 0, "update": 0, "overwrite": 1, "force-overwrite": 2}
"""The modes of resource.drain, and the `overwrite` that the journal shows for each."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Why a rank is drained, and since when."""

    reason: str
    timestamp: float


class Resources:
    """The state behind the topics resource.* and groups.get."""

    def __init__(self, file: BrokerFile) -> None:
        self.names = dict(enumerate(file.hosts))
        self.shapes = {rank: file.shapes.get(name, HostShape()) for rank, name in self.names.items()}
        self.online: set[int] = set()
        self.drains: dict[int, Drain] = {}
        self.journal = Subscribers()
        self.groups: dict[str, Subscribers] = {"broker.online": Subscribers(), "broker.torpid": Subscribers()}
        everyone = {"ranks": format_idset(self.names), "online": "", "nodelist": compress(file.hosts)}
        self._define: list[dict[str, Any]] = [
            {"events": [_event("restart", everyone)]},
            {"events": [_event("resource-define", {"method": "configuration"})], "R": self.everything()},
        ]
        self._past: list[dict[str, Any]] = []

    def everything(self) -> dict[str, Any]:
        """Return R of all declared hosts."""
        return resource_set(self.parts(self.names), self.names, self.properties)

    def parts(self, ranks: Iterable[int]) -> list[Part]:
        return [Part(rank, self.shapes[rank].cores, self.shapes[rank].gpus) for rank in ranks]

    @property
    def properties(self) -> dict[int, frozenset[str]]:
        return {rank: shape.properties for rank, shape in self.shapes.items()}

    def usable(self, rank: int) -> bool:
        """Say whether jobs may start on a rank, free or not."""
        return rank in self.online and rank not in self.drains

    def bring_online(self, rank: int) -> None:
        self.online.add(rank)
        self._membership_changed("online", rank)

    def take_offline(self, rank: int) -> None:
        if rank in self.online:
            self.online.discard(rank)
            self._membership_changed("offline", rank)

    def status(self) -> dict[str, Any]:
        """Return the answer to resource.status."""
        together: dict[Drain, list[int]] = {}
        for rank, drain in self.drains.items():
            together.setdefault(drain, []).append(rank)
        drained = {
            format_idset(ranks): {"timestamp": float(int(drain.timestamp)), "reason": drain.reason}
            for drain, ranks in together.items()
        }
        offline = format_idset(set(self.names) - self.online)
        up = {"online": format_idset(self.online), "offline": offline, "exclude": "", "torpid": ""}
        return {"R": self.everything(), "drain": drained, **up}

    def follow(self, reply: Reply) -> None:
        """Answer resource.journal: the past, its end, then whatever comes."""
        for payload in self._define:
            reply.respond(payload)
        if self._past:
            reply.respond({"events": self._past})
        reply.respond({"events": []})
        self.journal.add(reply)

    def members(self, group: str) -> dict[str, str]:
        """Return the answer to groups.get."""
        return {"members": format_idset(self.online) if group == "broker.online" else ""}

    def drain(self, targets: str, reason: str = "", mode: str = "") -> None:
        """Drain ranks named by an idset or a hostlist. Raises Refusal with the texts of resource.drain."""
        if mode not in _MODES:
            raise Refusal(errno.EINVAL, "Invalid mode specified")
        ranks = self._targets(targets)
        drained = [rank for rank in ranks if rank in self.drains]
        if drained and not mode:
            raise Refusal(errno.EEXIST, f"{_ranks(drained)} already drained")
        now, overwrite = time.time(), _MODES[mode]
        for rank in ranks:
            old = self.drains.get(rank)
            if old is None or overwrite == 2:
                self.drains[rank] = Drain(reason, now)
            elif overwrite == 1:
                self.drains[rank] = Drain(reason, old.timestamp)
        self._publish("drain", self._about(ranks) | {"reason": reason, "overwrite": overwrite}, now)

    def undrain(self, targets: str, mode: str = "") -> None:
        """Undrain ranks. Raises Refusal with the texts of resource.undrain."""
        if mode:
            raise Refusal(errno.EINVAL, f"invalid undrain mode '{mode}' specified")
        ranks = self._targets(targets)
        others = [rank for rank in ranks if rank not in self.drains]
        if others:
            raise Refusal(errno.EEXIST, f"{_ranks(others)} not drained")
        for rank in ranks:
            del self.drains[rank]
        self._publish("undrain", self._about(ranks) | {"overwrite": 0}, time.time())

    def _targets(self, targets: str) -> tuple[int, ...]:
        try:
            ranks = parse_idset(targets)
        except ValueError:
            return self._named(targets)
        if not set(ranks) <= set(self.names):
            raise Refusal(errno.EINVAL, "idset is out of range")
        return ranks

    def _named(self, targets: str) -> tuple[int, ...]:
        ranks = {name: rank for rank, name in self.names.items()}
        try:
            hosts = expand(targets)
        except ValueError as exc:
            raise Refusal(errno.EINVAL, f"invalid targets: {exc}") from exc
        unknown = [host for host in hosts if host not in ranks]
        if unknown:
            raise Refusal(errno.EINVAL, f"invalid targets: invalid hosts: {compress(unknown)}")
        return tuple(sorted(ranks[host] for host in hosts))

    def _about(self, ranks: Iterable[int]) -> dict[str, Any]:
        return {"idset": format_idset(ranks), "nodelist": compress(self.names[rank] for rank in ranks)}

    def _membership_changed(self, name: str, rank: int) -> None:
        self.groups["broker.online"].publish(self.members("broker.online"))
        self._publish(name, {"idset": str(rank)}, time.time())

    def _publish(self, name: str, context: Mapping[str, Any], now: float) -> None:
        event = _event(name, context, now)
        self._past.append(event)
        self.journal.publish({"events": [event]})


def _event(name: str, context: Mapping[str, Any], now: float | None = None) -> dict[str, Any]:
    """Return one event of an eventlog (RFC 18)."""
    return {"timestamp": time.time() if now is None else now, "name": name, "context": context}


def _ranks(ranks: list[int]) -> str:
    return f"rank{'s' if len(ranks) > 1 else ''} {format_idset(ranks)}"


def misfit(
    place: tuple[int, str], shape: HostShape, real: HostShape, hostname: str, any_hostname: bool
) -> str:
    """Return why a broker does not fit what is declared of its place (rank, host), "" if it does.

    `hostname` is what the machine calls itself; `any_hostname` is `[resource.verify] hostname = "ignore"`.
    """
    rank, name = place
    if hostname != name and not any_hostname:
        return f"rank {rank} got hostname '{hostname}', expected '{name}'"
    missing = {"core": shape.cores - real.cores, "gpu": shape.gpus - real.gpus}
    texts = [kind + bracket(format_idset(ids)) for kind, ids in missing.items() if ids]
    return f"rank {rank} ({hostname}) missing resources: {','.join(texts)}" if texts else ""
