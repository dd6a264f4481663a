"""`burstd flux-plugins install`: the plugins and their file of pools, in a folder where Flux finds them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from burstd.config import poolfile
from burstd.core.errors import BurstdError

PLUGIN = "burst.py"
_FOR_EVERYONE = 0o644
_FLUX_SECONDS = 10.0


def folder() -> Path:
    """Return the folder of the plugins in this installation of burstd."""
    return Path(str(resources.files("burstd") / "fluxplugins"))


def install(pools: str, to: Path | None) -> Iterator[str]:
    """Write both files and yield a line on each, then what is left to do. Raises BurstdError.

    The file of pools comes first: a plugin that is there finds it. Each is replaced whole.
    """
    target = (to or _flux_s_own()).absolute()
    try:
        _make(target)
        yield _write(target / poolfile.NAME, pools)
        yield _write(target / PLUGIN, (folder() / PLUGIN).read_text(encoding="utf-8"))
    except OSError as exc:
        what = f"the plugins cannot be written to {target}: {exc.strerror}"
        raise BurstdError(f"{what}; name a folder of your own with --to") from exc
    if to is not None:
        yield f"Users need this in their environment: FLUX_CLI_PLUGINPATH={target}"
    yield (
        "To give burstable jobs without a queue theirs, the lead's broker.toml needs under "
        f'[ingest.frobnicator]: plugins = ["{target / PLUGIN}", "defaults", "constraints"]'
    )


def _flux_s_own() -> Path:
    """Return where Flux looks for CLI plugins by itself. Raises BurstdError."""
    flux = shutil.which("flux")
    if flux is None:
        raise BurstdError("no flux is on PATH, so where it has its plugins is not known; name it with --to")
    command = [flux, "config", "builtin", "confdir"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FLUX_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as exc:
        raise BurstdError(f"{flux} does not say where it has its plugins; name it with --to") from exc
    return Path(done.stdout.strip()) / "cli" / "plugins"


def _make(directory: Path) -> None:
    """Make a folder and those above it, each readable by everyone whatever the umask is."""
    if directory.is_dir():
        return
    _make(directory.parent)
    directory.mkdir()
    directory.chmod(0o755)


def _write(path: Path, text: str) -> str:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        new.chmod(_FOR_EVERYONE)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    return f"wrote {path}"
