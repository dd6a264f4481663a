"""The settings of the caps over all paid pools."""

from __future__ import annotations

from pydantic import Field

from burstd.config.fields import Dollars, Section, shown_default


class LimitsConfig(Section):
    """Caps over all paid pools together. What is asked for but not yet there counts as well."""

    max_bursts: int = Field(
        default=1,
        ge=1,
        description="How many bursts of paid pools may exist at once. One, so that the first mistake costs "
        "one burst and not one for each pool.",
    )
    max_hosts: int | None = Field(
        default=None,
        ge=1,
        description="How many hosts of paid pools may exist at once.",
        json_schema_extra=shown_default("the sum of the sizes of all paid pools"),
    )
    dollars_per_hour: Dollars | None = Field(
        default=None,
        description="How many dollars all bursts together may cost in an hour, by the prices that pools "
        "name.",
        json_schema_extra=shown_default("no such cap"),
    )
    dollars_per_day: Dollars | None = Field(
        default=None,
        description="How many dollars all bursts together may cost in a day, UTC. A burst counts as what "
        "it has "
        "cost today and what it may still cost until its `max_lifetime_seconds` are over.",
        json_schema_extra=shown_default("no such cap"),
    )
    dollars_per_user_day: Dollars | None = Field(
        default=None,
        description="The same for each user: what the hosts cost that came up for that user's jobs.",
        json_schema_extra=shown_default("no such cap"),
    )
    close_after: int = Field(
        default=3,
        ge=1,
        description="After so many bursts of a pool in a row of which no broker ever joined the lead, "
        "the pool is "
        "closed for an hour, or until `burstd reopen` opens it: they would all cost, and none would serve.",
    )
