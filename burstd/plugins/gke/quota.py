"""Which quotas of a region the hosts of a pool count against, and how much of each. Pure.

The names are those of Compute Engine's regional quotas. Families without one of their own count against CPUS;
those whose quotas are told by another API (Cloud Quotas) are not known here.
"""

from __future__ import annotations

from collections.abc import Mapping

from burstd.plugins.gke.machines import family
from burstd.plugins.gke.options import GkeOptions

_SHARED = frozenset({"e2", "f1", "g1", "n1", "t2a", "t2d"})
"""Families that count against CPUS."""

_OWN = frozenset({"a2", "c2", "c2d", "c3", "c3d", "g2", "h3", "m1", "m2", "m3", "n2", "n2d"})
"""Families with a quota of their own: C2_CPUS and so on."""

_GPUS = {
    "nvidia-tesla-a100": "NVIDIA_A100_GPUS",
    "nvidia-a100-80gb": "NVIDIA_A100_80GB_GPUS",
    "nvidia-l4": "NVIDIA_L4_GPUS",
    "nvidia-tesla-p100": "NVIDIA_P100_GPUS",
    "nvidia-tesla-p4": "NVIDIA_P4_GPUS",
    "nvidia-tesla-t4": "NVIDIA_T4_GPUS",
    "nvidia-tesla-v100": "NVIDIA_V100_GPUS",
}


def needs(options: GkeOptions, hosts: int) -> Mapping[str, int]:
    """Return how much of each quota so many hosts take."""
    machine = options.machine
    found = {"INSTANCES": hosts}
    if not options.private_nodes:
        found["IN_USE_ADDRESSES"] = hosts
    cpus = _cpus(options)
    if machine is not None and cpus:
        found[cpus] = _vcpus(options) * hosts
    gpus = _GPUS.get(machine.accelerator) if machine is not None else None
    if machine is not None and gpus:
        found[f"PREEMPTIBLE_{gpus}" if options.spot else gpus] = machine.gpus * hosts
    return found


def _cpus(options: GkeOptions) -> str:
    """Return the quota for the machines' cores, "" where it is not known."""
    if options.spot:
        return "PREEMPTIBLE_CPUS"
    kind = family(options.machine_type)
    return "CPUS" if kind in _SHARED else f"{kind.upper()}_CPUS" if kind in _OWN else ""


def _vcpus(options: GkeOptions) -> int:
    """Google counts threads, also those that threads_per_core turns off."""
    whole = options.model_copy(update={"threads_per_core": None}).machine
    return whole.vcpus if whole is not None else 0
