"""Jobs' working directories: which of them may be made on a pool's hosts. A cwd is untrusted text. Pure.

On hosts that do not see the lead's files a job's directory is missing, and Flux runs the job in `/tmp`.
burstd makes it there where the pool's `cwd_prefixes` allow that.
"""

from __future__ import annotations

from collections.abc import Iterable

from burstd.core.jobs import Directory
from burstd.core.model import Job, JobState, Policy, Pool
from burstd.core.placement import is_guests
from burstd.core.text import shown

ROOT = 0
"""Whose a prefix is, where it has to be made itself: no job's user may own what others live in."""

LONGEST_PATH = 4095
"""Bytes of a path, without the zero at its end (PATH_MAX of Linux)."""

LONGEST_PART = 255
"""Bytes of one component (NAME_MAX)."""

_EVERYWHERE = ("", "/", "/tmp")
"""What no host lacks: none at all, the root, and where Flux runs a job whose directory is missing."""

_WAITS = (JobState.DEPEND, JobState.PRIORITY, JobState.SCHED)


def flaw(path: str) -> str:
    """Say what keeps a path from being a directory that burstd would make anywhere; "" if nothing does."""
    if not path.startswith("/"):
        return "is not absolute"
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in path):
        return "has control characters"
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in path):
        return "is not UTF-8"
    parts = path[1:].split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "is not normalised"
    sizes = [len(part.encode()) for part in parts]
    too_long = max(sizes) > LONGEST_PART or sum(sizes) + len(sizes) > LONGEST_PATH
    return "is too long" if too_long else ""


def objection(cwd: str, pool: Pool) -> str:
    """Say why a working directory is not made on the pool's hosts, as the end of a sentence; "": it is."""
    found = flaw(cwd)
    if found or any(_within(cwd, prefix) for prefix in pool.cwd_prefixes):
        return found
    return f"is not under cwd_prefixes of pool {pool.name}"


def warning(job: Job, pools: Iterable[Pool]) -> str:
    """Return the sentence that a job's user needs where its directory will be missing; "" if it will not."""
    for pool in () if job.cwd in _EVERYWHERE else pools:
        why = "" if pool.shares_files else objection(job.cwd, pool)
        if why:
            where = f"Its working directory {shown(job.cwd)} {why}"
            return f"{where}, and may be missing there: Flux then runs it in /tmp."
    return ""


def directories(job: Job, pool: Pool) -> tuple[Directory, ...]:
    """Return what is to be made on the pool's hosts before the job runs there."""
    if pool.shares_files or not job.cwd or objection(job.cwd, pool):
        return ()
    above = [Directory(prefix, ROOT) for prefix in pool.cwd_prefixes if _within(job.cwd, prefix)]
    own = [] if job.cwd in pool.cwd_prefixes else [Directory(job.cwd, job.userid)]
    return (*sorted(above), *own)


def directories_for(pool: Pool, jobs: Iterable[Job], policy: Policy) -> frozenset[Directory]:
    """Return what is to be made for all waiting burstable jobs that the pool could serve."""
    if pool.shares_files or not pool.cwd_prefixes:
        return frozenset()
    elsewhere = {one.queue or one.name for one in policy.pools if one != pool}
    fitting = (job for job in jobs if _asks_for(job, pool) and job.queue not in elsewhere)
    served = (job for job in fitting if pool.multi_user or not is_guests(job, policy))
    return frozenset(directory for job in served for directory in directories(job, pool))


def _asks_for(job: Job, pool: Pool) -> bool:
    wish = job.wish
    wanted = wish is not None and not wish.nonsense and wish.target in ("", pool.name, pool.provider)
    return wanted and job.state in _WAITS


def _within(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
