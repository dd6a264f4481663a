"""What a person writes under `options` of a pool whose provider is `kind`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import Field

from burstd.config.fields import at_home
from burstd.core.errors import ConfigError, Problem
from burstd.kube.options import KubeOptions, read_options
from burstd.plugins.contract import Setting

API_VERSION = "kind.x-k8s.io/v1alpha4"

CONTROL_PLANE = "control-plane"
WORKER = "worker"


class KindOptions(KubeOptions):
    """Options of the provider `kind`."""

    workers: int | None = Field(
        default=None,
        ge=0,
        description="How many worker nodes the cluster has. Empty: one for each host of the pool, whether it "
        "is asked for at once or not, since a kind cluster gets no further nodes later. 0: the control plane "
        "runs the brokers, too.",
    )
    node_image: str = Field(
        default="",
        description="The image of the nodes, such as `kindest/node:v1.34.0@sha256:…`. Empty: the one that "
        "this release of kind takes.",
    )
    config: str = Field(
        default="",
        description=f"A configuration of kind ({API_VERSION}) to begin with: all but its nodes is taken as "
        "it is, its control-plane node and its first worker are the patterns for those that are made.",
    )
    load_images: tuple[str, ...] = Field(
        default=(),
        description="Images of the local Docker that are put on the nodes, so that no registry is asked.",
    )
    listing_seconds: float = Field(
        default=2.0, gt=0, description="The least time between two listings, in seconds."
    )

    def workers_of(self, hosts: int) -> int:
        """Return how many workers a cluster for so many hosts gets."""
        return hosts if self.workers is None else self.workers


def read(setting: Setting) -> tuple[KindOptions, Mapping[str, Any]]:
    """Return the checked options, and what the configuration that they name says. Raises ConfigError."""
    options = read_options(KindOptions, setting.options, setting.path)
    return options, _own_config(options.config, f"{setting.path}.config") if options.config else {}


def _own_config(name: str, path: str) -> Mapping[str, Any]:
    file = at_home(name)
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError((Problem(path, f"{file} cannot be read: {exc.strerror}"),)) from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError((Problem(path, f"{file} is not YAML"),)) from exc
    problems = tuple(Problem(path, f"{file} {what}") for what in _faults(found))
    if problems:
        raise ConfigError(problems)
    content: Mapping[str, Any] = found
    return content


def _faults(found: Any) -> Iterator[str]:
    wanted = {"kind": "Cluster", "apiVersion": API_VERSION}
    if not isinstance(found, dict) or not wanted.items() <= found.items():
        yield f"is not a configuration of kind: `kind` must be Cluster and `apiVersion` {API_VERSION}"
        return
    nodes = found.get("nodes") or []
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        yield "has nodes that are not a list of mappings"
        return
    if sum(node.get("role", CONTROL_PLANE) == CONTROL_PLANE for node in nodes) > 1:
        yield "has more than one control-plane node; burstd makes clusters with one"
