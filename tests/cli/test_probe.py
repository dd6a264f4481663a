"""`burstd probe`: a handshake at the address that remote brokers are told."""

from __future__ import annotations

import re
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from fakes.kube import ApiServer
from typer.testing import CliRunner, Result

from burstd.cli import app
from burstd.join import curve
from burstd.stage.lead import Stage

pytestmark = pytest.mark.process

NAMESPACE = {"name": "flux-operator"}


@pytest.fixture(scope="module", params=["embedded", pytest.param("real", marks=pytest.mark.real_flux)])
def lead(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with (
        tempfile.TemporaryDirectory(prefix="burstd-") as directory,
        Stage(Path(directory), request.param) as stage,
    ):
        yield stage


def burstd(*words: str) -> Result:
    return CliRunner().invoke(app, ["probe", *words])


def address(lead: Stage) -> tuple[str, ...]:
    return ("--lead-host", "127.0.0.1", "--lead-port", str(lead.port))


def test_the_address_is_the_leads_own(lead: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the lead nothing need be said: its own configuration tells address and certificate."""
    monkeypatch.setenv("FLUX_URI", lead.uri)
    done = burstd()
    assert (done.exit_code, done.stderr) == (0, "")
    words = rf"tcp://127.0.0.1:{lead.port} lets this certificate in \(after \d+ ms\)\n"
    assert re.fullmatch(words, done.stdout)


def test_far_from_the_lead_everything_is_said(lead: Stage) -> None:
    """With address and certificate at hand no lead is asked, so it works on the bursts' side too."""
    done = burstd(*address(lead), "--curve-cert", str(lead.curve_cert))
    assert (done.exit_code, done.stderr) == (0, "")


def test_another_certificate_is_refused(lead: Stage, tmp_path: Path) -> None:
    """A certificate that is not the instance's is exit code 1, and one sentence says which to give."""
    other = tmp_path / "other.cert"
    curve.write(other, "other")
    done = burstd(*address(lead), "--curve-cert", str(other))
    assert (done.exit_code, done.stdout.count("\n")) == (1, 1)
    assert "refuses this certificate: give burstd the file that curve_cert names" in done.stdout


def test_another_address_may_be_named(lead: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address after the command is tried instead of the one that brokers are told."""
    monkeypatch.setenv("FLUX_URI", lead.uri)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = burstd(f"127.0.0.1:{port}")
    assert done.exit_code == 1
    assert done.stdout.startswith(f"nothing answers at tcp://127.0.0.1:{port}: check that the lead runs")
    assert burstd("--lead-port", str(port), f"127.0.0.1:{lead.port}").exit_code == 0


def test_a_name_that_nobody_knows(lead: Stage) -> None:
    """A host name that cannot be resolved is told from a port where nothing listens."""
    done = burstd("lead.invalid:8050", "--curve-cert", str(lead.curve_cert))
    assert done.exit_code == 1
    assert "cannot be resolved" in done.stdout


@pytest.mark.parametrize("word", ["lead", "lead:", ":8050", "lead:0", "lead:65536", "udp://lead:1", "a:b:1"])
def test_what_is_no_address_is_a_usage_error(word: str) -> None:
    """A word that is no HOST:PORT is refused before anything is asked."""
    done = burstd(word)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "is not of the form HOST:PORT" in done.stderr


def test_without_lead_and_settings_it_says_what_is_missing() -> None:
    """Neither a lead at hand nor an address, or no certificate, is exit code 2 with what to give."""
    done = burstd()
    assert done.exit_code == 2
    assert "lead.host: missing, and no lead is at hand to ask ($FLUX_URI is not set)" in done.stderr
    assert "(set it, or give --lead-host and --lead-port)" in done.stderr
    done = burstd("lead:8050")
    assert "lead.curve_cert: missing" in done.stderr
    assert "(set it, or give --curve-cert)" in done.stderr


def test_a_lead_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the lead must be asked and does not answer, that is said."""
    monkeypatch.setenv("FLUX_URI", f"embedded://{tmp_path}/none")
    done = burstd()
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"burstd: no embedded instance answers at {tmp_path}/none")


def test_an_address_that_is_found_out_is_probed(lead: Stage, tmp_path: Path) -> None:
    """With `lead.host: auto` the Service in front of the lead is asked where that is."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "flux-lead", "namespace": "flux-operator"},
        "spec": {"type": "LoadBalancer", "ports": [{"port": lead.port}]},
    }
    minicluster = {"kubeconfig": str(tmp_path / "kubeconfig")}
    config = {"host": "auto", "curve_cert": str(lead.curve_cert), "minicluster": minicluster}
    (tmp_path / "burstd.yaml").write_text(yaml.safe_dump({"lead": config}))
    with ApiServer() as api:
        api.write_kubeconfig(tmp_path / "kubeconfig")
        api.store.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": NAMESPACE})
        api.store.create("services", service)
        early = burstd("--config", str(tmp_path / "burstd.yaml"))
        status = {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}
        api.store.set_status("services", "flux-operator", "flux-lead", status)
        done = burstd("--config", str(tmp_path / "burstd.yaml"))
    assert early.exit_code == 1
    assert "has no address yet" in early.stderr
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"tcp://127.0.0.1:{lead.port} lets this certificate in" in done.stdout
