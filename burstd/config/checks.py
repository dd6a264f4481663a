"""What must hold between settings, and between settings and this machine's files."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from burstd.config.fields import NAME_LIMIT
from burstd.config.flags import Raw
from burstd.config.http import TOKEN_LENGTH, HttpConfig
from burstd.config.model import AUTO, LAST_GENERATION, PoolConfig
from burstd.config.notify import check_url
from burstd.config.problems import unknown_provider
from burstd.config.queues import queue_of
from burstd.core.errors import OtherUser, Problem
from burstd.core.hosts import expand
from burstd.core.text import printable

Pools = Mapping[int, PoolConfig]
"""The pools that are well formed, by their place in the file."""


def check_pools(pools: Pools, raw: Raw, installed: Collection[str] | None) -> list[Problem]:
    """Return what is wrong with pools taken together, and with the rest of the file for them."""
    return [
        *_repeated_names(pools),
        *_overlaps(pools),
        *_shared_queues(pools),
        *_sizes(pools),
        *_long_names(pools, _prefix(raw)),
        *_unreachable(_providers(raw), _section(raw, "lead")),
        *_unknown_providers(_providers(raw), installed),
    ]


def check_http(http: HttpConfig) -> list[Problem]:
    """Return what is wrong with where HTTP is served."""
    if http.off or http.is_loopback or http.token_file is not None:
        return []
    what = f"missing: at {http.bind} others than this machine can ask, and need a token"
    return [Problem("http.token_file", what, "name a file of mode 0600 with one, or bind to 127.0.0.1")]


def check_files(raw: Raw) -> list[Problem]:
    """Return what is wrong with the secret files that are named."""
    places = (("lead", "curve_cert"), ("lead", "munge_key"), ("http", "token_file"))
    named = [(f"{section}.{key}", _section(raw, section).get(key)) for section, key in places]
    found = [(path, Path(value)) for path, value in named if isinstance(value, str | Path)]
    secrets = [problem for path, file in found for problem in _check_file(path, file)]
    return [*secrets, *_check_hooks(raw.get("notify"))]


def _check_file(path: str, file: Path) -> Iterator[Problem]:
    problems = list(_check_secret(path, file))
    yield from problems
    if path == "http.token_file" and not problems:
        yield from _check_token(path, file)


def _check_token(path: str, file: Path) -> Iterator[Problem]:
    token = file.read_bytes().strip()
    if len(token) < TOKEN_LENGTH or any(not 0x21 <= byte <= 0x7E for byte in token):
        what = f"{file} holds no token: {TOKEN_LENGTH} letters, digits and marks at least, without a space"
        yield Problem(path, what, f"openssl rand -hex 32 > {file}")


def _section(raw: Raw, name: str) -> Mapping[str, Any]:
    section = raw.get(name)
    return section if isinstance(section, dict) else {}


def _prefix(raw: Raw) -> str:
    return next((raw[key] for key in ("cluster_name", "owner") if isinstance(raw.get(key), str)), "burstd")


def _providers(raw: Raw) -> Mapping[int, str]:
    """The provider of each pool, of one with other mistakes too."""
    pools = raw.get("pools", [{}])
    named = {
        index: pool.get("provider", "local")
        for index, pool in enumerate(pools if isinstance(pools, list) else [])
        if isinstance(pool, dict)
    }
    return {index: name for index, name in named.items() if isinstance(name, str)}


def _repeated_names(pools: Pools) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, pool in pools.items():
        if pool.name in first:
            what = f"{pool.name!r} is the name of pools[{first[pool.name]}] already"
            yield Problem(f"pools[{index}].name", what, "each pool needs a name of its own")
        first.setdefault(pool.name, index)


def _overlaps(pools: Pools) -> Iterator[Problem]:
    owners: dict[str, int] = {}
    for index, pool in pools.items():
        names = expand(pool.hosts) if pool.hosts else ()
        taken = sorted({owners[name] for name in names if name in owners})
        if taken:
            what = f"shares hosts with {', '.join(f'pools[{other}]' for other in taken)}"
            yield Problem(f"pools[{index}].hosts", what, "a host belongs to one pool")
        owners |= {name: index for name in names if name not in owners}


def _shared_queues(pools: Pools) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, pool in sorted(pools.items(), key=lambda item: bool(item[1].queue)):
        other = first.setdefault(queue_of(pool), index)
        if pool.queue and other != index:
            what = f"{pool.queue!r} is the queue of pools[{other}] already"
            hint = "each pool needs a queue of its own: it is stopped while the pool has no host up"
            yield Problem(f"pools[{index}].queue", what, hint)


def _sizes(pools: Pools) -> Iterator[Problem]:
    for index, pool in pools.items():
        count = len(expand(pool.hosts)) if pool.hosts else None
        if count is not None and pool.size is not None and pool.size > count:
            what = f"{pool.size}, but pools[{index}].hosts names only {count}: {pool.hosts}"
            yield Problem(f"pools[{index}].size", what)


def _long_names(pools: Pools, prefix: str) -> Iterator[Problem]:
    for index, pool in pools.items():
        longest = f"{prefix}-{pool.name}-g{LAST_GENERATION}"
        if (excess := len(longest) - NAME_LIMIT) > 0:
            what = (
                f"its sites' names can have {len(longest)} characters ({longest}); the most is {NAME_LIMIT}"
            )
            yield Problem(f"pools[{index}].name", what, f"shorten cluster_name or name by {excess}")


def _unreachable(providers: Mapping[int, str], lead: Mapping[str, Any]) -> Iterator[Problem]:
    remote = printable(", ".join(sorted(set(providers.values()) - {"local"})))
    needed = (("host", "address"),) if lead.get("host") == AUTO else (("host", "address"), ("port", "port"))
    for key, what in needed:
        if remote and lead.get(key) is None:
            text = f"missing: the {what} at which hosts of provider {remote} reach the lead"
            yield Problem(f"lead.{key}", text, f"set it, or give --lead-{key}")


def _unknown_providers(providers: Mapping[int, str], installed: Collection[str] | None) -> Iterator[Problem]:
    for index, name in providers.items():
        if installed is not None and name not in installed:
            yield unknown_provider(f"pools[{index}].provider", name, installed)


def _check_secret(path: str, file: Path) -> Iterator[Problem]:
    try:
        status = file.stat()
    except OSError as exc:
        yield Problem(path, f"{file} cannot be read: {exc.strerror}")
        return
    except ValueError:  # no path at all, as the model says
        return
    if not file.is_file():
        yield Problem(path, f"{file} is not a file")
    elif not os.access(file, os.R_OK):
        yield _unreadable(path, file, status.st_uid)
    elif status.st_mode & 0o077:
        yield Problem(path, f"{file} can be read by others than its owner", f"chmod 600 {file}")


def _check_hooks(hooks: Any) -> Iterator[Problem]:
    for index, hook in enumerate(hooks if isinstance(hooks, list) else []):
        if isinstance(hook, dict):
            yield from _check_hook(f"notify[{index}]", hook)


def _check_hook(path: str, hook: Raw) -> Iterator[Problem]:
    for key in ("url_file", "token_file"):
        if isinstance(hook.get(key), str | Path):
            yield from _check_secret(f"{path}.{key}", Path(hook[key]))
    if isinstance(hook.get("url_file"), str | Path):
        yield from _check_url(f"{path}.url_file", Path(hook["url_file"]))
    command = hook.get("command")
    program = command[0] if isinstance(command, list) and command else None
    if isinstance(program, str) and program.startswith("/"):
        yield from _check_program(f"{path}.command", Path(program))


def _check_url(path: str, file: Path) -> Iterator[Problem]:
    try:
        check_url(file.read_text(encoding="ascii").strip())
    except OSError:
        return  # as is said of every secret
    except ValueError as exc:
        text = "is no text of a URL" if isinstance(exc, UnicodeDecodeError) else str(exc)
        yield Problem(path, f"what stands in {file} {text}")


def _check_program(path: str, program: Path) -> Iterator[Problem]:
    if not program.is_file():
        yield Problem(path, f"there is no program {program}")
    elif not os.access(program, os.X_OK):
        yield Problem(path, f"{program} cannot be run by this user", f"chmod +x {program}")


def _unreadable(path: str, file: Path, theirs: int) -> Problem:
    if path == "lead.curve_cert" and theirs != os.geteuid():
        return Problem(path, str(OtherUser(str(file), theirs, os.geteuid())))
    return Problem(path, f"{file} cannot be read by this user", "burstd must be able to read it")
