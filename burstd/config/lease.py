"""The settings of the dead-man's switch: what becomes of bursts whose burstd is silent."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from burstd.config.fields import Seconds, Section, shown_default
from burstd.core.silence import IDLE_SECONDS, WITH_JOBS_SECONDS, LeaseTerms


class LeaseConfig(Section):
    """The lease of each burst: burstd renews it, and where nobody does, the burst ends by itself."""

    off: bool = Field(
        default=False,
        description="Whether bursts have no lease. Then a burst whose burstd never comes back stays, and "
        "costs what it costs, until a person or `burstd gc` finds it. Without `lease.image` a paid pool "
        "on Kubernetes needs this word, so that somebody has decided it.",
    )
    idle_seconds: Seconds = Field(
        default=IDLE_SECONDS,
        description="Seconds without a sign of burstd after which a burst ends on which no job runs. Long "
        "enough for a restart or an upgrade of burstd, short against what a forgotten machine costs. The "
        "lease is renewed six times in this time.",
    )
    with_jobs_seconds: Seconds = Field(
        default=WITH_JOBS_SECONDS,
        description="The same for a burst on which jobs ran when burstd last said something: a day, so that "
        "nobody's job is killed because burstd is away for a while.",
    )
    image: str = Field(
        default="",
        description="The image of burstd from which each burst on Kubernetes gets its reaper, a small pod "
        "that ends the burst when the lease is not renewed. The burst's cluster must be able to pull it.",
        json_schema_extra=shown_default("`lead.minicluster.burstd_image`"),
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.with_jobs_seconds < self.idle_seconds:
            raise ValueError(
                "with_jobs_seconds is less than idle_seconds: a burst with jobs would end before one without"
            )
        return self

    @property
    def terms(self) -> LeaseTerms:
        """Return the spans alone."""
        return LeaseTerms(self.idle_seconds, self.with_jobs_seconds)
