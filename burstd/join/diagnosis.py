"""Why hosts of a burst are not in: what brokers and lead wrote, held against the known symptoms. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from burstd.core.hosts import compress
from burstd.core.text import printable
from burstd.join.curve import Handshake
from burstd.join.symptoms import JOINED, SYMPTOMS, WAITS, Symptom

LONGEST_LINE = 300
"""How much of a line is shown, in characters."""

_LONGEST_READ = 2000

WAITING = "waits"
SILENT = "silent"
UNKNOWN = "unknown"

_PREFIX = re.compile(r"^<\d>")
_OVERLAY = re.compile(r"\boverlay\b|sockevent")
_ABOUT = re.compile(r"(?P<host>[^\s(]+) \(rank \d+\)")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why some hosts are not in: `code` names it, `line` is what proves it, "" where silence does."""

    code: str
    hosts: tuple[str, ...]
    sentence: str
    remedy: str
    line: str = ""

    @property
    def text(self) -> str:
        return f"{compress(self.hosts)}: the broker {self.sentence}"


@dataclass(frozen=True, slots=True)
class Knocked:
    """What knocking at the lead showed from here, and whether the burst has the lead's certificate.

    None: not tried, or not seen.
    """

    handshake: Handshake | None = None
    same_certificate: bool | None = None
    uri: str = "the lead's address"


def diagnose(
    said: Mapping[str, str], lead: str = "", knocked: Knocked | None = None
) -> tuple[Diagnosis, ...]:
    """Return the causes, each with the hosts that it keeps out, in the order of the hosts.

    `said` has the log of each host that is not in, "" where nothing was seen; `lead` is the lead's own. A
    host whose log says that it got in, and nothing bad after that, has no cause.
    """
    found: dict[tuple[str, str], Diagnosis] = {}
    for host, text in said.items():
        one = _of_host(host, text, lead, knocked or Knocked())
        if one is not None:
            key = (one.code, one.sentence)
            known = found.get(key)
            found[key] = one if known is None else _with_host(known, host)
    return tuple(found.values())


def classify(text: str) -> Diagnosis | None:
    """Return the cause that a single text names, of no host; None: it is none that is known."""
    return _matched((), _lines(text))


def _of_host(host: str, text: str, lead: str, knocked: Knocked) -> Diagnosis | None:
    own = _lines(text)
    joined = max((place for place, line in enumerate(own) if JOINED.search(line)), default=-1)
    if joined >= 0:
        return _matched((host,), own[joined + 1 :])
    found = _matched((host,), [*own, *_about(host, lead)])
    if (found is None or found.code == "refused") and knocked.same_certificate is not False:
        # what the lead says of nobody may be about any host, so the host's own words come first
        found = _matched((host,), [*own, *_about("", lead)]) or found
    return found or _without_words((host,), own, knocked)


def _matched(hosts: tuple[str, ...], lines: list[str]) -> Diagnosis | None:
    for symptom in SYMPTOMS:
        for line in lines:
            match = symptom.pattern.search(line)
            if match is not None:
                return _named(symptom, hosts, match, line)
    return None


def _named(symptom: Symptom, hosts: tuple[str, ...], match: re.Match[str], line: str) -> Diagnosis:
    groups = {name: printable(value or "") for name, value in match.groupdict().items()}
    shown = printable(line)[:LONGEST_LINE]
    return Diagnosis(symptom.code, hosts, symptom.sentence.format(**groups), symptom.remedy, shown)


def _without_words(hosts: tuple[str, ...], lines: list[str], knocked: Knocked) -> Diagnosis:
    """A broker that is not answered tries for ever and says nothing: knocking from here may tell why."""
    if not lines:
        return Diagnosis(SILENT, hosts, _NOTHING, _LOOK)
    waits = next((line for line in reversed(lines) if WAITS.search(line)), "")
    if not waits:
        return Diagnosis(UNKNOWN, hosts, _OTHER, _LOOK, printable(lines[-1])[:LONGEST_LINE])
    sentence, remedy = _unanswered(knocked)
    return Diagnosis(WAITING, hosts, sentence, remedy, printable(waits)[:LONGEST_LINE])


_NOTHING = "has written nothing that can be seen"
_OTHER = "is not in, and its log has no line that is known to say why"
_LOOK = "look at its whole log, and at the lead's: `flux dmesg`"
_CLOSED = {
    Handshake.CLOSED: (
        "nothing answers at {uri}",
        "see that the lead listens there, with no firewall between; lead.host and lead.port say where",
    ),
    Handshake.NOT_ZEROMQ: ("what listens at {uri} is no Flux broker", "check lead.host and lead.port"),
    Handshake.UNRESOLVED: ("the name in {uri} cannot be resolved", "check lead.host, or give an address"),
    Handshake.WRONG_CERTIFICATE: (
        "{uri} refuses the certificate that burstd gave it",
        "give burstd the file that curve_cert names in the lead's broker.toml",
    ),
}


def _unanswered(knocked: Knocked) -> tuple[str, str]:
    start = "knocks at the lead and is not answered: "
    if knocked.same_certificate is False:
        return f"{start}its certificate is not the lead's", _RESTART
    if knocked.handshake in _CLOSED:
        what, remedy = _CLOSED[knocked.handshake]
        return f"{start}{what.format(uri=knocked.uri)}", remedy
    if knocked.handshake is Handshake.FINE:
        return f"{start}{knocked.uri} lets brokers in from here, so {_CLOSED_THERE}", _OPEN
    return f"{start}the way to the lead is closed, or its certificate is not the lead's", _OPEN


_CLOSED_THERE = "the way from there is closed, unless it has only just begun"
_RESTART = "restart the burst (`burstd down`, then `burstd up`): new ones get the lead's present certificate"
_OPEN = (
    "open the lead's port to the burst's hosts (firewall, security group, Cloud NAT), and see that lead.host "
    "is an address that they reach"
)


def _lines(text: str) -> list[str]:
    """Return the lines of a log, but none with a key: the Flux Operator writes certificates there."""
    lines = (_PREFIX.sub("", raw[:_LONGEST_READ]).strip() for raw in text.splitlines())
    return [line for line in lines if line and "secret-key" not in line]


def _about(host: str, lead: str) -> Iterator[str]:
    """Yield the lines of the lead's overlay that name this host; "": those that name none."""
    for line in filter(_OVERLAY.search, _lines(lead)):
        named = _ABOUT.search(line)
        if (named["host"] if named else "") == host:
            yield line


def _with_host(known: Diagnosis, host: str) -> Diagnosis:
    return replace(known, hosts=(*known.hosts, host))
