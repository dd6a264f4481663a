"""Every error burstd raises on purpose.

BurstdError
├── ConfigError        what a person wrote cannot be used; carries one Problem per mistake
├── LeadError
│   ├── LeadLost       the connection to the lead's broker is gone; reconnect
│   ├── LeadRefused    the lead answered an RPC with an error; carries its errno
│   ├── OtherRank      the broker at hand is not the lead's rank 0; carries its rank
│   └── OtherUser      the broker at hand, or its certificate, is another user's
├── EffectError        the two shapes of failure of a call on the world
│   ├── NotNow         may work later; carries retry_after in seconds
│   │   └── NoRoom     the provider lacks what was asked; carries the offer that it lacks
│   └── Never          will not work until a person changes something
├── LedgerError        the ledger's file cannot be used
│   └── LedgerDamaged  what it holds is no ledger, or no whole one: it may be set aside
├── TurnLost           another burstd serves the lead, or does so by now
├── Undelivered        a notice did not reach whom it was for
└── CertificateError   a CURVE certificate cannot be used
"""

from __future__ import annotations

from dataclasses import dataclass


class BurstdError(Exception):
    """Root of the tree; its text is one plain sentence."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in what a person wrote: where it stands, what is wrong, what helps."""

    path: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.what}" if self.path else self.what
        return f"{text} ({self.hint})" if self.hint else text


class ConfigError(BurstdError):
    """What a person wrote cannot be used; nothing was started."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class LeadError(BurstdError):
    """The lead could not do what it was asked."""


class LeadLost(LeadError):
    """The connection to the lead's broker is gone."""


class LeadRefused(LeadError):
    """The lead answered an RPC with an error (RFC 6); `errno` is its code, `text` its words."""

    def __init__(self, topic: str, errno: int, text: str) -> None:
        super().__init__(f"{topic}: {text} (errno {errno})")
        self.topic = topic
        self.errno = errno
        self.text = text


class OtherRank(LeadError):
    """The broker at hand is not the lead's rank 0."""

    def __init__(self, rank: int) -> None:
        super().__init__(
            f"this is rank {rank} of the instance, and burstd serves from rank 0 alone: "
            "start it beside that broker, with its $FLUX_URI"
        )
        self.rank = rank


class OtherUser(LeadError):
    """What burstd needs belongs to the user of the broker, and burstd runs as another."""

    def __init__(self, what: str, theirs: int, mine: int) -> None:
        super().__init__(
            f"{what} belongs to uid {theirs}, but burstd runs as uid {mine}: "
            f"run burstd as uid {theirs}, the broker's"
        )


class EffectError(BurstdError):
    """A mutating call on the world failed."""


class NotNow(EffectError):
    """The call may work later: retry it after `retry_after` seconds."""

    def __init__(self, text: str, retry_after: float = 5.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class NoRoom(NotNow):
    """The provider has no room, or the project no quota, for what was asked; `offer` names that."""

    def __init__(self, text: str, retry_after: float, offer: str) -> None:
        super().__init__(text, retry_after)
        self.offer = offer


class Never(EffectError):
    """The call will not work until a person changes something."""


class LedgerError(BurstdError):
    """The ledger's file cannot be used."""


class LedgerDamaged(LedgerError):
    """The file at hand holds no ledger, or no whole one; a new one may be begun beside it."""


class TurnLost(BurstdError):
    """Another burstd serves the lead: this one makes no call any more."""


class Undelivered(BurstdError):
    """A notice did not reach whom it was for; `again`: it may on another attempt."""

    def __init__(self, text: str, *, again: bool = False) -> None:
        super().__init__(text)
        self.again = again


class CertificateError(BurstdError):
    """A CURVE certificate cannot be used."""
