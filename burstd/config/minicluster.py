"""The settings of a lead that is a MiniCluster on Kubernetes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from burstd.config.fields import Label, Section, shown_default


class MiniClusterConfig(Section):
    """The lead where it is a MiniCluster: for `burstd render lead`, and for `lead.host: auto`."""

    namespace: Label = Field(default="flux-operator", description="Its namespace.")
    service: Label = Field(
        default="flux-lead",
        description="The Service that makes its rank 0 broker reachable for remote brokers.",
    )
    service_type: Literal["NodePort", "LoadBalancer"] = Field(
        default="NodePort",
        description="How: at a port of the machine on which that broker's pod runs, or at an address of its "
        "own, which stays when the pod moves and is therefore better, and costs a load balancer.",
    )
    node_port: int | None = Field(
        default=None,
        ge=30000,
        le=32767,
        description="The port of the machine, with NodePort.",
        json_schema_extra=shown_default("`lead.port`, else Kubernetes chooses one"),
    )
    source_ranges: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="With LoadBalancer, the addresses (CIDR) from which it may be reached: those of the "
        "bursts' machines, or of their NAT.",
        json_schema_extra=shown_default("everywhere"),
    )
    min_size: int = Field(
        default=1,
        ge=1,
        description="How many of its own hosts must be up before the lead starts (broker.quorum). Without "
        "such a number it would wait for hosts that do not exist yet.",
    )
    up: int | None = Field(
        default=None,
        ge=1,
        description="How many of its own hosts are started (the MiniCluster's size).",
        json_schema_extra=shown_default("all of them"),
    )
    burstd_image: str = Field(default="", description="The image of the sidecar that runs burstd.")
    run_as_user: int | None = Field(
        default=None,
        ge=0,
        description="The user id of the lead's brokers: burstd must be the same user to steer them.",
        json_schema_extra=shown_default("the users of the images, which must be the same"),
    )
    gateway_image: str = Field(
        default="nginx:1.28-alpine",
        description="The image of nginx for `burstd render lead --gateway`.",
    )
    state_claim: str = Field(
        default="",
        description="A PersistentVolumeClaim for burstd's ledger. It is mounted in every pod of the lead, so "
        "it must be ReadWriteMany, and SQLite needs locks that work there. Without one the ledger goes with "
        "its pod; bursts are then found again by their labels, but what was spent is forgotten.",
    )
    credentials_secret: str = Field(
        default="",
        description="A Secret with the cloud's credentials as `credentials.json`, mounted in burstd's "
        "container alone.",
    )
    workload_identity: bool = Field(
        default=False,
        description="Instead: the cloud's rights of the pod's ServiceAccount. Every container of every pod "
        "of the lead has them then, users' jobs included.",
    )
    service_account: Label = Field(default="burstd", description="The ServiceAccount of the lead's pods.")
    kubeconfig: str = Field(
        default="",
        description="For `lead.host: auto` outside of the lead's pods: how its cluster is reached.",
        json_schema_extra=shown_default("burstd runs in a pod, whose ServiceAccount may read the Service"),
    )
