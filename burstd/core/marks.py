"""How burstd's own marks on the world begin."""


def drain_mark(owner: str) -> str:
    """Return how every drain reason of this owner begins: only such drains are burstd's to undo."""
    return f"burstd: {owner}: "
