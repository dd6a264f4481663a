"""Looks at everything that a burst needs, and changes nothing: what `burstd doctor` says."""
