"""The embedded instance and a real Flux, asked the same questions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import flux_questions
import pytest
import queue_questions
from embedded_site import LEAD, Site

MODULES = {
    "fifo": ("sched-simple", "sched-simple", ""),
    "easy": (
        "sched-fluxion-qmanager",
        "sched-fluxion-feasibility",
        '[sched-fluxion-qmanager]\nqueue-policy = "easy"\n',
    ),
    "fcfs": ("sched-fluxion-qmanager", "sched-fluxion-feasibility", ""),
}
"""For each mode: who offers `sched` and `feasibility` in Flux, and what its configuration says."""


@pytest.mark.process
@pytest.mark.real_flux
@pytest.mark.parametrize("mode", MODULES)
def test_both_give_the_same_answers(site: Site, mode: str) -> None:
    """Refusals, events, output, rows of jobs, drains: a real Flux of one host answers as we do."""
    site.start(LEAD, f"-Ssched={mode}", toml=site.lone())
    ours = json.loads(json.dumps(flux_questions.ask(site.connect())))
    theirs = _ask_flux(site.folder / "flux.toml", mode, flux_questions)
    assert "\n".join(_differences("", ours, theirs)) == ""


@pytest.mark.process
@pytest.mark.real_flux
@pytest.mark.parametrize("mode", MODULES)
def test_both_give_the_same_answers_on_queues(site: Site, mode: str) -> None:
    """Queues that stop and start, jobs that are moved, held and refused: a real Flux answers as we do."""
    site.start(LEAD, f"-Ssched={mode}", toml=site.lone() + queue_questions.QUEUES)
    ours = json.loads(json.dumps(queue_questions.ask(site.connect())))
    theirs = _ask_flux(site.folder / "flux.toml", mode, queue_questions, queue_questions.QUEUES)
    assert "\n".join(_differences("", ours, theirs)) == ""


def _ask_flux(file: Path, mode: str, questions: ModuleType, toml: str = "") -> Any:
    sched, feasibility, more = MODULES[mode]
    alternatives = f'sched = "{sched}"\nfeasibility = "{feasibility}"\n'
    file.write_text(f"[modules.alternatives]\n{alternatives}{more}{toml}")
    command = ["flux", "start", "-s1", f"--config-path={file}", sys.executable, str(questions.__file__)]
    # the questions stand in two files side by side; burstd itself is the installed one
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    asked = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=60, check=False)
    if asked.returncode and "No such module" in asked.stderr:
        pytest.skip(f"this Flux has no {sched}")
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout)


def _differences(where: str, ours: Any, theirs: Any) -> list[str]:
    """Return each place where two answers differ, on a line of its own."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = sorted({*ours, *theirs})
        return [line for n in names for line in _differences(f"{where}/{n}", ours.get(n), theirs.get(n))]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [line for n, (our, their) in pairs for line in _differences(f"{where}/{n}", our, their)]
    return [] if ours == theirs else [f"{where}: {ours!r}, a real Flux {theirs!r}"]
