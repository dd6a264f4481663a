"""Reading burstd.yaml and flags: every mistake at once, each with its path and what helps."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from burstd.config.checks import check_files, check_http, check_pools
from burstd.config.fields import at_home
from burstd.config.flags import Flags, Raw, overlay
from burstd.config.model import Config, PoolConfig
from burstd.config.problems import spoken
from burstd.config.yamlfile import read
from burstd.core.errors import ConfigError, Problem


def load(
    path: Path | None, flags: Flags, installed: Collection[str] | None = None, *, here: bool = True
) -> Config:
    """Return the configuration of a file, if one is given, with the flags over it.

    `installed` names the providers that there are; None: not checked. `here` False: the paths in it are
    another machine's, so nobody looks at them. Relative paths of the file count from its own directory,
    those of flags from the working directory. Raises ConfigError with every Problem.
    """
    overlaid = overlay(_placed(read(path), path.absolute().parent) if path else {}, flags)
    config, problems = _validated(overlaid.raw)
    pools = dict(enumerate(config.pools)) if config else dict(_valid_pools(overlaid.raw))
    problems += check_pools(pools, overlaid.raw, installed)
    problems += check_http(config.http) if config else []
    problems += check_files(overlaid.raw) if here else []
    found = (*overlaid.problems, *(_traced(problem, overlaid.origins) for problem in problems))
    if found or config is None:
        raise ConfigError(found)
    return config


def _validated(raw: Raw) -> tuple[Config | None, list[Problem]]:
    try:
        return Config.model_validate(raw), []
    except ValidationError as exc:
        return None, [spoken(error) for error in exc.errors() if not _echo(error)]


def _echo(error: ErrorDetails) -> bool:
    """Whether a list counts as empty only because what it holds was refused."""
    return error["type"] == "too_short" and bool(error["input"])


def _valid_pools(raw: Raw) -> Iterator[tuple[int, PoolConfig]]:
    """The well-formed pools of a file with other mistakes, so that theirs are named in the same breath."""
    pools = raw.get("pools", [{}])
    for index, pool in enumerate(pools if isinstance(pools, list) else []):
        try:
            yield index, PoolConfig.model_validate(pool)
        except ValidationError:
            continue  # its mistakes are named with the whole file's


def _traced(problem: Problem, origins: Mapping[str, str]) -> Problem:
    """Say which flag set the value, where one did."""
    if problem.path not in origins:
        return problem
    hint = f"set by {origins[problem.path]}"
    return replace(problem, hint=f"{hint}; {problem.hint}" if problem.hint else hint)


_FILES = {
    "lead": ("curve_cert", "munge_key"),
    "guests": ("socket",),
    "http": ("token_file",),
}
"""The settings of sections that name files."""


def _placed(raw: Raw, directory: Path) -> Raw:
    """Let the file's relative paths count from its directory, and an empty section be left out."""
    sections = ("lead", "limits", "lease", "guests", "http", "notify")
    empty = {key for key in sections if key in raw and raw[key] is None}
    placed = _placed_keys({key: raw[key] for key in raw if key not in empty}, directory, ("state_dir",))
    for section, keys in _FILES.items():
        if isinstance(placed.get(section), dict):
            placed[section] = _placed_keys(placed[section], directory, keys)
    if isinstance(placed.get("notify"), list):
        keys = ("url_file", "token_file")
        hooks = placed["notify"]
        placed["notify"] = [
            _placed_keys(hook, directory, keys) if isinstance(hook, dict) else hook for hook in hooks
        ]
    return placed


def _placed_keys(section: Mapping[str, Any], directory: Path, keys: tuple[str, ...]) -> Raw:
    paths = {key: at_home(section[key]) for key in keys if isinstance(section.get(key), str)}
    return {**section, **{key: _beside(directory, path) for key, path in paths.items()}}


def _beside(directory: Path, path: Path) -> Path:
    """One that still begins with `~` is left so: the model says what is wrong with it."""
    return path if str(path).startswith("~") else directory / path
