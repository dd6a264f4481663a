"""Job ids (RFC 19): FLUIDs, and the f58 form in which people see them."""

from __future__ import annotations

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BITS = 64
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


def parse(text: str) -> int:
    """Return the job id that a person wrote: f58 (`ƒ…` or `f…`) or decimal (RFC 19). Raises ValueError."""
    if text[:1] in ("ƒ", "f"):
        job = _from_base58(text[1:])
    else:
        job = int(text) if text.isascii() and text.isdigit() else None
    if job is None or job >= 1 << _BITS:
        raise ValueError(f"{text!r} is not a job id: one reads like ƒAbC123 or 1234567890 (RFC 19)")
    return job


def _from_base58(digits: str) -> int | None:
    if not digits or any(digit not in _ALPHABET for digit in digits):
        return None
    job = 0
    for digit in digits:
        job = job * 58 + _ALPHABET.index(digit)
    return job


def next_fluid(previous: int, age_seconds: float) -> int:
    """Return an id above `previous` for an instance that is `age_seconds` old; ids grow with time."""
    return max(int(age_seconds * 1000) << _TIME_SHIFT, previous + 1)
