"""A lead on this machine: for the demo, the tests and the bench."""
