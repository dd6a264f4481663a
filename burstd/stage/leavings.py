"""What a burstd of the stage left running when it was stopped or killed."""

from __future__ import annotations

from pathlib import Path

from burstd.core.model import Site
from burstd.plugins.contract import Provider, Setting
from burstd.plugins.local import make
from burstd.stage.lead import Stage


def sites(stage: Stage, owner: str, state_dir: Path) -> tuple[Site, ...]:
    """Return the sites of an owner on this machine, by the local provider's own listing."""
    return _provider(stage, owner, state_dir).observe().sites


def sweep(stage: Stage, owner: str, state_dir: Path) -> None:
    """Remove every site of an owner from this machine."""
    provider = _provider(stage, owner, state_dir)
    for site in provider.observe().sites:
        provider.remove(site)


def _provider(stage: Stage, owner: str, state_dir: Path) -> Provider:
    return make(Setting(owner, owner, state_dir, {}, lead_uri=stage.uri))
