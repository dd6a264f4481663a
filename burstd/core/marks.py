"""How burstd's own marks on the world begin."""


def drain_mark(owner: str) -> str:
    """Return how every drain reason of this owner begins: only such drains are burstd's to undo."""
    return f"burstd: {owner}: "


NO_HOST = "burstd: no host up"
"""Why burstd stops a pool's queue. It starts only a queue that is stopped with this reason or with none."""

HOLD_MEMO = "burstd_hold"
"""The memo that marks a job whose urgency 0 is burstd's own doing; its value names the owner."""

CHECKPOINT_KEY = "burstd.{owner}.spend"
"""Where in the lead's KVS the money stands that an owner's bursts have cost today."""

EPOCH_KEY = "burstd.{owner}.epoch"
"""Where in the lead's KVS stands whose turn it is: the epoch of one burstd of this owner."""

BUSY = "busy"
"""The text of a renewal that says that jobs run on the burst."""
