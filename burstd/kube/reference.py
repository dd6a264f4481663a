"""Writes the tables of options in pages: `python -m burstd.kube.reference docs/providers/*.md`.

A table stands between two comments, the first of which names the model: `<!-- options: MODULE:CLASS -->` and
`<!-- end of options -->`. A model's table has what it adds to the one that it extends.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

_TABLE = re.compile(r"(<!-- options: ([\w.]+):(\w+) -->\n).*?(<!-- end of options -->)", re.DOTALL)
_HEAD = "| option | default | what it sets |\n| --- | --- | --- |\n"


def page(text: str) -> str:
    """Return a page with its tables written anew."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{table(_model(found[2], found[3]))}\n{found[4]}", text)


def table(model: type[BaseModel]) -> str:
    """Return the table of the options that a model adds to the one that it extends."""
    return _HEAD + "".join(f"| `{name}` | {default} | {words} |\n" for name, default, words in _rows(model))


def _rows(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    inherited = set[str]().union(*(getattr(base, "model_fields", ()) for base in model.__bases__))
    for name, field in model.model_fields.items():
        if name not in inherited:
            inner, below = _section(field)
            if inner is None or below:
                yield f"{prefix}{name}", _default(field), _words(field)
            if inner is not None:
                yield from _rows(inner, f"{prefix}{name}.{below}")


def _section(field: FieldInfo) -> tuple[type[BaseModel] | None, str]:
    """Return the model of what a field holds, if any, and what stands for the key in a mapping of them."""
    kinds = (field.annotation, *get_args(field.annotation))
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return (models[0] if models else None), "NAME." if models and models[0] is not field.annotation else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    value: Any = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None or value in ("", (), {}):
        return "none"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _words(field: FieldInfo) -> str:
    return (field.description or "").replace("|", "\\|")


def _model(module: str, name: str) -> type[BaseModel]:
    found: type[BaseModel] = getattr(importlib.import_module(module), name)
    return found


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(page(path.read_text()))
