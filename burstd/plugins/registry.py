"""Finds providers: entry points of the group `burstd.providers`, loaded only when a pool names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.metadata import EntryPoint, entry_points

from burstd.config.model import Config
from burstd.config.problems import unknown_provider
from burstd.core.errors import ConfigError, Problem
from burstd.plugins.contract import Closes, Factory, Lease, Provider, Setting

GROUP = "burstd.providers"


def installed() -> tuple[str, ...]:
    """Return the names of the providers that installed packages offer, in order; loads none of them."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def factory(name: str, path: str = "provider") -> Factory:
    """Return what makes providers of this name; `path` is where the name stands, for error messages.

    Raises ConfigError when no package offers it, or when the one that does cannot be imported.
    """
    points = entry_points(group=GROUP, name=name)
    if not points:
        raise ConfigError((unknown_provider(path, name, installed()),))
    return _loaded(next(iter(points)), path)


def providers(config: Config, changed: Callable[[str], None] = lambda _: None) -> Mapping[str, Provider]:
    """Return the provider of each pool, by the pool's name. Raises ConfigError with every Problem.

    `changed` is called with a pool's name, from any thread, when its provider's listing would show something
    else than before.
    """
    made: dict[str, Provider] = {}
    problems: list[Problem] = []
    for index, pool in enumerate(config.pools):
        try:
            made[pool.name] = factory(pool.provider, f"pools[{index}].provider")(
                setting(config, index, changed)
            )
        except ConfigError as exc:
            problems += exc.problems
    if problems:
        raise ConfigError(tuple(problems))
    return made


@contextmanager
def opened(
    config: Config, changed: Callable[[str], None] = lambda _: None
) -> Iterator[Mapping[str, Provider]]:
    """Have the providers of the pools for as long as the context lasts; see `providers`."""
    made = providers(config, changed)
    try:
        yield made
    finally:
        for provider in made.values():
            if isinstance(provider, Closes):
                provider.close()


def setting(config: Config, index: int, changed: Callable[[str], None] = lambda _: None) -> Setting:
    """Return what the provider of the pool at this place is made with."""
    return Setting(
        owner=config.owner,
        prefix=config.prefix,
        state_dir=config.state_dir,
        options=config.pools[index].options,
        path=f"pools[{index}].options",
        lead_uri=config.lead.uri,
        changed=partial(changed, config.pools[index].name),
        lease=None if config.lease.off else Lease(config.lease.terms, config.reaper_image),
    )


def _loaded(point: EntryPoint, path: str) -> Factory:
    try:
        made: Factory = point.load()
    except (ImportError, AttributeError) as exc:
        package = point.dist.name if point.dist else "its package"
        what = f"provider {point.name!r} ({point.value}, of {package}) cannot be loaded: {exc}"
        raise ConfigError((Problem(path, what, f"install what {package} needs, or name another"),)) from exc
    return made
