"""What a person writes under `options` of a pool whose provider is `gke`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from burstd.kube.options import KubeOptions, read_options
from burstd.plugins.contract import Setting
from burstd.plugins.gke import machines
from burstd.plugins.gke.marks import PREFIX

ZONE = re.compile(r"[a-z]+-[a-z]+\d+-[a-z]")
"""A zone's name, such as us-central1-a; without the last letter it is a region's."""

LABEL_LIMIT = 63

_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]*")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]*")


class GkeOptions(KubeOptions):
    """Options of the provider `gke`."""

    project: str = Field(
        min_length=1, description="The Google Cloud project in which clusters are made, by its id."
    )
    zone: str = Field(default="us-central1-a", description="The zone in which machines are made.")
    machine_type: str = Field(
        default="n2-standard-8",
        min_length=1,
        description="The machine type of the burst's hosts, such as `c2-standard-8`. It tells cores and gpus "
        "of a host; for a type that burstd does not know, the pool says them.",
    )
    cluster: str = Field(
        default="",
        pattern=r"^([a-z]([a-z0-9-]*[a-z0-9])?)?$",
        max_length=40,
        description="An existing cluster: only a node pool is made and removed there. Empty: each burst gets "
        "a cluster of its own.",
    )
    cluster_location: str = Field(
        default="",
        description="Where the existing cluster is, if it is not zonal in `zone`: its region, for instance.",
    )
    keep_cluster_seconds: float = Field(
        default=0.0,
        ge=0,
        le=86_400,
        description="How long a cluster outlives its burst, without the burst's machines, so that the next "
        "one starts sooner. The control plane and the system machine are paid for meanwhile. 0: not at all.",
    )
    spot: bool = Field(
        default=False,
        description="Whether the hosts are Spot VMs: cheaper, and Google may take them away at any time.",
    )
    compact_placement: bool = Field(
        default=False, description="Whether the hosts are placed close together (COMPACT)."
    )
    threads_per_core: Literal[1, 2] | None = Field(
        default=None,
        description="1 turns simultaneous multithreading off. None: as the machine type has it.",
    )
    disk_gb: int | None = Field(
        default=None, ge=10, le=65_536, description="Size of each boot disk in GB. None: GKE's own default."
    )
    disk_type: str = Field(
        default="", description="Type of the boot disks, such as `pd-ssd`. Empty: GKE's own default."
    )
    tags: tuple[str, ...] = Field(
        default=(), description="Network tags of the machines, for firewall rules such as the lead's."
    )
    labels: dict[str, str] = Field(
        default_factory=dict, description="Labels on cluster and machines, as they appear in the bill."
    )
    network: str = Field(default="", description="VPC network. Empty: `default`.")
    subnetwork: str = Field(default="", description="Subnetwork. Empty: the network's own of the region.")
    private_nodes: bool = Field(
        default=False,
        description="Whether machines have no external address. They reach the lead, and registries, "
        "through a Cloud NAT that must be there.",
    )
    network_policy: bool = Field(
        default=False, description="Whether network policies are enforced in the cluster (Calico)."
    )
    intra_node_visibility: bool = Field(
        default=False, description="Whether traffic between pods of one machine passes the VPC."
    )
    cloud_dns: bool = Field(
        default=True,
        description="Whether names are resolved by Cloud DNS in cluster scope, which knows a new broker's "
        "name sooner than kube-dns.",
    )
    workload_identity: bool = Field(
        default=False,
        description="Whether pods get an identity by Workload Identity instead of their machine's.",
    )
    node_service_account: str = Field(
        default="",
        description="Service account of the machines, by its e-mail address. Empty: the project's default.",
    )
    release_channel: Literal["", "rapid", "regular", "stable", "extended"] = Field(
        default="regular", description="Release channel of the cluster. Empty: GKE's own default."
    )
    accelerator_type: str = Field(
        default="",
        description="GPUs of each host, such as `nvidia-tesla-t4`, for machine types without built-in ones.",
    )
    accelerator_count: int = Field(default=0, ge=0, le=16, description="How many GPUs each host gets.")
    system_machine_type: str = Field(
        default="e2-standard-2",
        min_length=1,
        description="Machine type of the one machine beside the hosts, for the operator and GKE's own pods.",
    )
    insecure_endpoint: str = Field(
        default="",
        pattern=r"^([^\s/]+:\d+)?$",
        description="`host:port` of a ClusterManager that is reached without TLS, for tests. Application "
        "default credentials are used only if GOOGLE_APPLICATION_CREDENTIALS names them.",
    )

    insecure_rest_endpoint: str = Field(
        default="",
        pattern=r"^([^\s/]+:\d+)?$",
        description="`host:port` at which Google's REST APIs for quotas and permissions are reached without "
        "TLS, for tests.",
    )

    @property
    def location(self) -> str:
        """Where clusters are looked for."""
        return self.cluster_location or self.zone

    @property
    def machine(self) -> machines.MachineType | None:
        """What one host of the burst has; None: the machine type is not known here."""
        return machines.look_up(
            self.machine_type, self.threads_per_core, self.accelerator_type, self.accelerator_count
        )

    @field_validator("zone")
    @classmethod
    def _a_zone(cls, zone: str) -> str:
        if not ZONE.fullmatch(zone):
            raise ValueError(
                f"{zone!r} is no zone: a zone reads like us-central1-a; a region has several, "
                "and machines would be made in each"
            )
        return zone

    @field_validator("labels")
    @classmethod
    def _labels(cls, labels: dict[str, str]) -> dict[str, str]:
        for key, value in labels.items():
            if problem := _label_problem(key, value):
                raise ValueError(problem)
        return labels

    @model_validator(mode="after")
    def _together(self) -> Self:
        for problem in self._conflicts():
            raise ValueError(problem)
        return self

    def _conflicts(self) -> Iterator[str]:
        family = machines.family(self.machine_type)
        if self.compact_placement and family not in machines.COMPACT_FAMILIES:
            allowed = ", ".join(sorted(machines.COMPACT_FAMILIES))
            yield f"compact_placement: {self.machine_type} cannot be placed compactly; families {allowed} can"
        if self.threads_per_core == 2 and family in machines.SINGLE_THREADED:
            yield f"threads_per_core: the cores of {self.machine_type} have one thread each"
        if bool(self.accelerator_type) != bool(self.accelerator_count):
            yield "accelerator_type and accelerator_count go together"
        if self.accelerator_type and family in machines.BUILT_IN_GPUS:
            yield f"accelerator_type: {self.machine_type} has its GPUs built in"
        if self.cluster_location and not self.cluster:
            yield "cluster_location says where an existing cluster is: it needs cluster"
        if self.cluster and self.keep_cluster_seconds:
            yield "keep_cluster_seconds: an existing cluster is never removed; leave it out"


def read(setting: Setting) -> GkeOptions:
    """Return the checked options. Raises ConfigError with every mistake and its path."""
    return read_options(GkeOptions, setting.options, setting.path)


def _label_problem(key: str, value: str) -> str:
    if key.startswith(PREFIX):
        return f"{key!r} is one of burstd's own labels, which begin with {PREFIX}"
    if not _LABEL_KEY.fullmatch(key) or len(key) > LABEL_LIMIT:
        return f"{key!r} cannot be a label: at most {LABEL_LIMIT} lower-case letters, digits, _ and -"
    if not _LABEL_VALUE.fullmatch(value) or len(value) > LABEL_LIMIT:
        return (
            f"{value!r} cannot be a label's value: at most {LABEL_LIMIT} lower-case letters, digits, _ and -"
        )
    return ""
