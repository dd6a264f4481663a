"""What runs in Flux's own Python, not in burstd's: files that import only flux and the standard library."""
