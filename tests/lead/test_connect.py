"""Opening handles where there is nothing to open."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from burstd.core.errors import LeadLost
from burstd.lead.connect import opener
from burstd.lead.live import LiveLead

NO_BINDINGS = """
import sys
sys.modules["flux"] = None
from burstd.core.errors import LeadLost
from burstd.lead.connect import opener
connect = opener("local:///nowhere")
assert "burstd.lead.fluxhandle" not in sys.modules
try:
    connect()
except LeadLost as exc:
    print(exc)
"""


def test_an_embedded_lead_that_is_not_there_is_lost(tmp_path: Path) -> None:
    """The error names where nobody listened."""
    with pytest.raises(LeadLost, match="nobody"):
        opener(f"embedded://{tmp_path}/nobody")()


def test_flux_uri_is_heeded_when_no_uri_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a URI the environment says where the lead is."""
    monkeypatch.setenv("FLUX_URI", f"embedded://{tmp_path}/nobody")
    with pytest.raises(LeadLost, match="nobody"):
        opener(None)()


@pytest.mark.process
def test_without_the_bindings_one_message_says_what_to_install() -> None:
    """Nothing of Flux is imported before a handle is opened, and then the message helps."""
    done = subprocess.run([sys.executable, "-c", NO_BINDINGS], capture_output=True, text=True, check=True)
    assert "flux-python" in done.stdout
    assert "PYTHONPATH" in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.process
@pytest.mark.real_flux
def test_a_real_lead_that_is_not_there_is_lost(tmp_path: Path) -> None:
    """The error names the socket and asks for the broker."""
    with pytest.raises(LeadLost, match="Is its broker running"):
        opener(f"local://{tmp_path}/nobody")()


def test_a_lead_that_is_not_there_has_no_view_and_stops_quickly(tmp_path: Path) -> None:
    """Following goes on trying, and ends when told to."""
    lead = LiveLead(opener(f"embedded://{tmp_path}/nobody"))
    lead.start(lambda: None)
    assert lead.view() is None
    with pytest.raises(LeadLost):
        lead.drain((1,), "burstd: me: idle")
    began = time.monotonic()
    lead.close()
    assert time.monotonic() - began < 1.0
