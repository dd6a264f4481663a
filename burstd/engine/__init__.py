"""Makes it happen: the loop, the gate, the ledger."""
