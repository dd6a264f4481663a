"""What a user types at a lead that has no `flux` command, as the embedded instance has none.

`python -m burstd.stage.user submit -N 4 --setattr=burstable hostname` reads like `flux submit`; `jobs`,
`output` and `cancel` are there too. It speaks to any lead that FLUX_URI names, a real one as well.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from burstd.core.errors import BurstdError, LeadLost
from burstd.core.jobid import f58, parse
from burstd.core.model import JobState
from burstd.lead.connect import opener
from burstd.lead.handle import Handle, Payload
from burstd.lead.jobspec import command_jobspec, submit
from burstd.stage.output import read_output

PATIENCE_SECONDS = 30.0
"""How long an answer, or the end of a job's output, may take."""

_ATTRIBUTES = ("state", "name", "nodelist", "annotations")
_STATES = tuple(JobState)
"""In the order of job-list's numbers: the N-th is 2 to the N (RFC 43)."""


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words say and return the exit code."""
    asked = _parser().parse_args(words)
    try:
        with closing(opener(os.environ.get("FLUX_URI"))()) as handle:
            for line in asked.do(handle, asked):
                sys.stdout.write(f"{line}\n")
    except BurstdError as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


def _submit(handle: Handle, asked: argparse.Namespace) -> Iterator[str]:
    yield f58(submit(handle, command_jobspec(asked.command, asked.nodes, burstable=asked.setattr)))


def _jobs(handle: Handle, _: argparse.Namespace) -> Iterator[str]:
    yield _row("JOBID", "NAME", "STATE", "HOSTS", "USER.BURST")
    for job in _listed(handle):
        notes = (job.get("annotations") or {}).get("user") or {}
        state = _STATES[int(job["state"]).bit_length() - 1]
        yield _row(f58(job["id"]), job["name"], state, job.get("nodelist", ""), notes.get("burst", ""))


def _output(handle: Handle, asked: argparse.Namespace) -> Iterator[str]:
    for task, line in sorted(read_output(handle, asked.job, PATIENCE_SECONDS)):
        yield f"{task}: {line}"


def _cancel(handle: Handle, asked: argparse.Namespace) -> Iterator[str]:
    handle.rpc("job-manager.raise", {"id": asked.job, "type": "cancel", "severity": 0, "note": ""})
    yield from ()


def _listed(handle: Handle) -> Iterator[Payload]:
    active = {"states": ["active"]}
    wanted = {"max_entries": 0, "attrs": list(_ATTRIBUTES), "since": 0.0, "constraint": active}
    stream = handle.stream("job-list.list", wanted)
    try:
        while (answer := stream.next(PATIENCE_SECONDS)) is not None:
            yield from answer.get("jobs") or ()
    except StopIteration:
        return
    raise LeadLost("the lead did not list its jobs in time")


def _row(job: str, name: str, state: str, hosts: str, burst: str) -> str:
    return f"{job:<10} {name:<10} {state:<8} {hosts:<14} {burst}".rstrip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m burstd.stage.user", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    submits = commands.add_parser("submit", help="submit a job and print its id")
    submits.add_argument("-N", "--nodes", type=int, default=1, help="whole hosts, one task each")
    submits.add_argument("--setattr", type=_mark, metavar="burstable[=VALUE]", help="mark it burstable")
    submits.add_argument("command", nargs=argparse.REMAINDER, help="what each task runs")
    submits.set_defaults(do=_submit)
    commands.add_parser("jobs", help="list jobs that wait or run").set_defaults(do=_jobs)
    for name, do, what in (("output", _output, "print what it wrote"), ("cancel", _cancel, "cancel it")):
        one = commands.add_parser(name, help=f"wait for a job's end and {what}" if do is _output else what)
        one.add_argument("job", type=parse, metavar="JOBID")
        one.set_defaults(do=do)
    return parser


def _mark(text: str) -> Any:
    """Return an attribute's value as `flux submit --setattr` reads it: JSON, else text; 1 without one."""
    name, given, value = text.partition("=")
    if name != "burstable":
        raise argparse.ArgumentTypeError(f"only burstable can be set here, not {name!r}")
    try:
        return json.loads(value) if given else 1
    except ValueError:
        return value


if __name__ == "__main__":
    sys.exit(main())
