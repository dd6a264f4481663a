"""Which Flux a stage runs on: the installed one where this interpreter can speak to it, else the embedded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from burstd.core.errors import ConfigError, Problem
from burstd.plugins.local.broker import FlavorName, flux_environment

Wanted = Literal["auto", "real", "embedded"]
"""What a person may ask for."""

_TRIAL = "import flux; from _flux._core import lib; flux.Flux; lib.flux_open"


@dataclass(frozen=True, slots=True)
class Flavor:
    """What a stage runs on, why (a clause: "no flux is on PATH"), and the folder of Flux's bindings."""

    name: FlavorName
    why: str
    bindings: str | None = None

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return `base`, by default this process's environment, with the bindings on PYTHONPATH."""
        environment = dict(os.environ if base is None else base)
        if self.bindings:
            paths = [self.bindings, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
            environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
        return environment

    def adopt(self) -> None:
        """Let this very process import the bindings too."""
        if self.bindings and self.bindings not in sys.path:
            sys.path.append(self.bindings)


def choose(wanted: Wanted) -> Flavor:
    """Return the flavor to run on. Raises ConfigError where `real` is wanted and cannot be had."""
    if wanted == "embedded":
        return Flavor("embedded", "it was asked for")
    found = _real(shutil.which("flux"))
    if isinstance(found, Flavor):
        return found
    if wanted == "real":
        raise ConfigError((Problem("flux", found, "install Flux, or choose embedded"),))
    return Flavor("embedded", found)


@cache
def _real(flux: str | None) -> Flavor | str:
    """Return the real flavor, or why it cannot be had."""
    if flux is None:
        return "no flux is on PATH"
    bindings = flux_environment().get("PYTHONPATH", "").split(":")[0] or None
    trouble = _trouble(bindings)
    if trouble:
        return f"the Python bindings of {flux} do not fit {sys.executable}: {trouble}"
    return Flavor("real", f"{flux} is Flux {_version(flux)} and its bindings fit this Python", bindings)


def _trouble(bindings: str | None) -> str:
    """Return the last words of a Python that tried to import the bindings; "" where it could."""
    environment = Flavor("real", "", bindings).environment()
    command = [sys.executable, "-c", _TRIAL]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]


def _version(flux: str) -> str:
    done = subprocess.run([flux, "--version"], capture_output=True, text=True, timeout=10, check=False)
    lines = (line.split() for line in done.stdout.splitlines())
    return next((words[1] for words in lines if words[:1] == ["commands:"]), "")
