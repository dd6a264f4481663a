"""Connections by a kubeconfig file: which context, and what the program is that it asks for credentials.

The client library logs what goes wrong there and goes on without credentials; here it becomes one sentence.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from burstd.config.fields import at_home
from burstd.core.errors import Never
from burstd.kube.client import PATIENCE_SECONDS, Cluster
from burstd.kube.kinds import Manifest

DEFAULT = "~/.kube/config"


def connect(path: str = "", context: str = "", patience_seconds: float = PATIENCE_SECONDS) -> Cluster:
    """Return a connection by a kubeconfig; "" is $KUBECONFIG, else ~/.kube/config, and its current context.

    Raises Never where the file, the context or the program that gives the credentials is missing.
    """
    from kubernetes.client import Configuration
    from kubernetes.config import load_kube_config
    from kubernetes.config.config_exception import ConfigException

    file = where(path)
    user = _user(_content(file), file, context)
    _check_program(user, file)
    settings = Configuration()
    try:
        load_kube_config(  # type: ignore[no-untyped-call]
            str(file), context or None, client_configuration=settings, persist_config=False
        )
    except (ConfigException, OSError) as exc:
        raise Never(f"the kubeconfig {file} cannot be used: {exc}") from exc
    _check_credentials(user, settings, file)
    return Cluster(settings, patience_seconds)


def minified(path: str, context: str, namespace: str) -> str:
    """Return the part of a kubeconfig that one context needs, with a namespace chosen. Raises Never."""
    file = where(path)
    content = _content(file)
    name = context or content.get("current-context") or ""
    _user(content, file, context)
    chosen = next(one["context"] for one in content["contexts"] if one.get("name") == name)
    kept = {
        key: [one for one in content.get(key) or () if one.get("name") == chosen.get(kind)]
        for key, kind in (("clusters", "cluster"), ("users", "user"))
    }
    contexts = [{"name": name, "context": {**chosen, "namespace": namespace}}]
    return yaml.safe_dump(
        {"apiVersion": "v1", "kind": "Config", "current-context": name, "contexts": contexts, **kept}
    )


def written(name: str, cluster: Manifest, user: Manifest, namespace: str) -> str:
    """Return a kubeconfig of one cluster, as its fields `cluster` and `user` have it."""
    context = {"cluster": name, "user": name, "namespace": namespace}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": context}],
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
        }
    )


def where(path: str) -> Path:
    """Return the kubeconfig that is meant."""
    named = path or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or DEFAULT
    return at_home(named)


def _content(file: Path) -> Manifest:
    try:
        content = yaml.safe_load(file.read_text())
    except OSError as exc:
        raise Never(f"the kubeconfig {file} cannot be read: {exc.strerror}") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise Never(f"the kubeconfig {file} is not YAML") from exc
    if not isinstance(content, dict) or not isinstance(content.get("contexts"), list):
        raise Never(f"{file} is not a kubeconfig: it lists no contexts")
    return content


def _user(content: Manifest, file: Path, context: str) -> Manifest:
    name = context or content.get("current-context") or ""
    contexts = {one.get("name"): one.get("context") or {} for one in content["contexts"]}
    if name not in contexts:
        known = ", ".join(sorted(filter(None, contexts))) or "none"
        raise Never(f"the kubeconfig {file} has no context {name!r}; it has {known}")
    users = {one.get("name"): one.get("user") or {} for one in content.get("users") or ()}
    found: Manifest = users.get(contexts[name].get("user"), {})
    return found


def _check_program(user: Manifest, file: Path) -> None:
    program = (user.get("exec") or {}).get("command", "")
    if not program or shutil.which(program) or (file.parent / program).is_file():
        return
    hint = (user["exec"].get("installHint") or "").strip().splitlines()
    way_out = hint[0] if hint else "install it where burstd runs, or let the kubeconfig have a token"
    raise Never(
        f"the kubeconfig {file} gets its credentials from the program {program!r}, which is not "
        f"installed here: {way_out}"
    )


def _check_credentials(user: Manifest, settings: Any, file: Path) -> None:
    if user.get("exec") and not settings.api_key and not settings.cert_file:
        program = user["exec"]["command"]
        raise Never(
            f"the program {program!r} that {file} names gave no credentials; run it by hand to see why"
        )
