"""A broker.toml whose resources stand in a file of their own, `resource.path`: an R (RFC 20). Pure.

Pools need `[[resource.config]]`, and where there is one Flux ignores the path (flux-config-resource(5)). So
the hosts of the R are written there too.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tomlkit
from tomlkit.items import AoT

from burstd.core.errors import ConfigError, Problem
from burstd.core.hosts import compress, expand, parse_idset

_HINT = "it must be an R of version 1 (RFC 20), as `flux R encode` makes it"
_VERSION = 1


def path_of(base: str) -> str:
    """Return the path of the R that Flux would read, "" if none: a `[[resource.config]]` goes before it."""
    try:
        resource = tomllib.loads(base).get("resource", {})
    except tomllib.TOMLDecodeError:
        return ""  # whoever merges into it says so
    if not isinstance(resource, Mapping) or "config" in resource:
        return ""
    return str(resource.get("path", ""))


def inlined(base: str, path: str, text: str) -> str:
    """Return `base` with the hosts of its R, whose `text` was read from `path`, as `[[resource.config]]`.

    The path is taken out; all else stays. Raises ConfigError where the text is no R.
    """
    entries = list(_entries(_read(path, text), path))
    document = tomlkit.parse(base)
    resource: Any = document["resource"]
    del resource["path"]
    resource["config"] = _tables(entries)
    wanted = tomllib.loads(base)
    wanted["resource"] = {key: value for key, value in wanted["resource"].items() if key != "path"}
    wanted["resource"]["config"] = entries
    made = tomlkit.dumps(document)
    if not _means(made, wanted):
        what = "its [resource] is laid out so that it cannot be changed safely"
        raise ConfigError((Problem("--base", what, "put all of it under one [resource]"),))
    return made


def remarks(base: str, path: str, text: str) -> Iterator[str]:
    """Yield what is to be said of a base that was `inlined`."""
    yield (
        f"resource.path ({path}) is taken out: its hosts stand in [[resource.config]] now, beside the "
        "pools', since Flux reads only one of the two"
    )
    if "scheduling" in _read(path, text):
        yield (
            "the key `scheduling` of that file is left out with it: Fluxion makes its graph of the hosts "
            "from their cores and gpus"
        )
    if "scheduling" in tomllib.loads(base)["resource"]:
        yield "resource.scheduling stays, and must tell of the pools' hosts too: Fluxion knows no others"


def _tables(entries: Iterable[Mapping[str, Any]]) -> AoT:
    tables = tomlkit.aot()
    for entry in entries:
        table = tomlkit.table()
        table.update(entry)
        tables.append(table)
    return tables


def _means(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _read(path: str, text: str) -> Mapping[str, Any]:
    try:
        rset = json.loads(text)
    except json.JSONDecodeError as exc:
        raise _refused(path, f"is not JSON: {exc}") from exc
    if not isinstance(rset, dict) or rset.get("version") != _VERSION:
        raise _refused(path, "has no version 1")
    return rset


def _entries(rset: Mapping[str, Any], path: str) -> Iterator[dict[str, Any]]:
    """Yield an entry for each stretch of hosts that are alike, and one for those with each property."""
    try:
        execution = rset["execution"]
        names = [name for part in execution["nodelist"] for name in expand(part)]
        ranks = sorted(rank for entry in execution["R_lite"] for rank in parse_idset(str(entry["rank"])))
        hosts = dict(zip(ranks, names, strict=True))
        for entry in execution["R_lite"]:
            yield {"hosts": _hosts(hosts, str(entry["rank"])), **_ids(entry["children"])}
        for name, idset in (execution.get("properties") or {}).items():
            yield {"hosts": _hosts(hosts, idset), "properties": [name]}
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise _refused(path, f"cannot be understood: {exc!r}") from exc


def _hosts(hosts: Mapping[int, str], idset: str) -> str:
    return compress(hosts[rank] for rank in parse_idset(idset))


def _ids(children: Mapping[str, str]) -> dict[str, str]:
    keys = {"core": "cores", "gpu": "gpus"}
    return {keys[kind]: str(idset) for kind, idset in children.items() if kind in keys and idset}


def _refused(path: str, what: str) -> ConfigError:
    return ConfigError((Problem("--base", f"the R at {path}, which resource.path names, {what}", _HINT),))
