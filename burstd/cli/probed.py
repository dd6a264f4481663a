"""`burstd probe`: whether the lead lets a broker in at the address that remote brokers are told."""

from __future__ import annotations

import re
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cache

import typer

from burstd.config import Config
from burstd.doctor.known import Known
from burstd.join.curve import Handshake, explain, probe, read
from burstd.lead.beside import check_readable
from burstd.lead.connect import opener
from burstd.lead.contract import LeadFacts
from burstd.lead.facts import read_facts

_PLACE = re.compile(r"(tcp://)?(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s/:\[\]]+):(?P<port>\d{1,5})")
_LAST_PORT = 65535


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
    known = Known(config, cache(lambda: _facts(config)))
    uri = _uri(place) if place else known.uri()
    path = known.curve_cert()
    check_readable(path)
    certificate = read(path)
    began = time.monotonic()
    handshake = probe(uri, certificate)
    took = f"after {(time.monotonic() - began) * 1000:.0f} ms"
    return Probed(f"{explain(handshake, uri)} ({took})", handshake is Handshake.FINE)


def _facts(config: Config) -> LeadFacts:
    with closing(opener(config.lead.uri)()) as handle:
        return read_facts(lambda topic, payload: handle.rpc(topic, payload, 0))


def _uri(place: str) -> str:
    found = _PLACE.fullmatch(place)
    if found is None or not 1 <= int(found["port"]) <= _LAST_PORT:
        raise typer.BadParameter(f"{place!r} is not of the form HOST:PORT", param_hint="HOST:PORT")
    return f"tcp://{found['host']}:{found['port']}"
