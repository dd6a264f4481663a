"""The gateway's nginx, where there is one: it passes on what CURVE has encrypted."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from burstd.join.curve import Handshake, probe, read
from burstd.kube import gateway
from burstd.stage import machine
from burstd.stage.lead import Stage

WAY_IN = {"kind": "Service", "metadata": {"name": "flux-lead"}, "spec": {"selector": {"app": "lead"}}}
RENDERED = gateway.manifests("ns", WAY_IN, "nginx")
MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


def conf_of(manifests: list[dict]) -> str:
    (found,) = [one for one in manifests if one["kind"] == "ConfigMap"]
    return found["data"]["nginx.conf"]


def test_the_way_in_leads_to_the_gateway_and_the_gateway_to_the_lead() -> None:
    """The lead's Service selects nginx, whose target is a Service with the lead's own selector."""
    inner, _, deployment, way_in = RENDERED
    assert inner["spec"]["selector"] == {"app": "lead"}
    assert way_in["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert f"{inner['metadata']['name']}.ns.svc.cluster.local" in conf_of(RENDERED)


@pytest.mark.process
@pytest.mark.skipif(not (shutil.which("nginx") and MODULE.exists()), reason="no nginx with streams is here")
def test_nginx_passes_a_handshake_on() -> None:
    """With the rendered configuration a real nginx lets a broker's handshake through to the lead."""
    with (
        tempfile.TemporaryDirectory(prefix="gate-") as folder,
        Stage(Path(folder) / "s", "embedded") as stage,
    ):
        port = machine.free_port()
        text = conf_of(RENDERED).replace("listen 8050", f"listen 127.0.0.1:{port}")
        target = f"{gateway.NAME}-target.ns.svc.cluster.local:8050"
        text = text.replace(target, f"127.0.0.1:{stage.port}")
        head = f"load_module {MODULE};\npid {folder}/pid;\nerror_log {folder}/err;\n"
        file = Path(folder) / "nginx.conf"
        file.write_text(head + text)
        nginx = subprocess.Popen(["nginx", "-c", str(file), "-g", "daemon off;"])
        try:
            deadline = time.monotonic() + 10
            certificate = read(stage.curve_cert)
            while (found := probe(f"tcp://127.0.0.1:{port}", certificate)) is Handshake.CLOSED:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert found is Handshake.FINE
        finally:
            nginx.terminate()
            nginx.wait()
