"""How burstd's own marks on the world begin."""


def drain_mark(owner: str) -> str:
    """Return how every drain reason of this owner begins: only such drains are burstd's to undo."""
    return f"burstd: {owner}: "


NO_HOST = "burstd: no host up"
"""Why burstd stops a pool's queue. It starts only a queue that is stopped with this reason or with none."""

HOLD_MEMO = "burstd_hold"
"""The memo that marks a job whose urgency 0 is burstd's own doing; its value names the owner."""
