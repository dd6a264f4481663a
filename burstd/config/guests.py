"""The settings for other users of the machine than burstd's own."""

from __future__ import annotations

from pydantic import Field

from burstd.config.fields import File, Section, shown_default


class GuestsConfig(Section):
    """Other users of the machine: what they may ask of burstd. They never order anything."""

    socket: File | None = Field(
        default=None,
        description="A file at which every user of the machine may ask `burstd status` and `burstd why`, "
        "such as `/run/burstd/ask`: codes and counts of all, words only about their own jobs, no dollars. "
        "Only burstd's user, or root, may be able to change its directory, and everybody must be able to "
        "enter it; burstd makes the directory where only that one is missing. "
        "[More about who sees what](why.md#who-is-told-what).",
        json_schema_extra=shown_default("none: only burstd's user and root may ask"),
    )
