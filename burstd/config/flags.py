"""The command line's flags, and how they override the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from burstd.core.errors import Problem

Raw = dict[str, Any]
"""The file as YAML gave it: of any content, checked later."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What was given on the command line; None: not given. Each field is named as its flag is."""

    project: str | None = None
    cluster_name: str | None = None
    flux_operator_yaml: str | None = None
    lead_host: str | None = None
    lead_port: int | None = None
    lead_size: int | None = None
    munge_key: Path | None = None
    munge_secret_name: str | None = None
    curve_cert: Path | None = None
    curve_cert_secret_name: str | None = None
    name: str | None = None
    zone: str | None = None
    machine_type: str | None = None

    def given(self, names: Iterable[str]) -> Raw:
        """Return those of the named fields that were given."""
        values = ((name, getattr(self, name)) for name in names)
        return {name: value for name, value in values if value is not None}

    def over(self, other: Flags) -> Flags:
        """Return these flags, with the other's where these were not given."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return Flags(**{key: getattr(other, key) if value is None else value for key, value in pairs})


IN_LEAD: Mapping[str, str] = {
    "lead_host": "host",
    "lead_port": "port",
    "lead_size": "size",
    "munge_key": "munge_key",
    "munge_secret_name": "munge_key_secret_name",
    "curve_cert": "curve_cert",
    "curve_cert_secret_name": "curve_cert_secret_name",
}
IN_OPTIONS = ("project", "zone", "machine_type", "flux_operator_yaml")


@dataclass(frozen=True, slots=True)
class Overlaid:
    """The file with the flags over it; `origins` tells which flag set what stands at a path."""

    raw: Raw
    origins: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


def overlay(raw: Raw, flags: Flags) -> Overlaid:
    """Put the flags over the file. What has not the form it should have is left for the checks to name."""
    merged, origins = dict(raw), dict[str, str]()
    if flags.cluster_name is not None:
        merged["cluster_name"] = flags.cluster_name
        origins["cluster_name"] = flag("cluster_name")
    _overlay_lead(merged, flags, origins)
    problem = _overlay_pool(merged, flags, origins)
    return Overlaid(merged, origins, (problem,) if problem else ())


def flag(name: str) -> str:
    """Return a field's name as it is typed."""
    return "--" + name.replace("_", "-")


def _overlay_lead(raw: Raw, flags: Flags, origins: dict[str, str]) -> None:
    section = raw.get("lead") or {}
    given = flags.given(IN_LEAD)
    if not given or not isinstance(section, dict):
        return
    raw["lead"] = section | {IN_LEAD[name]: value for name, value in given.items()}
    origins |= {f"lead.{IN_LEAD[name]}": flag(name) for name in given}


def _overlay_pool(raw: Raw, flags: Flags, origins: dict[str, str]) -> Problem | None:
    pools = raw.get("pools", [{}])
    given = flags.given(("name", *IN_OPTIONS))
    if not given or not isinstance(pools, list) or not all(isinstance(pool, dict) for pool in pools):
        return None
    index = _chosen(pools, flags.name)
    if index is None:
        return _unclear(pools, given)
    raw["pools"] = [*pools[:index], _merged(pools[index], given), *pools[index + 1 :]]
    origins |= {f"pools[{index}].{_place(name)}": flag(name) for name in given}
    if "project" in given and "provider" not in pools[index]:
        origins[f"pools[{index}].provider"] = flag("project")
    return None


def _place(name: str) -> str:
    return name if name == "name" else f"options.{name}"


def _chosen(pools: list[Raw], name: str | None) -> int | None:
    if len(pools) == 1:
        return 0
    names = [pool.get("name", "burst-0") for pool in pools]
    return names.index(name) if name in names else None


def _merged(pool: Raw, given: Raw) -> Raw:
    options = {key: value for key, value in given.items() if key != "name"}
    manifest = options.get("flux_operator_yaml", "")
    if manifest and "://" not in manifest:
        options["flux_operator_yaml"] = str(Path(manifest).absolute())
    merged = pool | {"name": given.get("name", pool.get("name", "burst-0"))}
    if options and isinstance(pool.get("options") or {}, dict):
        merged["options"] = (pool.get("options") or {}) | options
    if "project" in given:
        merged.setdefault("provider", "gke")
    return merged


def _unclear(pools: list[Raw], given: Raw) -> Problem:
    names = ", ".join(str(pool.get("name", "burst-0")) for pool in pools)
    if "name" in given:
        return Problem("--name", f"no pool is called {given['name']!r}", f"the file's pools are {names}")
    flags = " and ".join(map(flag, given))
    return Problem(
        flags,
        "the file has several pools, so it is not clear which one is meant",
        f"add --name with one of {names}",
    )
