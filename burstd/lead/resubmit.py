"""The `flux submit` command line that would submit a job again, from its jobspec (RFC 25). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from burstd.lead.request import read_request

LONGEST = 2000
"""Letters of a command that is still worth a sentence."""


def resubmit(jobspec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words of the command that submits the same program with the same resources.

    The queue is left out: in the present one it would be refused again. A job that carries files, as a
    batch script, cannot be told in a command, and one of very many words is not: (). Raises ValueError where
    the resources are of no form that `flux submit` makes, other errors where the rest is of no form at all.
    """
    system = jobspec["attributes"]["system"]
    if system.get("files"):
        return ()
    flags = (*_resources(jobspec), *_attributes(system))
    words = ("flux", "submit", *flags, *map(str, jobspec["tasks"][0]["command"]))
    return words if sum(map(len, words)) <= LONGEST else ()


def _resources(jobspec: Mapping[str, Any]) -> Iterator[str]:
    request = read_request(jobspec)
    if request.hosts:
        yield f"-N{request.hosts}"
    if not (request.hosts and request.exclusive):
        yield f"-n{request.slots * max(request.hosts, 1)}"
    if request.cores > 1:
        yield f"-c{request.cores}"
    if request.gpus:
        yield f"-g{request.gpus}"


def _attributes(system: Mapping[str, Any]) -> Iterator[str]:
    if system.get("duration"):
        yield f"-t{system['duration']:g}s"
    value = system.get("burstable")
    if value == 1:
        yield "--setattr=burstable"
    else:
        yield f"--setattr=burstable={value if isinstance(value, str) else json.dumps(value)}"
