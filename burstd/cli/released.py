"""`burstd release`: lets go by hand of what burstd holds."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from burstd.config import Config
from burstd.core.jobid import parse


def release(config: Config, words: tuple[str, ...]) -> tuple[str, ...]:
    """Release the named jobs, or all that are held; return one sentence for each.

    Raises typer.BadParameter where a word is no job id, LeadError.
    """
    jobs = tuple(_parsed(words))
    from burstd.engine.wiring import release as released

    return released(config, jobs or None) or (f"No job is held by {config.owner}.",)


def _parsed(words: tuple[str, ...]) -> Iterator[int]:
    for word in words:
        try:
            yield parse(word)
        except ValueError as exc:
            raise typer.BadParameter(str(exc), param_hint="JOBID") from exc
