"""What machine types of Compute Engine have: vCPUs, memory, GPUs, threads of each core. Pure.

The rules of naming and the sizes are those of the Compute Engine documentation on machine families. A type
that is not here is not wrong: the pool then says cores and gpus itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from burstd.core.model import Shape

SINGLE_THREADED = frozenset({"c4a", "h3", "n4a", "t2a", "t2d"})
"""Families whose vCPU is a whole core."""

ARM_FAMILIES = frozenset({"c4a", "n4a", "t2a"})
"""Families on which GKE taints Nodes with kubernetes.io/arch=arm64."""

COMPACT_FAMILIES = frozenset({"a2", "a3", "c2", "c2d", "c3", "c3d", "c4", "g2", "h3", "n2", "n2d"})
"""Families that can have a COMPACT placement policy."""

BUILT_IN_GPUS: Mapping[str, Mapping[str, str]] = {
    "a2": {"highgpu": "nvidia-tesla-a100", "megagpu": "nvidia-tesla-a100", "ultragpu": "nvidia-a100-80gb"},
    "a3": {
        "highgpu": "nvidia-h100-80gb",
        "edgegpu": "nvidia-h100-80gb",
        "megagpu": "nvidia-h100-mega-80gb",
        "ultragpu": "nvidia-h200-141gb",
    },
    "g2": {"standard": "nvidia-l4"},
}
"""The accelerator of each series whose machines come with GPUs: family, then series."""


@dataclass(frozen=True, slots=True)
class MachineType:
    """One machine type as its guest sees it: `vcpus` are the threads that run there."""

    vcpus: int
    threads_per_core: int
    memory_gb: float
    gpus: int = 0
    accelerator: str = ""

    @property
    def shape(self) -> Shape:
        """What Flux counts: whole cores, whatever their threads, and gpus."""
        return Shape(max(self.vcpus // self.threads_per_core, 1), self.gpus)

    @property
    def request_millicores(self) -> int:
        """What a broker's pod asks for: more than half a machine, so that one fits, and well under all of it.

        GKE keeps a few per cent of each machine, and its own pods there ask for some hundred millicores.
        """
        return self.vcpus * 600


def family(machine_type: str) -> str:
    """Return the family of a machine type; a custom type without a family is of n1."""
    head = machine_type.partition("-")[0]
    return "n1" if head == "custom" else head


def look_up(
    name: str, threads_per_core: int | None = None, accelerator: str = "", count: int = 0
) -> MachineType | None:
    """Return what a machine of this type has, with GPUs added to it; None: it is not known here."""
    hardware = _custom(name) or _predefined(name)
    if hardware is None:
        return None
    threads = min(threads_per_core or hardware.threads_per_core, hardware.threads_per_core)
    seen = replace(
        hardware, vcpus=hardware.vcpus * threads // hardware.threads_per_core, threads_per_core=threads
    )
    return replace(seen, gpus=count, accelerator=accelerator) if accelerator else seen


_MEMORY_PER_VCPU: Mapping[str, Mapping[str, float]] = {
    "c2": {"standard": 4},
    "c2d": {"highcpu": 2, "standard": 4, "highmem": 8},
    "c3": {"highcpu": 2, "standard": 4, "highmem": 8},
    "c3d": {"highcpu": 2, "standard": 4, "highmem": 8},
    "c4": {"highcpu": 2, "standard": 3.75, "highmem": 7.75},
    "c4a": {"highcpu": 2, "standard": 4, "highmem": 8},
    "c4d": {"highcpu": 1.875, "standard": 3.875, "highmem": 7.875},
    "e2": {"highcpu": 1, "standard": 4, "highmem": 8},
    "g2": {"standard": 4},
    "h3": {"standard": 4},
    "n1": {"highcpu": 0.9, "standard": 3.75, "highmem": 6.5},
    "n2": {"highcpu": 1, "standard": 4, "highmem": 8},
    "n2d": {"highcpu": 1, "standard": 4, "highmem": 8},
    "n4": {"highcpu": 2, "standard": 4, "highmem": 8},
    "t2a": {"standard": 4},
    "t2d": {"standard": 4},
}
"""GB of memory for each vCPU, of types that are called family-series-vCPUs."""

_VCPUS: Mapping[str, tuple[int, ...]] = {
    "c2": (4, 8, 16, 30, 60),
    "c2d": (2, 4, 8, 16, 32, 56, 112),
    "c3": (4, 8, 22, 44, 88, 176, 192),
    "c3d": (4, 8, 16, 30, 60, 90, 180, 360),
    "c4": (2, 4, 8, 16, 24, 32, 48, 96, 144, 192, 288),
    "c4a": (1, 2, 4, 8, 16, 32, 48, 64, 72),
    "c4d": (2, 4, 8, 16, 32, 48, 64, 96, 192, 384),
    "e2": (2, 4, 8, 16, 32),
    "g2": (4, 8, 12, 16, 24, 32, 48, 96),
    "h3": (88,),
    "n1": (1, 2, 4, 8, 16, 32, 64, 96),
    "n2": (2, 4, 8, 16, 32, 48, 64, 80, 96, 128),
    "n2d": (2, 4, 8, 16, 32, 48, 64, 80, 96, 128, 224),
    "n4": (2, 4, 8, 16, 32, 48, 64, 80),
    "t2a": (1, 2, 4, 8, 16, 32, 48),
    "t2d": (1, 2, 4, 8, 16, 32, 48, 60),
}
"""The sizes that there are."""

_L4S = {4: 1, 8: 1, 12: 1, 16: 1, 24: 2, 32: 1, 48: 4, 96: 8}
"""GPUs of a g2-standard machine by its vCPUs."""

_NAMED: Mapping[str, tuple[int, float]] = {
    "m1-megamem-96": (96, 1433.6),
    "m1-ultramem-40": (40, 961),
    "m1-ultramem-80": (80, 1922),
    "m1-ultramem-160": (160, 3844),
    "m2-ultramem-208": (208, 5888),
    "m2-ultramem-416": (416, 11776),
    "m2-megamem-416": (416, 5888),
    "m2-hypermem-416": (416, 8832),
    "m3-megamem-64": (64, 976),
    "m3-megamem-128": (128, 1952),
    "m3-ultramem-32": (32, 976),
    "m3-ultramem-64": (64, 1952),
    "m3-ultramem-128": (128, 3904),
    "h3-standard-88": (88, 352),
}
"""vCPUs and GB of types that follow no rule."""

_GPU_MACHINES: Mapping[str, tuple[int, float]] = {
    "a2-highgpu-1g": (12, 85),
    "a2-highgpu-2g": (24, 170),
    "a2-highgpu-4g": (48, 340),
    "a2-highgpu-8g": (96, 680),
    "a2-megagpu-16g": (96, 1360),
    "a2-ultragpu-1g": (12, 170),
    "a2-ultragpu-2g": (24, 340),
    "a2-ultragpu-4g": (48, 680),
    "a2-ultragpu-8g": (96, 1360),
    "a3-edgegpu-8g": (208, 1872),
    "a3-highgpu-1g": (26, 234),
    "a3-highgpu-2g": (52, 468),
    "a3-highgpu-4g": (104, 936),
    "a3-highgpu-8g": (208, 1872),
    "a3-megagpu-8g": (208, 1872),
    "a3-ultragpu-8g": (224, 2952),
}
"""vCPUs and GB of types that are called family-series-GPUs."""

_CUSTOM = re.compile(r"(?:(?P<family>e2|n2|n2d|n4)-)?custom-(?P<vcpus>\d+)-(?P<memory_mb>\d+)(?:-ext)?")
_SIZED = re.compile(r"(?P<family>[a-z]\d[a-z]*)-(?P<series>[a-z]+)-(?P<size>\d+)(?:-lssd)?")
_GPU_SIZED = re.compile(r"(?P<family>a\d)-(?P<series>[a-z]+)-(?P<gpus>\d+)g")


def _custom(name: str) -> MachineType | None:
    match = _CUSTOM.fullmatch(name)
    return _hardware(family(name), int(match["vcpus"]), int(match["memory_mb"]) / 1024) if match else None


def _predefined(name: str) -> MachineType | None:
    if name in _GPU_MACHINES:
        return _gpu_machine(name)
    bare = name.removesuffix("-lssd")
    if bare in _NAMED:
        return _hardware(family(name), *_NAMED[bare])
    match = _SIZED.fullmatch(name)
    return _sized(match["family"], match["series"], int(match["size"])) if match else None


def _sized(kind: str, series: str, vcpus: int) -> MachineType | None:
    memory = _MEMORY_PER_VCPU.get(kind, {}).get(series)
    if memory is None or vcpus not in _VCPUS[kind]:
        return None
    machine = _hardware(kind, vcpus, vcpus * memory)
    if kind not in BUILT_IN_GPUS:
        return machine
    return replace(machine, gpus=_L4S[vcpus], accelerator=BUILT_IN_GPUS[kind][series])


def _gpu_machine(name: str) -> MachineType | None:
    match = _GPU_SIZED.fullmatch(name)
    if match is None:
        return None
    machine = _hardware(match["family"], *_GPU_MACHINES[name])
    accelerator = BUILT_IN_GPUS[match["family"]][match["series"]]
    return replace(machine, gpus=int(match["gpus"]), accelerator=accelerator)


def _hardware(kind: str, vcpus: int, memory_gb: float) -> MachineType:
    threads = 1 if kind in SINGLE_THREADED or vcpus == 1 else 2
    return MachineType(vcpus, threads, memory_gb)
