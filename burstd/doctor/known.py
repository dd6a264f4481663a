"""Where remote brokers are told that the lead is, and by which certificate: as configured, or by the lead."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from burstd.config import Config
from burstd.config.against_lead import lead_address
from burstd.config.model import AUTO
from burstd.core.errors import ConfigError, Problem
from burstd.lead.contract import LeadFacts

_HOST = ("lead.host", "--lead-host and --lead-port")
_CERT = ("lead.curve_cert", "--curve-cert")


class Known:
    """What the configuration says of the lead, and behind it the lead itself, asked only if need be."""

    def __init__(self, config: Config, facts: Callable[[], LeadFacts]) -> None:
        """`facts` asks the lead. It raises LeadError."""
        self._config = config
        self._ask = facts

    def place(self) -> tuple[str, int]:
        """Return the lead's host and port. Raises ConfigError where nobody tells, LeadError, EffectError."""
        lead = self._config.lead
        if lead.host == AUTO:
            host, port = _found(self._config)
        elif lead.host and lead.port:
            host, port = lead.host, lead.port
        else:
            host, port = lead_address(lead, self._facts(*_HOST).lead_endpoint)
        if not host or not port:
            raise _missing(*_HOST, "and the lead's own [bootstrap] does not tell where it is reached")
        return host, port

    def uri(self) -> str:
        """Return the same as a ZeroMQ endpoint."""
        host, port = self.place()
        return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"

    def curve_cert(self) -> Path:
        """Return the certificate's path. Raises ConfigError where nobody tells it, LeadError."""
        path = self._config.lead.curve_cert or Path(self._facts(*_CERT).curve_cert)
        if path == Path():
            raise _missing(*_CERT, "and the lead's own [bootstrap] names none")
        return path

    def _facts(self, key: str, flag: str) -> LeadFacts:
        if not self._config.lead.uri:
            raise _missing(key, flag, "and no lead is at hand to ask ($FLUX_URI is not set)")
        return self._ask()


def _found(config: Config) -> tuple[str, int]:
    from burstd.kube.address import find, open_lead

    where = config.lead.minicluster
    with closing(open_lead(where.kubeconfig)) as cluster:
        address = find(cluster, where.namespace, where.service)
    return address.host, address.port


def _missing(key: str, flag: str, why: str) -> ConfigError:
    return ConfigError((Problem(key, f"missing, {why}", f"set it, or give {flag}"),))
