"""burstd killed at random moments while bursts come and go, and what must hold afterwards."""
