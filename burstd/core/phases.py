"""The phases of a burst in words, and read back from them. Pure."""

from __future__ import annotations

from burstd.core.model import Phase

PHASE_SENTENCES = {
    Phase.PLANNED: "is planned",
    Phase.PROVISIONING: "its site is being made",
    Phase.LAUNCHING: "its site is there; its brokers are being started",
    Phase.JOINING: "its brokers were started; waiting for them to join the lead",
    Phase.SERVING: "serves",
    Phase.DRAINING: "drains: {why}",
    Phase.RELEASING: "is being released: {why}",
    Phase.GONE: "is gone, verified",
}
"""What is said of a burst that enters a phase, after its name and a colon."""


def entered(sentence: str) -> tuple[str, Phase] | None:
    """Return which burst entered which phase by a sentence of the ledger; None: it tells of none.

    A ledger may hold sentences of an earlier burstd, in other words: these tell of none either.
    """
    name, _, said = sentence.partition(": ")
    found = (phase for phase, words in PHASE_SENTENCES.items() if _says(said, words))
    phase = next(found, None)
    return None if phase is None else (name, phase)


def _says(said: str, words: str) -> bool:
    begin, gap, _ = words.partition("{")
    return said.startswith(begin) if gap else said == begin
