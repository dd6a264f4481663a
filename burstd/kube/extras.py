"""What a person wants in the namespace of each burst beside what burstd puts there: manifests from files.

The namespace is new with each burst, so nothing can be put there beforehand: Secrets to pull images with,
ServiceAccounts, PersistentVolumeClaims, Services for further containers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from burstd.config.fields import at_home
from burstd.core.errors import Never
from burstd.join.papers import Order
from burstd.kube import labels
from burstd.kube.kinds import Manifest


def load(files: Iterable[str]) -> Iterator[Manifest]:
    """Yield the objects in files of manifests. Raises Never where one cannot be read or is none.

    A file with a Secret in it may be read by nobody but its owner.
    """
    for file in files:
        path = at_home(file)
        for document in _documents(path):
            if not is_object(document):
                raise Never(f"{path} is not a manifest: every part needs apiVersion, kind and metadata.name")
            if document["kind"] == "Secret" and path.stat().st_mode & 0o077:
                raise Never(f"{path} holds a Secret and can be read by others: chmod 600 {path}")
            yield document


def placed(manifest: Manifest, order: Order) -> Manifest:
    """Return an object as it is put into a burst's namespace, with the burst's labels beside its own."""
    metadata = manifest["metadata"]
    marks = {**(metadata.get("labels") or {}), **labels.of_order(order)}
    return {**manifest, "metadata": {**metadata, "namespace": order.site_name, "labels": marks}}


def is_object(document: Any) -> bool:
    """Say whether a part of a YAML stream can be an object of Kubernetes."""
    if not isinstance(document, dict) or not isinstance(document.get("metadata"), dict):
        return False
    return bool(document.get("apiVersion") and document.get("kind") and document["metadata"].get("name"))


def _documents(path: Path) -> list[Any]:
    try:
        return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one is not None]
    except OSError as exc:
        raise Never(f"{path} cannot be read: {exc.strerror}") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise Never(f"{path} is not a manifest: it is not YAML") from exc
