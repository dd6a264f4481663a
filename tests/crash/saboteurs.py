"""Breaks burstd on purpose, in a copy, and sees that the matrix notices: `python -m crash.saboteurs`.

Each saboteur replaces one exact text in one file. The slice of the matrix that should catch it then runs
with the copy before the package on the path, until the first violation.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import burstd
from crash.sabotage import SABOTEURS, Saboteur

PACKAGE = Path(burstd.__file__).parent
TESTS = Path(__file__).parents[1]
MOST_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the matrix noticed, and by which violation."""

    saboteur: Saboteur
    noticed: bool
    said: str
    seconds: float


def sabotaged(text: str, saboteur: Saboteur) -> str:
    """Return a file's text with the replacement made. Raises ValueError where it does not apply once."""
    if text.count(saboteur.old) != 1:
        raise ValueError(f"{saboteur.name}: its text is {text.count(saboteur.old)} times in {saboteur.file}")
    return text.replace(saboteur.old, saboteur.new)


def verdict(saboteur: Saboteur) -> Verdict:
    """Run the slice of the matrix that is to notice."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        copy = Path(folder) / "burstd"
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = copy / saboteur.file
        file.write_text(sabotaged(file.read_text(), saboteur))
        try:
            done = _run(Path(folder), saboteur.slice)
        except subprocess.TimeoutExpired as exc:
            return Verdict(saboteur, False, str(exc)[-100:], time.monotonic() - began)
    noticed = done.returncode == 1 and "violated" in done.stdout
    said = next((line.strip() for line in done.stdout.splitlines() if line.startswith("    ")), "")
    return Verdict(saboteur, noticed, said or done.stderr.strip()[-300:], time.monotonic() - began)


def _run(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crash.matrix", "--workers", "1", "--first", *arguments]
    path = os.pathsep.join((str(folder), str(TESTS)))
    environment = os.environ | {"PYTHONPATH": path, "BURSTD_EXPECTED": str(folder), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=MOST_SECONDS, check=False
    )


def main() -> int:
    """Try every saboteur; return 1 where one is not noticed."""
    parser = argparse.ArgumentParser(prog="crash.saboteurs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="only those whose name has this text")
    asked = parser.parse_args()
    chosen = [one for one in SABOTEURS if asked.only in one.name]
    survived = 0
    with ThreadPoolExecutor(asked.workers) as pool:
        for one in pool.map(verdict, chosen):
            survived += not one.noticed
            how = "noticed" if one.noticed else "SURVIVED"
            print(f"{how:9}{one.saboteur.name} ({one.seconds:.0f} s): {one.said[:140]}", flush=True)
    print(f"{len(chosen)} saboteurs, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
