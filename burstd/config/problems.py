"""Mistakes in the words of the person who made them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from burstd.config.fields import LABEL
from burstd.config.model import Config
from burstd.core.errors import Problem
from burstd.core.text import printable

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of settings",
    "model_type": "a mapping of settings",
    "path_type": "a path",
}
_BOUNDS = {
    "greater_than": "greater than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:.0f}",
    "string_too_long": "at most {max_length} characters long",
    "string_too_short": "at least {min_length} character long",
}


def spoken(error: ErrorDetails) -> Problem:
    """Return what pydantic found as one Problem."""
    path, kind, value = path_of(error["loc"]), error["type"], error["input"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "extra_forbidden":
        return Problem(path, "is not a setting here", _did_you_mean(error["loc"]))
    if kind in _KINDS:
        return Problem(path, f"must be {_KINDS[kind]}, not {shown(value)}", _quote_hint(kind, value))
    if kind in _BOUNDS:
        return Problem(path, f"must be {_BOUNDS[kind].format(**context)}, not {shown(value)}")
    if kind == "string_pattern_mismatch" and context["pattern"] == LABEL:
        what = f"{value!r} must be lower-case letters, digits and dashes, beginning with a letter"
        return Problem(path, what, _label_hint(value))
    if kind == "enum":
        return Problem(path, f"must be {context['expected']}, not {shown(value)}")
    if kind == "too_short":
        return Problem(path, "is empty", "leave it out for the default, or name at least one")
    if kind == "value_error":
        return Problem(path, str(context["error"]))
    return Problem(path, f"{error['msg']}, not {shown(value)}")


def path_of(location: Iterable[int | str]) -> str:
    """Return where a value stands as a person would write it: `pools[0].size`."""
    path = ""
    for step in location:
        name = f"[{step}]" if isinstance(step, int) else printable(step) or "''"
        path += name if isinstance(step, int) or not path else f".{name}"
    return path


def shown(value: Any) -> str:
    """Return a value in YAML's words, shortened."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return str(value).lower()
        case str():
            return f"the text {value[:60]!r}"
        case int() | float():
            return str(value)
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"{value} (which YAML reads as a {type(value).__name__})"


def unknown_provider(path: str, name: str, installed: Collection[str]) -> Problem:
    """Say that no installed package offers a provider of this name."""
    names = ", ".join(sorted(installed)) or "none"
    near = get_close_matches(name, installed, n=1)
    help_ = f"did you mean {near[0]}?" if near else "install the package that brings it, or name another"
    return Problem(path, f"no provider {name!r} is installed", f"installed: {names}; {help_}")


def _did_you_mean(location: tuple[int | str, ...]) -> str:
    known = [*_section(location[:-1]).model_fields]
    near = get_close_matches(str(location[-1]).replace("-", "_").lower(), known, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"


def _section(location: tuple[int | str, ...]) -> type[BaseModel]:
    section: type[BaseModel] = Config
    for step in location:
        if isinstance(step, str):
            section = next(_models_in(section.model_fields[step].annotation))
    return section


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (tuple, Union, UnionType):
        for argument in get_args(annotation):
            yield from _models_in(argument)


def _quote_hint(kind: str, value: Any) -> str:
    if kind == "string_type" and value is not None and not isinstance(value, list | dict):
        return "put it in quotes"
    if kind in ("int_type", "float_type") and isinstance(value, str):
        return "write it without quotes" if value.strip().isdigit() else ""
    return ""


def _label_hint(value: Any) -> str:
    fixed = str(value).lower().replace("_", "-").replace(".", "-").strip("-")
    plain = all(mark.isascii() and (mark.isalnum() or mark == "-") for mark in fixed)
    return f"{fixed!r} would do" if plain and fixed[:1].isalpha() and fixed != value else ""
