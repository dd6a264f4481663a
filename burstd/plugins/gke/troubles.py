"""What GKE's errors mean for a burst, and what a person can do about each. Pure.

An error comes in three ways: as the status of a call (a gRPC code, with a reason in google.rpc.ErrorInfo), in
an operation that is done (google.rpc.Status), and as a condition of a cluster (StatusCondition). The same
trouble may come in any of them, so all are told by code and by text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from burstd.core.errors import EffectError, Never, NoRoom, NotNow
from burstd.core.model import Failure
from burstd.plugins.gke.seen import Words

STOCKOUT_SECONDS = 300.0
"""Before a zone that had no machines is asked again."""

QUOTA_SECONDS = 900.0
"""Before a project whose quota was reached is tried again: something must end there, or a person help."""

RATE_SECONDS = 30.0
"""Before GKE is called again that was called too often."""

BUSY_SECONDS = 10.0
"""Before a call is made again that GKE could not answer just now."""

LONGEST_WORDS = 400
"""How much of GKE's own text is shown, in characters."""

LOGIN = "`gcloud auth application-default login`"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is asked for, as error messages name it."""

    project: str
    zone: str
    machine_type: str
    spot: bool = False

    @property
    def kind(self) -> str:
        return f"{self.machine_type} (spot)" if self.spot else self.machine_type

    @property
    def offer(self) -> str:
        """What of Google's is asked for: another may be there where this one is not."""
        return f"{self.kind} in {self.zone}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that GKE refused: the gRPC code's name, its text, and what the ErrorInfo with it says.

    That is its reason, and the permission that is missing; "" where it says none.
    """

    code: str
    text: str
    reason: str = ""
    permission: str = ""


class Unusable(Never):
    """GKE cannot be used with what a person set: `option` is the option to look at, "" for no single one."""

    def __init__(self, text: str, option: str = "") -> None:
        super().__init__(text)
        self.option = option


class Expired(Unusable):
    """The credentials that came with a call are not, or no longer, accepted; it had no effect."""


class Missing(Never):
    """What was asked for is not there."""


class Taken(Never):
    """The name is in use already."""


class Busy(NotNow):
    """GKE does one thing at a time with a cluster, and something is under way there."""


class Unsure(NotNow):
    """No answer came: the call may have had its effect, or not."""


_STOCKOUT = (
    "STOCKOUT",
    "ZONE_RESOURCE_POOL_EXHAUSTED",
    "does not have enough resources available",
    "out of resources",
)
_QUOTA = ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "quota")
_OFTEN = ("RATE_LIMIT_EXCEEDED", "per minute")
_CREDENTIALS = ("UNAUTHENTICATED", "Getting metadata from plugin failed", "invalid_grant")
_PASSING = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "ABORTED", "UNKNOWN", "CANCELLED"})


def no_credentials(told: str) -> Unusable:
    """Return the error for a machine on which no credentials can be used."""
    return Unusable(
        "there are no usable credentials for Google Cloud; let GOOGLE_APPLICATION_CREDENTIALS name a file of "
        f"credentials, or run {LOGIN} ({shorten(told)})"
    )


def expired_credentials(told: str) -> Expired:
    """Return the error for credentials that are refused."""
    return Expired(
        f"the credentials for Google Cloud are not accepted; renew them, for instance with {LOGIN} "
        f"({shorten(told)})"
    )


def of_call(doing: str, refusal: Refusal, place: Place) -> EffectError:
    """Return the error for a call that was refused; `doing` says what for."""
    words = (Words(refusal.reason, refusal.text), Words(refusal.code, ""))
    if refusal.code == "RESOURCE_EXHAUSTED" and any(_is(word, _OFTEN) for word in words):
        return NotNow(f"{doing}: GKE was asked too often ({shorten(refusal.text)})", RATE_SECONDS)
    unusable = _unusable(doing, refusal, place)
    if unusable is not None:
        return unusable
    capacity = _capacity(doing, words, place) if refusal.code in _MAY_BE_FULL else None
    return error(capacity) if capacity is not None else _plain(doing, refusal)


_MAY_BE_FULL = ("RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "PERMISSION_DENIED", "UNAVAILABLE")
"""The codes with which calls are refused for want of machines or quota."""


def of_making(doing: str, words: Iterable[Words], place: Place) -> Failure:
    """Return why what was being made was not, from all that GKE says about it."""
    found = tuple(words)
    capacity = _capacity(doing, found, place)
    if capacity is not None:
        return capacity
    told = "; ".join(dict.fromkeys(word.text or word.code for word in found))
    return Failure(f"{doing}: {shorten(told) or 'GKE does not say why'}", BUSY_SECONDS)


def error(failure: Failure) -> EffectError:
    """Return the error that says a failure."""
    if failure.retry_after is not None and failure.offer:
        return NoRoom(failure.text, failure.retry_after, failure.offer)
    return Never(failure.text) if failure.retry_after is None else NotNow(failure.text, failure.retry_after)


def shorten(text: str) -> str:
    """Return the first words of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_WORDS else f"{line[: LONGEST_WORDS - 3]}..."


def _plain(doing: str, refusal: Refusal) -> EffectError:
    text = f"{doing}: {shorten(refusal.text) or refusal.code}"
    if refusal.code == "NOT_FOUND":
        return Missing(text)
    if refusal.code == "ALREADY_EXISTS":
        return Taken(text)
    if refusal.code == "FAILED_PRECONDITION":
        return Busy(text, BUSY_SECONDS)
    if refusal.code in _PASSING:
        told = shorten(refusal.text) or refusal.code
        return Unsure(f"{doing}: GKE does not answer as it should ({told})", BUSY_SECONDS)
    return Never(text)


def _unusable(doing: str, refusal: Refusal, place: Place) -> Unusable | None:
    told, project = shorten(refusal.text), place.project
    if _is(Words(refusal.code, refusal.text), _CREDENTIALS):
        return expired_credentials(told)
    if refusal.reason == "SERVICE_DISABLED":
        return Unusable(
            f"the Kubernetes Engine API is not enabled in project {project}; enable it with "
            f"`gcloud services enable container.googleapis.com --project {project}`",
            "project",
        )
    if _is_unknown_project(refusal):
        return Unusable(f"these credentials find no project {project}; check its id ({told})", "project")
    if _is_unknown_zone(refusal):
        return Unusable(f"there is no zone {place.zone} for project {project} ({told})", "zone")
    if _is_forbidden(refusal):
        return Unusable(f"{doing}: {_lacking(refusal, project)} ({told})")
    return None


def _is_forbidden(refusal: Refusal) -> bool:
    if refusal.code == "PERMISSION_DENIED":
        return not _is(Words("", refusal.text), _QUOTA)
    return "iam.serviceaccountuser" in refusal.text.lower()  # GKE itself calls this an invalid argument


_PERMISSION = re.compile(r"\b(?:container|compute|iam)\.(?!googleapis)[a-zA-Z]+\.[a-zA-Z]+\b")
_ACT_AS = "iam.serviceAccounts.actAs"
_ROLES = {
    "container": "roles/container.admin there",
    "iam": "roles/iam.serviceAccountUser on the service account of the machines (node_service_account)",
}


def _lacking(refusal: Refusal, project: str) -> str:
    """Return which permission is missing, as far as Google says, and which role has it."""
    told = refusal.permission or ", ".join(dict.fromkeys(_PERMISSION.findall(refusal.text)))
    if not told and "iam.serviceaccountuser" in refusal.text.lower():
        told = _ACT_AS
    if not told:
        roles = " and ".join(_ROLES.values())
        return f"the credentials do not allow this in project {project}; give their account {roles}"
    role = _ROLES.get(told.partition(".")[0])
    way_out = (
        f"give their account {role}, or a role that has it" if role else "give their account a role with it"
    )
    return f"the credentials lack the permission {told} in project {project}; {way_out}"


def _is_unknown_project(refusal: Refusal) -> bool:
    if refusal.reason in ("CONSUMER_INVALID", "RESOURCE_PROJECT_INVALID"):
        return True
    text = refusal.text.lower()
    gone = "project" in text and "not found or deleted" in text
    return refusal.code in ("NOT_FOUND", "PERMISSION_DENIED") and (gone or "on resource project" in text)


def _is_unknown_zone(refusal: Refusal) -> bool:
    text = refusal.text.lower()
    told = "'locations/" in text or ("location" in text and "does not exist" in text)
    return refusal.code in ("NOT_FOUND", "PERMISSION_DENIED", "INVALID_ARGUMENT") and told


def _capacity(doing: str, words: Iterable[Words], place: Place) -> Failure | None:
    """A stockout first: its text may speak of quotas too, and another zone helps against it alone."""
    found = tuple(words)
    told = shorten("; ".join(dict.fromkeys(word.text for word in found if word.text)))
    if any(_is(word, _STOCKOUT) for word in found):
        text = (
            f"{doing}: {place.zone} has no {place.kind} left (a stockout, not a quota); it is tried "
            f"again later, and another zone or machine type may have some ({told})"
        )
        return Failure(text, STOCKOUT_SECONDS, place.offer)
    if any(_is(word, _QUOTA) for word in found):
        text = (
            f"{doing}: a quota of project {place.project} is used up; ask for more under IAM & Admin, "
            f"Quotas, or make the pool smaller ({told})"
        )
        return Failure(text, QUOTA_SECONDS, place.offer)
    return None


def _is(word: Words, known: Iterable[str]) -> bool:
    text = f"{word.code} {word.text}".lower()
    return any(mark.lower() in text for mark in known)
