"""What holds while one generation of the lead lives."""

from __future__ import annotations

from dataclasses import dataclass

from burstd.core.model import Policy, Scheduling


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be done, and how the lead's scheduler behaves."""

    policy: Policy
    scheduling: Scheduling
