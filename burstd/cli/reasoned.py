"""How `burstd why` asks, and shows what it is told: text for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from burstd.cli.asking import NOBODY, asked_by
from burstd.cli.moments import age, clock
from burstd.cli.options import Written
from burstd.core.errors import BurstdError
from burstd.core.jobid import f58, parse
from burstd.core.text import printable

NO_DAEMON = (
    "no burstd answers here, so it is not known why jobs wait; start it, or see what each job was told last: "
    "`flux jobs -o '{id} {user.burst}'`"
)
OTHER_VERSION = "the burstd that runs is of another version: ask with the command of that"
OLD = "The lead does not answer; this is as it was seen last."
NOT_SEEN = "burstd has not seen the lead yet; ask again in a moment."


def of_one(written: Written, socket: Path | None, job: str, as_json: bool) -> tuple[str, bool]:
    """Return what is told of a job, and whether anything is. Raises BurstdError where nobody answers."""
    try:
        number = parse(job)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="JOBID") from exc
    found = _answer(written, socket, "why", {"job": number})
    try:
        return (_json(found) if as_json else one_as_text(found)), bool(found["told"])
    except (KeyError, TypeError) as exc:
        raise BurstdError(OTHER_VERSION) from exc


def of_all(written: Written, socket: Path | None, as_json: bool) -> tuple[str, bool]:
    """Return why jobs wait, and whether that is known. Raises BurstdError where nobody answers."""
    found = _answer(written, socket, "waiting", None)
    try:
        return (_json(found) if as_json else all_as_text(found)), bool(found["seen"])
    except (KeyError, TypeError) as exc:
        raise BurstdError(OTHER_VERSION) from exc


def one_as_text(why: Mapping[str, Any]) -> str:
    """Return the document about one job as text for people. Raises KeyError, TypeError where it is none."""
    return "\n".join(_one(why))


def all_as_text(found: Mapping[str, Any]) -> str:
    """Return the document about all jobs as text for people. Raises KeyError, TypeError where it is none."""
    return "\n".join(_all(found))


def _answer(
    written: Written, socket: Path | None, kind: str, about: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    try:
        return asked_by(written, socket, kind, about)
    except NOBODY as exc:
        raise BurstdError(NO_DAEMON) from exc


def _json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=2)


def _all(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["seen"]:
        yield NOT_SEEN
        return
    yield from [] if found["lead_answers"] else [OLD]
    if not found["waiting"]:
        yield "No burstable job waits."
        return
    width = max(len(str(one["jobs"])) for one in found["waiting"])
    for one in found["waiting"]:
        yield f"{one['jobs']:{width}}  {one['code']}: {printable(one['sentence'])}"
        if one["examples"]:
            yield f"{'':{width}}  such as {', '.join(one['examples'])}"


def _one(why: Mapping[str, Any]) -> Iterator[str]:
    yield from [] if why["lead_answers"] else [OLD]
    yield f"{f58(why['id'])}: {_headline(why)}"
    if why["state"] == "waiting":
        yield from _waiting(why)
    yield from _before(why)


def _headline(why: Mapping[str, Any]) -> str:
    sentence, now = printable(why["sentence"]), why["at"]
    if why["state"] == "waiting":
        return f"{why['code']}{_since(why)}. {sentence}"
    return sentence + (f" Since {_moment(why['since'], now)}." if why["since"] is not None else "")


def _since(why: Mapping[str, Any]) -> str:
    return "" if why["since"] is None else f", since {_moment(why['since'], why['at'])}"


def _waiting(why: Mapping[str, Any]) -> Iterator[str]:
    turn = f"Its turn is {why['turn']} of {why['waiting']} that wait"
    yield f"{turn}; it was submitted {_moment(why['submitted'], why['at'])}."
    if why["held"]:
        yield "burstd holds it meanwhile (urgency 0), so that it is neither refused nor in the way."
    if why["considered"]:
        yield "Considered, in this order:"
        yield from _indented(_considered(why))
    yield f"Next: {printable(why['next'])}"
    yield f"When: {_when(why)}"


def _considered(why: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    for place in why["considered"]:
        code = f"{place['code']}: " if place["code"] else ""
        lines = [f"{code}{printable(place['sentence'])}"]
        if place["next"]:
            lines.append(f"{printable(place['next'])} When: {_when({**place, 'at': why['at']})}")
        yield _PLACES.get(place["where"], place["name"]), lines


def _indented(rows: Iterator[tuple[str, Sequence[str]]]) -> Iterator[str]:
    listed = list(rows)
    width = max(len(name) for name, _ in listed)
    for name, lines in listed:
        for head, line in zip((name, *[""] * len(lines)), lines, strict=False):
            yield f"  {head:{width}}  {line}"


def _when(estimates: Mapping[str, Any]) -> str:
    """Say the estimates of a moment, and that they are estimates."""
    words = (("earliest", "not before"), ("about", "about"), ("latest", "at the latest"))
    parts = [
        f"{word} {clock(estimates[name], estimates['at'])}{_ahead(estimates[name] - estimates['at'])}"
        for name, word in words
        if estimates[name] is not None
    ]
    return f"an estimate: {', '.join(parts)}." if parts else "not known."


def _ahead(seconds: float) -> str:
    return f" (in {age(seconds)})" if seconds >= 1 else ""


def _before(why: Mapping[str, Any]) -> Iterator[str]:
    if not why["before"]:
        return
    yield "Before:"
    if why["forgotten"]:
        yield f"  {why['forgotten']} older reasons are not kept"
    for was in why["before"]:
        yield f"  {clock(was['at'], why['at'])}  {was['code']}: {printable(was['sentence'])}"


def _moment(moment: float, now: float) -> str:
    return f"{clock(moment, now)}, {age(max(now - moment, 0.0))} ago"


_PLACES = {"up": "hosts that are up", "coming": "hosts coming up"}
