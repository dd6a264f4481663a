"""Sees and steers Flux."""
