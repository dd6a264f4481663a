"""RBAC: what a ServiceAccount may do, and that nobody grants what they lack (Kubernetes, "Using RBAC")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fakes.kube.requests import APPLY, Request, Target, locate
from fakes.kube.status import NoSuchPath, Object, Refused, describe
from fakes.kube.store import Store

_GROUP = "rbac.authorization.k8s.io"
_OPEN = {"api", "apis", "version", "readyz", "livez", "healthz"}
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Account:
    """A ServiceAccount."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}"


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody wants to do: a verb on a resource, in a namespace or in none, by name or not."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str


def check(store: Store, account: Account, request: Request) -> None:
    """Raise Refused (403) where an account may not do what it asks for."""
    parts = request.path.strip("/").split("/")
    if len(parts) <= (3 if parts[0] == "apis" else 2) and parts[0] in _OPEN and request.method == "GET":
        return  # discovery
    try:
        target = locate(store.kinds, request.path.rstrip("/"))
    except NoSuchPath:
        return
    for act in _acts(store, target, request):
        if not _allowed(_rules(store, account, act.namespace), act):
            raise _forbidden(account, act)
    if target.kind.group == _GROUP and request.method in ("POST", "PUT", "PATCH"):
        _check_grant(store, account, target, request)


def reviewed(store: Store, account: Account | None, review: Object) -> Object:
    """Return a SelfSubjectAccessReview with its answer; None: whoever may do all."""
    asked = (review.get("spec") or {}).get("resourceAttributes") or {}
    below = f"/{asked['subresource']}" if asked.get("subresource") else ""
    resource, namespace = f"{asked.get('resource', '')}{below}", asked.get("namespace", "")
    act = Act(asked.get("verb", ""), asked.get("group", ""), resource, namespace, asked.get("name", ""))
    allowed = account is None or _allowed(_rules(store, account, namespace), act)
    return review | {"status": {"allowed": allowed}}


def _acts(store: Store, target: Target, request: Request) -> Iterator[Act]:
    kind = target.kind
    namespace = target.name if kind.resource == "namespaces" else target.namespace
    resource = kind.plural + (f"/{target.subresource}" if target.subresource else "")
    if request.method in ("GET", "HEAD"):
        verb = "get" if target.name else "watch" if request.flag("watch") else "list"
    else:
        verb = _VERBS[request.method] if target.name or request.method == "POST" else "deletecollection"
    yield Act(verb, kind.group, resource, namespace, target.name)
    applies = request.method == "PATCH" and request.content_type == APPLY
    if applies and store.get(kind.resource, target.namespace, target.name) is None:
        yield Act("create", kind.group, resource, namespace, target.name)


def _rules(store: Store, account: Account, namespace: str) -> list[Object]:
    """Return the rules that hold for an account in a namespace ("": for all of the cluster)."""
    found = []
    for binding in store.snapshot(f"clusterrolebindings.{_GROUP}")[1]:
        if _names(binding, account, ""):
            found += _role_rules(store, binding["roleRef"], "")
    for binding in store.snapshot(f"rolebindings.{_GROUP}", namespace)[1] if namespace else ():
        if _names(binding, account, namespace):
            found += _role_rules(store, binding["roleRef"], namespace)
    return found


def _names(binding: Object, account: Account, namespace: str) -> bool:
    return any(
        one.get("kind") == "ServiceAccount"
        and one.get("name") == account.name
        and one.get("namespace", namespace) == account.namespace
        for one in binding.get("subjects") or ()
    )


def _role_rules(store: Store, reference: Object, namespace: str) -> list[Object]:
    if reference["kind"] == "ClusterRole":
        role = store.get(f"clusterroles.{_GROUP}", "", reference["name"])
    else:
        role = store.get(f"roles.{_GROUP}", namespace, reference["name"])
    return list((role or {}).get("rules") or ())


def _allowed(rules: list[Object], act: Act) -> bool:
    return any(_covers(rule, act) for rule in rules)


def _covers(rule: Object, act: Act) -> bool:
    names = rule.get("resourceNames") or ()
    return (
        _has(rule.get("apiGroups"), act.group)
        and _has(rule.get("resources"), act.resource)
        and _has(rule.get("verbs"), act.verb)
        and (not names or act.name in names)
    )


def _has(given: Any, wanted: str) -> bool:
    return wanted in (given or ()) or "*" in (given or ())


def _check_grant(store: Store, account: Account, target: Target, request: Request) -> None:
    """Raise Refused (403) where a Role, or a binding of one, gives more than the account has itself."""
    body, namespace = request.document(), target.namespace
    own = _rules(store, account, namespace)
    plural, name = target.kind.plural, (body.get("metadata") or {}).get("name", target.name)
    exempt = "bind" if plural.endswith("bindings") else "escalate"
    if _allowed(own, Act(exempt, _GROUP, plural.replace("bindings", "s"), namespace, name)):
        return
    given = (
        _role_rules(store, body["roleRef"], namespace)
        if plural.endswith("bindings")
        else body.get("rules") or ()
    )
    for act in _granted(list(given), namespace):
        if not _allowed(own, act):
            told = f'{plural}.{_GROUP} "{name}" is forbidden: user "{account}" is attempting to grant RBAC'
            lacking = f"{{APIGroups:[{act.group!r}], Resources:[{act.resource!r}], Verbs:[{act.verb!r}]}}"
            raise Refused(403, f"{told} permissions not currently held: {lacking}")


def _granted(rules: list[Object], namespace: str) -> Iterator[Act]:
    for rule in rules:
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                for verb in rule.get("verbs") or ():
                    for name in rule.get("resourceNames") or ("",):
                        yield Act(verb, group, resource, namespace, name)


def _forbidden(account: Account, act: Act) -> Refused:
    resource = f"{act.resource}.{act.group}" if act.group else act.resource
    where = f' in the namespace "{act.namespace}"' if act.namespace else " at the cluster scope"
    told = (
        f'{resource} "{act.name}" is forbidden: User "{account}" cannot {act.verb} resource "{act.resource}" '
        f'in API group "{act.group}"{where}'
    )
    return Refused(403, told, details=describe(resource, act.name))
