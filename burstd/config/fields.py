"""The kinds of values that settings have, each checked where it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from burstd.core import hosts as hostlist
from burstd.core.cwd import flaw
from burstd.core.text import shown

NAME_LIMIT = 40
"""The longest name that every place a site may be in accepts (a GKE cluster has the shortest)."""

POOL_LIMIT = 100_000
"""The most hosts of one pool: more is a slip of the finger that would fill the memory."""


class Section(BaseModel):
    """One mapping of the file: a key that it does not know is an error, and so is a value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def check_hostlist(text: str) -> str:
    if (size := hostlist_size(text)) > POOL_LIMIT:
        raise ValueError(f"has {size} hosts, more than the {POOL_LIMIT} of the largest pool")
    names = hostlist.expand(text)
    if not names:
        raise ValueError("names no host")
    if len(set(names)) != len(names):
        raise ValueError("names a host twice")
    return text


def hostlist_size(text: str) -> int:
    """Return how many hosts the ranges of a hostlist may have, without making them."""
    ends = (item.partition("-")[::2] for item in _range_items(text))
    return sum(int(last) - int(first) + 1 for first, last in ends if first.isdigit() and last.isdigit())


def _range_items(text: str) -> list[str]:
    inside = (part.split("]", 1)[0] for part in text.split("[")[1:])
    return [item for ranges in inside for item in ranges.split(",")]


def check_host(host: str) -> str:
    if not host.strip() or any(mark in host for mark in " /"):
        raise ValueError("must be a host name or an address alone, such as lead.example.org, not a URI")
    return host


def check_prefix(path: str) -> str:
    if path == "/":
        raise ValueError("must not be the root: every directory of the hosts would be under it")
    if found := flaw(path):
        raise ValueError(f"must be an absolute path in normal form, such as /home; {shown(path)} {found}")
    return path


def check_path(path: Path) -> Path:
    text = str(path)
    if not text.isprintable():
        raise ValueError(f"{shown(text)} has characters that no path of burstd's may have")
    if text.startswith("~"):
        raise ValueError(f"{shown(text)} is under the home of a user that there is not")
    return path


def at_home(text: str) -> Path:
    """Return a path with its `~` filled in; one under the home of no user stays as it is written."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def shown_default(default: str) -> dict[str, Any]:
    """Say in the reference what a default is that depends on something else."""
    return {"shown_default": default}


LABEL = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
"""A DNS label (RFC 1035): what host names, Kubernetes names and labels have in common."""

Label = Annotated[str, Field(pattern=LABEL, max_length=NAME_LIMIT)]
Hostlist = Annotated[str, AfterValidator(check_hostlist)]
File = Annotated[Path, Field(strict=False), AfterValidator(check_path)]
Seconds = Annotated[float, Field(gt=0)]
Price = Annotated[float, Field(ge=0)]
Dollars = Annotated[float, Field(gt=0)]
Properties = Annotated[tuple[str, ...], Field(strict=False)]
Queue = Annotated[str, Field(min_length=1)]
Prefixes = Annotated[tuple[Annotated[str, AfterValidator(check_prefix)], ...], Field(strict=False)]
HostName = Annotated[str, AfterValidator(check_host)]
