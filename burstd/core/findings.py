"""What a check found: how it stands, one sentence, and what a person can do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from burstd.core.errors import BurstdError, ConfigError, LeadRefused


class State(StrEnum):
    """How what was checked stands, the best first."""

    OK = "ok"
    NOT_CHECKED = "not checked"
    WARNING = "warning"
    FAILED = "failed"


class Check(StrEnum):
    """What `burstd doctor` looks at, in the order in which it does; plugins may have checks of their own."""

    STATE_DIR = "state directory"
    DAEMON = "daemon"
    LEAD = "lead"
    RANK = "rank"
    STATEDIR = "statedir"
    QUORUM = "quorum"
    HOSTS = "hosts"
    SCHEDULER = "scheduler"
    QUEUES = "queues"
    CLOCK = "clock"
    CERTIFICATE = "certificate"
    HANDSHAKE = "handshake"
    CREDENTIALS = "credentials"
    PERMISSIONS = "permissions"
    QUOTA = "quota"
    OPERATOR = "operator"
    SECRETS = "secrets"
    OPTIONS = "options"
    BURST = "burst"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    `check` names the check, `about` the pool or site that was looked at, "" where it is the lead or burstd
    itself. `remedy` is what to do, "" where nothing is to be done. `proof` is the line that shows it, in the
    words of whoever wrote it.
    """

    state: State
    check: str
    sentence: str
    remedy: str = ""
    about: str = ""
    proof: str = ""

    def document(self) -> dict[str, str]:
        """Return it as JSON holds it."""
        return {
            "state": self.state,
            "check": self.check,
            "about": self.about,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "proof": self.proof,
        }


def ok(check: str, sentence: str) -> Finding:
    return Finding(State.OK, check, sentence)


def warning(check: str, sentence: str, remedy: str) -> Finding:
    return Finding(State.WARNING, check, sentence, remedy)


def failed(check: str, sentence: str, remedy: str) -> Finding:
    return Finding(State.FAILED, check, sentence, remedy)


def not_checked(check: str, why: str, remedy: str = "") -> Finding:
    return Finding(State.NOT_CHECKED, check, why, remedy)


def of(about: str, finding: Finding) -> Finding:
    """Return the finding as one about this pool or site, unless it says already whose it is."""
    return finding if finding.about else replace(finding, about=about)


def failures(findings: Iterable[Finding]) -> int:
    """Return how many checks failed."""
    return sum(one.state is State.FAILED for one in findings)


def guarded(check: Check, findings: Iterator[Finding], about: str = "") -> Iterator[Finding]:
    """Pass findings on; what ends them early is a finding too.

    What others answer may be of any form, in another version of theirs: that ends one check, not all.
    """
    try:
        yield from findings
    except ConfigError as exc:
        for problem in exc.problems:
            what = f"{problem.path}: {problem.what}" if problem.path else problem.what
            yield of(about, failed(check, what, problem.hint or _CORRECT))
    except LeadRefused as exc:
        yield of(about, not_checked(check, f"this lead does not tell it ({exc})"))
    except BurstdError as exc:
        sentence, remedy = _split(str(exc))
        yield of(about, failed(check, sentence, remedy))
    except (LookupError, TypeError, ValueError, OSError) as exc:
        yield of(about, not_checked(check, f"the check itself failed: {type(exc).__name__}: {exc}"))


def _split(text: str) -> tuple[str, str]:
    """Return what an error's sentence says is wrong, and what it says is to be done, where it says both."""
    for mark in ("; ", ": "):
        sentence, _, remedy = text.rpartition(mark)
        if sentence and remedy.startswith(_ORDERS):
            return sentence, remedy
    return text, _CORRECT


_CORRECT = "correct what it names, then ask again"
_ORDERS = (
    *("check ", "copy ", "correct ", "enable ", "give ", "install ", "let ", "make ", "name "),
    *("renew ", "run ", "set ", "start "),
)
"""How the parts of errors begin that say what to do."""
