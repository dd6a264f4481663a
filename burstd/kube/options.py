"""What a person writes under `options` of a pool whose site is a Kubernetes cluster."""

from __future__ import annotations

from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from burstd.core.errors import ConfigError, Problem
from burstd.kube.kinds import Manifest


class Section(BaseModel):
    """One mapping of the options: a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OperatorOptions(Section):
    """Where the Flux Operator comes from."""

    manifest: str = Field(
        default="",
        description="Path or URL of the operator's manifest. Empty: that of a known commit, told by its "
        "SHA-256, with the operator's image replaced by `image`.",
    )
    sha256: str = Field(
        default="", pattern="^([0-9a-f]{64})?$", description="What the SHA-256 of the manifest must be."
    )
    image: str = Field(default="", description="The operator's image, instead of the one in the manifest.")
    allow_floating: bool = Field(
        default=False,
        description="Whether an image with a tag instead of a digest may be installed: what a tag names can "
        "change from one burst to the next.",
    )
    install: bool = Field(
        default=False,
        description="Whether it may be installed on a cluster that burstd did not make.",
    )


class VolumeOptions(Section):
    """One volume of the broker's container."""

    path: str = Field(pattern="^/", description="Where it is mounted.")
    claim: str = Field(default="", description="A PersistentVolumeClaim in the burst's namespace.")
    host_path: str = Field(default="", pattern="^(/.*)?$", description="A directory of the machine.")
    secret: str = Field(default="", description="A Secret in the burst's namespace.")
    config_map: str = Field(default="", description="A ConfigMap in the burst's namespace.")
    read_only: bool = Field(default=False, description="Whether jobs may only read there.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [name for name in (self.claim, self.host_path, self.secret, self.config_map) if name]
        if len(named) != 1:
            raise ValueError("must name exactly one of claim, host_path, secret and config_map")
        return self


class KubeOptions(Section):
    """Options that every provider of Kubernetes sites has."""

    image: str = Field(
        default="",
        description="The image in which brokers and jobs run. Empty: the lead's own, `lead.image`, else "
        "flux-core's image of the lead's version, whose own Flux is used then.",
    )
    flux_image: str = Field(
        default="",
        description="The image from which the operator takes Flux, its Flux view. Empty: the lead's own, "
        "`lead.flux_image`, else the operator's own default.",
    )
    run_as_user: int | None = Field(
        default=None,
        ge=0,
        description="The user id of the brokers, which must be the lead's. Empty: the user of the image; "
        "with the image that is taken where none is named, the lead's.",
    )
    use_view: bool = Field(
        default=True,
        description="Whether Flux comes from the operator's view; false: the image has a Flux of its own.",
    )
    pull_secret: str = Field(default="", description="A Secret with which the images are pulled.")
    prepull: bool = Field(
        default=True,
        description="Whether a Job pulls the images as soon as the cluster answers, which also makes an "
        "autoscaler add the machines, while the operator still starts.",
    )
    operator: OperatorOptions = Field(default_factory=OperatorOptions, description="The Flux Operator.")
    flux_operator_yaml: str = Field(
        default="", description="The same as `operator.manifest`, as the flag has it."
    )
    scheduler_name: str = Field(
        default="", description="Kubernetes scheduler of the pods, such as `fluence`."
    )
    node_selector: dict[str, str] = Field(default_factory=dict, description="Labels that Nodes must have.")
    tolerations: tuple[Manifest, ...] = Field(default=(), description="Taints that are tolerated.")
    requests: dict[str, str] = Field(default_factory=dict, description="Resource requests of each broker.")
    limits: dict[str, str] = Field(default_factory=dict, description="Resource limits of each broker.")
    environment: dict[str, str] = Field(
        default_factory=dict, description="Environment of the brokers and of their jobs. No secrets here."
    )
    volumes: dict[str, VolumeOptions] = Field(default_factory=dict, description="Volumes, by name.")
    min_size: int | None = Field(
        default=None, ge=1, description="How many brokers are enough to begin with: minSize."
    )
    deadline_seconds: int | None = Field(
        default=None, ge=1, description="After so long Kubernetes itself ends the brokers."
    )
    service_account: str = Field(default="", description="ServiceAccount of the pods.")
    containers: tuple[Manifest, ...] = Field(
        default=(), description="Further containers of each pod, as the MiniCluster has them."
    )
    manifests: tuple[str, ...] = Field(
        default=(),
        description="Files of manifests that are applied in the burst's namespace, which is new each time, "
        "before its brokers are started: what `pull_secret`, `service_account` and `volumes` name, for "
        "instance. A file with a Secret must have mode 0600.",
    )
    connect_timeout: str = Field(
        default="5s", pattern=r"^\d+(ms|s|m)?$", description="ZeroMQ's connect timeout of the brokers."
    )
    secret_namespace: str = Field(
        default="default",
        description="Where the Secrets are that `lead.curve_cert_secret_name` and "
        "`lead.munge_key_secret_name` name: burstd copies them into the burst's namespace.",
    )

    @property
    def operator_chosen(self) -> OperatorOptions:
        """The operator's options, with the manifest that the flag names."""
        named = self.flux_operator_yaml
        return self.operator.model_copy(update={"manifest": named}) if named else self.operator


T = TypeVar("T", bound=BaseModel)


def read_options(model: type[T], options: Any, path: str) -> T:
    """Return checked options. Raises ConfigError with every mistake and its path."""
    try:
        return model.model_validate(dict(options))
    except ValidationError as exc:
        raise ConfigError(tuple(_problem(model, path, one) for one in exc.errors())) from exc


def _problem(model: type[BaseModel], start: str, error: ErrorDetails) -> Problem:
    path = ".".join([start, *map(str, error["loc"])])
    if error["type"] == "extra_forbidden":
        known = ", ".join(model.model_fields)
        return Problem(path, "there is no such option here", f"there are {known}")
    if error["type"] == "missing":
        return Problem(path, "missing", "set it")
    return Problem(path, error["msg"].removeprefix("Value error, "))
