"""A stand-in for the program `kind`: its arguments, exit codes and words are those of kind 0.33.

`Workshop` puts it, and a `docker` that only has to be there, into a directory for PATH. A cluster is a fake
API server with a fake Flux Operator in a process that outlives the call, and a directory on disk.
"""

from fakes.kind.workshop import Workshop

__all__ = ["Workshop"]
