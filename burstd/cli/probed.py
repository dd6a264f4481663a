"""`burstd probe`: whether the lead lets a broker in at the address that remote brokers are told."""

from __future__ import annotations

import re
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import typer

from burstd.config import Config
from burstd.config.against_lead import lead_address
from burstd.config.model import AUTO
from burstd.core.errors import ConfigError, Problem
from burstd.join.curve import Handshake, explain, probe, read
from burstd.lead.beside import check_readable
from burstd.lead.connect import opener
from burstd.lead.contract import LeadFacts
from burstd.lead.facts import read_facts

_PLACE = re.compile(r"(tcp://)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s/:\[\]]+):(?P<port>\d{1,5})")
_LAST_PORT = 65535
_HOST = ("lead.host", "--lead-host and --lead-port")
_CERT = ("lead.curve_cert", "--curve-cert")


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of a probe: one sentence, and whether a broker would be let in."""

    sentence: str
    fine: bool


def check(config: Config, place: str = "") -> Probed:
    """Shake hands at `place` (`HOST:PORT`), by default where remote brokers are told that the lead is.

    What the configuration leaves out is asked of the lead. Raises ConfigError, CertificateError, LeadError;
    EffectError where the address cannot be found out; typer.BadParameter where `place` is none.
    """
    known = _Known(config)
    uri = _uri(place) if place else known.uri
    check_readable(known.curve_cert)
    certificate = read(known.curve_cert)
    began = time.monotonic()
    handshake = probe(uri, certificate)
    took = f"after {(time.monotonic() - began) * 1000:.0f} ms"
    return Probed(f"{explain(handshake, uri)} ({took})", handshake is Handshake.FINE)


class _Known:
    """What the configuration says of the lead, and behind it the lead itself, asked only if need be."""

    def __init__(self, config: Config) -> None:
        self._config = config

    @property
    def uri(self) -> str:
        lead = self._config.lead
        if lead.host == AUTO:
            host, port = _found(self._config)
        elif lead.host and lead.port:
            host, port = lead.host, lead.port
        else:
            host, port = lead_address(lead, self._facts(*_HOST).lead_endpoint)
        if not host or not port:
            raise _missing(*_HOST, "and the lead's own [bootstrap] does not tell where it is reached")
        return _uri(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    @property
    def curve_cert(self) -> Path:
        path = self._config.lead.curve_cert or Path(self._facts(*_CERT).curve_cert)
        if path == Path():
            raise _missing(*_CERT, "and the lead's own [bootstrap] names none")
        return path

    def _facts(self, key: str, flag: str) -> LeadFacts:
        if not self._config.lead.uri:
            raise _missing(key, flag, "and no lead is at hand to ask ($FLUX_URI is not set)")
        return self._asked

    @cached_property
    def _asked(self) -> LeadFacts:
        with closing(opener(self._config.lead.uri)()) as handle:
            return read_facts(lambda topic, payload: handle.rpc(topic, payload, 0))


def _found(config: Config) -> tuple[str, int]:
    from burstd.kube.address import find, open_lead

    where = config.lead.minicluster
    with closing(open_lead(where.kubeconfig)) as cluster:
        address = find(cluster, where.namespace, where.service)
    return address.host, address.port


def _missing(key: str, flag: str, why: str) -> ConfigError:
    return ConfigError((Problem(key, f"missing, {why}", f"set it, or give {flag}"),))


def _uri(place: str) -> str:
    found = _PLACE.fullmatch(place)
    if found is None or not 1 <= int(found["port"]) <= _LAST_PORT:
        raise typer.BadParameter(f"{place!r} is not of the form HOST:PORT", param_hint="HOST:PORT")
    return f"tcp://{found['host']}:{found['port']}"
