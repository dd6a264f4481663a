"""What the checks look at: the configuration, the lead, the providers. Each is opened when first needed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from burstd.config import Config, PoolConfig, Resolved, resolve
from burstd.core.errors import BurstdError
from burstd.core.hosts import expand
from burstd.core.model import Pool, Shape
from burstd.doctor.known import Known
from burstd.engine.meeting import DRY_SECONDS, Met, meet
from burstd.engine.statedir import state_dir
from burstd.join.curve import Handshake, probe, read
from burstd.join.papers import Join
from burstd.lead.beside import check_readable
from burstd.lead.connect import opener
from burstd.lead.contract import LeadFacts
from burstd.lead.facts import read_facts
from burstd.lead.handle import Handle, Payload
from burstd.plugins.contract import Provider
from burstd.plugins.registry import opened


class Scene:
    """Used by one thread, as a context; each value is asked for once, unless that fails."""

    def __init__(self, config: Config, pool: str = "") -> None:
        """`pool` names the only pool that is looked at, "" is all of them."""
        self.config = config
        self.pools = tuple(one for one in config.pools if not pool or one.name == pool)
        self.state = state_dir(config)
        self.known = Known(config, lambda: self.facts)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def uri(self) -> str | None:
        return self.config.lead.uri or None

    @cached_property
    def made(self) -> Mapping[str, Provider]:
        """Return the providers. Raises ConfigError."""
        return self._stack.enter_context(opened(self.config))

    @cached_property
    def handle(self) -> Handle:
        """Return a connection to the lead. Raises LeadLost."""
        return self._stack.enter_context(closing(opener(self.uri)()))

    @cached_property
    def facts(self) -> LeadFacts:
        """Return what stays the same for the life of the lead. Raises LeadError."""
        return read_facts(self.rpc)

    @cached_property
    def met(self) -> Met:
        """Return the lead with its hosts and queues. Raises LeadError."""
        assert self.facts, "a lead that is not there is told at once; to meet it takes patience"
        return self._stack.enter_context(meet(self.config, DRY_SECONDS))

    @cached_property
    def resolved(self) -> Resolved:
        """Return the pools as the lead declares them. Raises ConfigError, LeadError."""
        met, made = self.met, self.made
        return resolve(
            self.config,
            hostlist=met.facts.hostlist,
            hosts=met.view.hosts,
            endpoint=met.facts.lead_endpoint,
            curve_cert=met.facts.curve_cert,
            version=met.facts.version,
            paid={name: provider.paid for name, provider in made.items()},
            shrinks={name: provider.shrinks for name, provider in made.items()},
            queues=met.queues,
            instance_owner=met.facts.owner,
        )

    @cached_property
    def curve_cert(self) -> Path:
        """Return the path of a certificate that can be used. Raises CertificateError, and as Known does."""
        path = self.known.curve_cert()
        check_readable(path)
        read(path)
        return path

    @cached_property
    def handshake(self) -> tuple[Handshake, str]:
        """Return what came of knocking at the lead, and where that was. Raises as `curve_cert` does."""
        uri = self.known.uri()
        return probe(uri, read(self.curve_cert)), uri

    def rpc(self, topic: str, payload: Payload) -> Payload:
        """Ask rank 0. Raises LeadLost, LeadRefused."""
        return self.handle.rpc(topic, payload, 0)

    def papers(self, pool: PoolConfig) -> tuple[Pool, Join]:
        """Return a pool and its papers as the lead declares them, else as they are written."""
        try:
            resolved = self.resolved
            found = resolved.policy.pool(pool.name)
        except BurstdError:
            found = None
        return (found, resolved.join) if found is not None else self._as_written(pool)

    def _as_written(self, pool: PoolConfig) -> tuple[Pool, Join]:
        names = expand(pool.hosts) if pool.hosts else tuple(f"{pool.name}-{n}" for n in range(pool.size or 1))
        shape = self.made[pool.name].shape or Shape(pool.cores or 1, pool.gpus or 0)
        lead, hosts = self.config.lead, names[: pool.size]
        papers = Join(
            lead.host or "",
            lead.port or 0,
            (),
            lead.curve_cert or Path(),
            lead.munge_key,
            image=lead.image,
            flux_image=lead.flux_image,
            curve_cert_secret=lead.curve_cert_secret_name or "",
            munge_key_secret=lead.munge_key_secret_name or "",
        )
        ranks = tuple(range(1, len(hosts) + 1))
        return Pool(pool.name, pool.provider, hosts, ranks, shape, self.made[pool.name].paid), papers
