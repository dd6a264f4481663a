"""The kinds a server knows: those it starts with, and those that CustomResourceDefinitions add."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fakes.kube.status import NoSuchPath, Object

CRDS = "customresourcedefinitions.apiextensions.k8s.io"


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where a kind keeps what its scale subresource shows, as steps from the object's root."""

    wanted: tuple[str, ...]
    actual: tuple[str, ...]
    selector: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One version of one kind."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    subresources: frozenset[str] = frozenset()
    counted: bool = False
    """Whether the server keeps `metadata.generation`."""
    custom: bool = False
    scale: ScalePaths | None = None
    schema: Object = field(default_factory=dict)

    @property
    def resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


def _builtins() -> Iterator[Kind]:
    for line in _TABLE.strip().splitlines():
        group, version, plural, kind, *marks = line.split()
        named = frozenset(mark for mark in marks if mark not in {"cluster", "counted"})
        yield Kind(
            "" if group == "-" else group,
            version,
            plural,
            kind,
            namespaced="cluster" not in marks,
            subresources=named,
            counted="counted" in marks,
            scale=ScalePaths(("spec", "replicas"), ("status", "replicas")) if "scale" in named else None,
        )


_TABLE = """
- v1 namespaces Namespace cluster status finalize
- v1 nodes Node cluster status
- v1 pods Pod counted status log
- v1 services Service status
- v1 endpoints Endpoints
- v1 secrets Secret
- v1 configmaps ConfigMap
- v1 serviceaccounts ServiceAccount
- v1 events Event
- v1 resourcequotas ResourceQuota status
- v1 persistentvolumeclaims PersistentVolumeClaim status
apps v1 deployments Deployment counted status scale
apps v1 daemonsets DaemonSet counted status
batch v1 jobs Job counted status
batch v1 cronjobs CronJob counted status
rbac.authorization.k8s.io v1 roles Role
rbac.authorization.k8s.io v1 rolebindings RoleBinding
rbac.authorization.k8s.io v1 clusterroles ClusterRole cluster
rbac.authorization.k8s.io v1 clusterrolebindings ClusterRoleBinding cluster
coordination.k8s.io v1 leases Lease
discovery.k8s.io v1 endpointslices EndpointSlice counted
apiextensions.k8s.io v1 customresourcedefinitions CustomResourceDefinition cluster counted status
policy v1 poddisruptionbudgets PodDisruptionBudget counted status
scheduling.k8s.io v1 priorityclasses PriorityClass cluster counted
networking.k8s.io v1 networkpolicies NetworkPolicy counted
"""


class Kinds:
    """The kinds by address. Changes come from one thread alone; each is one assignment."""

    def __init__(self) -> None:
        self._known = {(kind.group, kind.version, kind.plural): kind for kind in _builtins()}
        self._unserved: frozenset[str] = frozenset()

    def find(self, group: str, version: str, plural: str) -> Kind:
        """Return the kind at an address. Raises NoSuchPath."""
        kind = self._known.get((group, version, plural))
        if kind is None or kind.resource in self._unserved:
            raise NoSuchPath
        return kind

    def is_builtin(self, group: str, version: str) -> bool:
        """Whether the server itself has this group and version."""
        return any((kind.group, kind.version) == (group, version) and not kind.custom for kind in self.all())

    def of(self, resource: str) -> Kind:
        """Return the kind of a resource, the version that is stored first. Raises NoSuchPath."""
        for kind in self._known.values():
            if kind.resource == resource:
                return kind
        raise NoSuchPath(resource)

    def all(self) -> list[Kind]:
        return [kind for kind in self._known.values() if kind.resource not in self._unserved]

    def define(self, crd: Object) -> None:
        """Take in what a CustomResourceDefinition declares, the stored version first; not served yet."""
        self.forget(crd)
        fresh = sorted(_declared(crd), key=lambda pair: not pair[0])
        self._unserved |= {kind.resource for _, kind in fresh}
        self._known = self._known | {(kind.group, kind.version, kind.plural): kind for _, kind in fresh}

    def serve(self, crd: Object) -> None:
        """Let clients find what a CustomResourceDefinition declares."""
        self._unserved -= {_resource(crd)}

    def forget(self, crd: Object) -> None:
        gone = _resource(crd)
        self._known = {key: kind for key, kind in self._known.items() if kind.resource != gone}


def _resource(crd: Object) -> str:
    return f"{crd['spec']['names']['plural']}.{crd['spec']['group']}"


def _declared(crd: Object) -> Iterator[tuple[bool, Kind]]:
    spec = crd["spec"]
    for version in spec["versions"]:
        if not version.get("served", True):
            continue
        subresources = version.get("subresources") or {}
        yield (
            version.get("storage", False),
            Kind(
                spec["group"],
                version["name"],
                spec["names"]["plural"],
                spec["names"]["kind"],
                namespaced=spec.get("scope", "Namespaced") == "Namespaced",
                subresources=frozenset(subresources),
                counted=True,
                custom=True,
                scale=_scale_paths(subresources.get("scale")),
                schema=(version.get("schema") or {}).get("openAPIV3Schema") or {},
            ),
        )


def _scale_paths(scale: Object | None) -> ScalePaths | None:
    if not scale:
        return None
    wanted, actual = scale["specReplicasPath"], scale["statusReplicasPath"]
    return ScalePaths(_steps(wanted), _steps(actual), _steps(scale.get("labelSelectorPath") or ""))


def _steps(path: str) -> tuple[str, ...]:
    return tuple(step for step in path.split(".") if step)


def discover(kinds: Kinds, parts: list[str]) -> Object:
    """Answer for /api, /apis and the pages below them that list kinds. Raises NoSuchPath."""
    match parts:
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        case ["apis"]:
            groups = dict.fromkeys(kind.group for kind in kinds.all() if kind.group)
            return {
                "kind": "APIGroupList",
                "apiVersion": "v1",
                "groups": [_group(kinds, name) for name in groups],
            }
        case ["apis", name]:
            return {"kind": "APIGroup", "apiVersion": "v1"} | _group(kinds, name)
        case ["api", version]:
            return _resource_list(kinds, "", version)
        case ["apis", name, version]:
            return _resource_list(kinds, name, version)
    raise NoSuchPath


def _group(kinds: Kinds, name: str) -> Object:
    versions = dict.fromkeys(kind.version for kind in kinds.all() if kind.group == name)
    if not versions:
        raise NoSuchPath
    told = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": told, "preferredVersion": told[0]}


def _resource_list(kinds: Kinds, group: str, version: str) -> Object:
    found = [kind for kind in kinds.all() if (kind.group, kind.version) == (group, version)]
    if not found:
        raise NoSuchPath
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": found[0].api_version,
        "resources": [entry for kind in found for entry in _entries(kind)],
    }


def _entries(kind: Kind) -> Iterator[Object]:
    verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    shared = {"namespaced": kind.namespaced, "kind": kind.kind}
    yield {"name": kind.plural, "singularName": kind.kind.lower(), "verbs": verbs} | shared
    for name in sorted(kind.subresources):
        scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"} if name == "scale" else {}
        entry = {"name": f"{kind.plural}/{name}", "singularName": "", "verbs": ["get", "patch", "update"]}
        yield entry | shared | scale
