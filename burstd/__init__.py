"""burstd: cloud bursting for Flux."""

__version__ = "0.1.0"
