"""What a test may set: how long things take, and what an image does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from burstd.plugins.local.broker import FlavorName

_ALWAYS_THERE = ("ghcr.io/converged-computing/flux-view", "ghcr.io/flux-framework/flux-operator")


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds that things take.

    `pull`: an image that its Node does not have. `start`: a container whose image is there. `back_off`: the
    first pause of the kubelet after a failure; each further one is twice as long, as in Kubernetes, which
    begins with 10. `retry`: the operator's own pause between two brokers in the same container, there 15.
    `grace`: what a pod has between SIGTERM and SIGKILL, in Kubernetes 30.
    """

    pull: float = 0.0
    start: float = 0.0
    back_off: float = 10.0
    retry: float = 15.0
    grace: float = 5.0


@dataclass(frozen=True, slots=True)
class ImageBehaviour:
    """What a registry and a container make of an image.

    `refusal`: why it cannot be pulled. `pull` overrides the common delay. A container that runs none of the
    operator's scripts runs `entrypoint` if there is one; else nothing is started for it, it writes `output`
    and ends with `exit_code`. None: it runs for ever where its pod is to be restarted always (Deployments,
    DaemonSets), and ends with 0 elsewhere.
    """

    refusal: str = ""
    pull: float | None = None
    entrypoint: tuple[str, ...] = ()
    output: str = ""
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What every pod stands on. `images` is None where a registry has everything."""

    directory: Path
    flavor: FlavorName
    delays: Delays
    images: Mapping[str, ImageBehaviour] | None
    uts: bool
    """Whether pods can have a host name of their own."""

    deaf: bool = False
    """Whether SIGTERM reaches nobody in a pod, as where a shell is process 1 there."""

    attributes: tuple[str, ...] = ()
    """Further arguments of every broker."""

    private: tuple[str, ...] = ()
    """Absolute paths, besides mounts, that scripts write to: each container gets its own."""

    def image(self, name: str) -> ImageBehaviour | None:
        """Return what an image does; None where no registry has it."""
        if self.images is None:
            return ImageBehaviour()
        known = self.images.get(name)
        return ImageBehaviour() if known is None and name.startswith(_ALWAYS_THERE) else known
