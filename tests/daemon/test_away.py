"""A cluster that is away when burstd starts: other pools serve meanwhile, and it serves once it is back."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from fakes.chain import DIGEST, IMAGE, OPERATOR_YAML
from fakes.kube import ApiServer
from fakes.operator import Delays, Operator

from burstd.stage import machine
from burstd.stage.daemon import DaemonProcess
from burstd.stage.lead import Stage
from burstd.stage.watch import Watch


@pytest.mark.process
def test_a_cluster_that_is_away_keeps_no_other_pool_from_serving() -> None:
    """A job for this machine's pool runs, one for the cluster's is told, and served when that is back."""
    with tempfile.TemporaryDirectory(prefix="away-") as folder:
        directory = Path(folder).resolve()
        port, api = machine.free_port(), ApiServer()
        kubeconfig = directory / "kubeconfig"
        api.start(port)
        api.write_kubeconfig(kubeconfig)
        api.stop()
        options = {
            "kubeconfig": str(kubeconfig),
            "image": IMAGE,
            "patience_seconds": 0.2,
            "listing_seconds": 0.1,
            "operator": {"manifest": str(OPERATOR_YAML), "image": DIGEST, "install": True},
        }
        far = {"name": "burst-0", "provider": "kubernetes", "hosts": "burst-0-[0-1]", "options": options}
        near = {"name": "near", "provider": "local", "hosts": "burst-0-[2-3]", "idle_seconds": 1.0}
        config = {"owner": "away", "state_dir": str(directory / "s"), "pools": [far, near]}
        with Stage(directory / "lead", "embedded") as stage:
            config["lead"] = {"host": "127.0.0.1", "port": stage.port}
            daemon = DaemonProcess(config, directory / "burstd.yaml", stage.environment())
            with daemon, Watch(stage.uri, daemon.check) as watch:
                daemon.start()
                daemon.said("its cluster was not seen", 30)
                watch.submit(["true"], 2, burstable="burst-0", requires={"hostlist": ["burst-0-[0-1]"]})
                daemon.said("pool-unseen: The sites of pool burst-0 cannot be listed yet", 30)
                there = {"hostlist": ["burst-0-[2-3]"]}
                near_job = watch.submit(["true"], 2, burstable="near", requires=there)
                assert watch.until_ended(near_job, 40) == (6, 7)
                api.start(port)
                try:
                    with Operator(
                        api.store, directory=directory / "pods", delays=Delays(back_off=0.2, retry=0.2)
                    ):
                        watch.until_online(("burst-0-0", "burst-0-1"), 40)
                        daemon.stop()
                finally:
                    api.stop()
