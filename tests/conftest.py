"""What holds for every test: where burstd comes from, which Flux there is, and no warning unheard."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from importlib.metadata import distribution
from pathlib import Path

import pytest
from hypothesis import settings

import burstd

settings.register_profile("here", deadline=None, max_examples=25)
settings.register_profile("ci", deadline=None, max_examples=25, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=2500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "here"))

NEEDS = {"real_flux": "a real Flux", "browser": "a Chromium"}
"""What a test needs that bears a marker; where there is none it is skipped, and that is said."""


def pytest_configure() -> None:
    where = Path(burstd.__file__).resolve()
    editable = "editable" in (distribution("burstd").read_text("direct_url.json") or "")
    if not editable and not where.is_relative_to(Path(sys.prefix).resolve()):
        raise pytest.UsageError(f"a wheel of burstd is installed, but the tests would run {where}")


def pytest_report_header() -> str:
    return f"burstd: {Path(burstd.__file__).parent}, flux: {shutil.which('flux') or 'none on PATH'}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for marker, missing in (("real_flux", _offer_bindings), ("browser", _no_browser)):
        needing = [item for item in items if item.get_closest_marker(marker)]
        if needing and (reason := missing()):
            for item in needing:
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.getreports("skipped")
    for marker, need in NEEDS.items():
        mine = [report for report in skipped if marker in getattr(report, "keywords", ())]
        for reason, count in Counter(report.longrepr[2].removeprefix("Skipped: ") for report in mine).items():
            text = f"NOT RUN: {count} tests that need {need} ({reason})"
            terminalreporter.write_line(text, yellow=True, bold=True)


@pytest.fixture(autouse=True)
def _surroundings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test speaks to the Flux it may be run under; a warning in a process of burstd is an error too."""
    monkeypatch.delenv("FLUX_URI", raising=False)
    if not request.node.get_closest_marker("real_flux"):  # Flux's own Python programs do warn
        monkeypatch.setenv("PYTHONWARNINGS", "error")


def _no_browser() -> str:
    """Say why no browser can be driven, or ""; Debian's packages are chromium and chromium-driver."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"no `{'`, no `'.join(missing)}` on PATH" if missing else ""


def _offer_bindings() -> str:
    """Put Flux's Python bindings on the path of this process and of those it starts; say why not, or ""."""
    if shutil.which("flux") is None:
        return "no `flux` on PATH"
    ask = "import flux, os; print(os.path.dirname(os.path.dirname(flux.__file__)))"
    told = subprocess.run(["flux", "python", "-c", ask], capture_output=True, text=True, check=False)
    folder = told.stdout.strip()
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), folder]))
    fit = subprocess.run(
        [sys.executable, "-c", "import flux"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        check=False,
    )
    if not folder or fit.returncode:
        return f"the bindings of `flux` do not fit Python {sys.version_info.major}.{sys.version_info.minor}"
    os.environ["PYTHONPATH"] = path
    sys.path.append(folder)
    return ""
