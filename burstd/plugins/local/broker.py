"""The two kinds of broker that can run here, and how each is started and known again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

FlavorName = Literal["real", "embedded"]

_EXPORT = re.compile(r'^export (?P<name>\w+)="(?P<value>.*)"$', re.MULTILINE)
_ENCLOSING = (
    "FLUX_URI",
    "FLUX_JOB_ID",
    "FLUX_JOB_ID_PATH",
    "FLUX_KVS_NAMESPACE",
    "FLUX_PROXY_REMOTE",
    "BURSTD_RUNDIR",
)
"""What an instance around this process would tell a broker, which must not listen to it."""


def flux_environment() -> Mapping[str, str]:
    """Return what `flux env` exports: where the installed Flux has its parts. {} where none is on PATH."""
    flux = shutil.which("flux")
    return _exports(flux) if flux else {}


def plain_environment() -> dict[str, str]:
    """Return this process's environment without what an instance around it put there."""
    return {name: value for name, value in os.environ.items() if name not in _ENCLOSING}


def executables() -> frozenset[str]:
    """Return what a broker of ours may run: this Python, `flux`, and the `flux-broker` that it turns into."""
    folders = flux_environment().get("FLUX_EXEC_PATH", "").split(":")
    brokers = [f"{folder}/flux-broker" for folder in folders if folder]
    names = filter(None, (sys.executable, shutil.which("flux"), *brokers))
    return frozenset(str(Path(name).resolve()) for name in names)


@cache
def _exports(flux: str) -> Mapping[str, str]:
    done = subprocess.run([flux, "env"], capture_output=True, text=True, timeout=10, check=False)
    return {match["name"]: match["value"] for match in _EXPORT.finditer(done.stdout)}


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker to start: `directory` holds its broker.toml, `rundir` its socket and its identity."""

    flavor: FlavorName
    directory: Path
    rundir: Path
    host: str
    attributes: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    """Environment variables of its own."""

    @property
    def token(self) -> str:
        return f"-Srundir={self.rundir}"

    @property
    def socket(self) -> Path:
        return self.rundir / "local"

    @property
    def log(self) -> Path:
        return self.rundir.with_name(f"{self.rundir.name}.log")

    def command(self) -> list[str]:
        """Return its argv. A real one says where its socket is, since Flux would put its rank there too."""
        common = [f"--config-path={self.directory}", self.token, f"-Shostname={self.host}"]
        if self.flavor == "embedded":
            program = [sys.executable, "-m", "burstd.lead.embedded"]
            return [*program, *common, f"-Slog-filename={self.log}", *self.attributes]
        logs = ["-Slog-stderr-mode=local", "-Slog-stderr-level=6"]
        place = [f"-Slocal-uri=local://{self.socket}", "-Sbroker.boot-method=config"]
        return [shutil.which("flux") or "flux", "broker", *common, *place, *logs, *self.attributes]

    def environment(self) -> dict[str, str]:
        """Return this process's own environment without any instance around it."""
        return plain_environment() | dict(self.variables)

    def traces(self) -> tuple[str, ...]:
        """Return the environment entries of which every process of its jobs has one.

        Flux names the broker's own socket to its jobs. The embedded instance names the lead's, and the
        rundir beside it.
        """
        return (f"FLUX_URI=local://{self.socket}", f"BURSTD_RUNDIR={self.rundir}")
