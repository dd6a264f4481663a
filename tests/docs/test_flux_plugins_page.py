"""The commands of the page about Flux's plugins, on a real Flux with a burst."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from pages import ROOT, blocks, runs

from burstd.cli.plugged import PLUGIN, install
from burstd.config import Config, poolfile
from burstd.config.model import PoolConfig
from burstd.stage.daemon import DaemonProcess
from burstd.stage.lead import Stage
from burstd.stage.watch import Watch

PAGE = ROOT / "docs/flux-plugins.md"
TYPED = [run for run in runs(PAGE) if run.command.startswith("flux ")]


class PageStage(Stage):
    """A stage with the frobnicator as the page has it, from another folder."""

    plugins: Path

    def lead_toml(self) -> str:
        (block,) = blocks(PAGE, "toml")
        return f"{super().lead_toml()}\n{block.replace('/etc/flux/cli/plugins', str(self.plugins))}"


@pytest.mark.process
@pytest.mark.real_flux
def test_what_users_type_shows_what_the_page_shows() -> None:
    """Beside a daemon --burst brings a host up; a job that is only marked gets its queue from the lead."""
    with tempfile.TemporaryDirectory(prefix="burstd-") as name:
        directory = Path(name).resolve()
        config = {"owner": "page", "state_dir": f"{directory}/state", "pools": [{"name": "burst-0"}]}
        stage = PageStage(directory / "stage", "real", queues=True, start_queues=True)
        stage.plugins = directory / "plugins"
        list(install(poolfile.told(Config(pools=(PoolConfig(size=4),))), stage.plugins))
        with stage, DaemonProcess(config, directory / "burstd.yaml", stage.environment()) as daemon:
            daemon.start()
            daemon.said("serving the lead", 30)
            environment = stage.environment() | {"FLUX_CLI_PLUGINPATH": str(stage.plugins)}
            for run in TYPED:
                shown = _typed(run.command, environment)
                assert shown == run.output.strip() or (shown and not stage.names_are_real)
            with Watch(stage.uri) as watch:
                assert watch.until_ended(watch.submit(["true"], 1)) == (4,)
            daemon.stop()


def test_the_page_names_the_plugin_as_it_is() -> None:
    """The file in the list of frobnicators is called as the plugin is."""
    (block,) = blocks(PAGE, "toml")
    assert re.findall(r"/([\w.]+)\"", block) == [PLUGIN]


def _typed(command: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        shell=True,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.strip()
