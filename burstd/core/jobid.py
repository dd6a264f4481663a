"""Job ids (RFC 19): FLUIDs, and the f58 form in which people see them."""

from __future__ import annotations

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_TIME_SHIFT = 24
"""A FLUID's low bits: 14 of generator id, 10 of sequence number."""


def f58(job: int) -> str:
    """Return the f58 form of a job id: `ƒ` and its base58 digits. Raises ValueError on a negative id."""
    if job < 0:
        raise ValueError(f"{job} is not a job id: ids are not negative (RFC 19)")
    digits = ""
    while job >= 58:
        job, digit = divmod(job, 58)
        digits = _ALPHABET[digit] + digits
    return f"ƒ{_ALPHABET[job]}{digits}"


def next_fluid(previous: int, age_seconds: float) -> int:
    """Return an id above `previous` for an instance that is `age_seconds` old; ids grow with time."""
    return max(int(age_seconds * 1000) << _TIME_SHIFT, previous + 1)
