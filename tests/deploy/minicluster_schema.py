"""The schema of MiniClusters, from the reduced manifest of the Flux Operator that is among the fakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

CRD = Path(__file__).parents[1] / "fakes" / "flux-operator.yaml"


def faults(manifest: dict[str, Any]) -> list[str]:
    """Return what is wrong with a MiniCluster; a field that its kind does not have is."""
    documents = yaml.safe_load_all(CRD.read_text())
    (crd,) = (one for one in documents if one["kind"] == "CustomResourceDefinition")
    validator = Draft7Validator(_closed(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))
    return [error.message for error in validator.iter_errors(manifest)]


def _closed(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    made = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made
