"""The steps before a broker starts, run by bash as in a pod; the paths of a pod are a folder's here."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from burstd.join.papers import Join
from burstd.kube import steps
from burstd.kube.steps import BROKER_TOML, CURVE_CERT, SECRET_PATH, STOP

TOML = '[bootstrap]\ncurve_cert = "x"\n\n[[resource.config]]\nhosts = "a"\n'


@dataclass
class Pod:
    """A pod's files below a folder, and what its script did."""

    root: Path

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def write(self, path: str, text: str) -> None:
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_text(text)

    def run(self, version: str = "") -> subprocess.CompletedProcess[str]:
        """Run the steps, with the pod's own paths; `flux` there says that it is version 0.88.0."""
        text = steps.pre(Join("h", 1, (), Path("/none"), version=version)) + "\necho went on\n"
        for path in (steps.CONFIG, SECRET_PATH, "/etc/munge", "/dev/termination-log"):
            text = text.replace(path, str(self.at(path)))
        return subprocess.run(
            ["bash", "-c", text],
            env={"PATH": f"{self.root / 'bin'}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    made = Pod(tmp_path)
    made.write(f"{SECRET_PATH}/curve.cert", "the lead's")
    made.write(f"{SECRET_PATH}/directories", "")
    made.write(CURVE_CERT, "a throw-away")
    made.write(BROKER_TOML, TOML)
    made.write("/bin/flux", "#!/bin/sh\nprintf 'commands:    \\t\\t0.88.0\\nlibflux-core:\\t\\t0.88.0\\n'\n")
    made.at("/bin/flux").chmod(0o755)
    made.at("/dev").mkdir()
    return made


def test_the_leads_certificate_takes_the_place_of_the_throw_away(pod: Pod) -> None:
    """The operator's own certificate is replaced, for its owner's eyes only."""
    done = pod.run()
    assert (done.returncode, done.stdout) == (0, "went on\n")
    assert pod.at(CURVE_CERT).read_text() == "the lead's"
    assert pod.at(CURVE_CERT).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_what_was_appended_again_is_taken_off(pod: Pod, copies: int) -> None:
    """However often the operator's init container ran, the broker finds its configuration once."""
    pod.write(BROKER_TOML, TOML * copies)
    for _ in range(2):
        assert pod.run().returncode == 0
        assert pod.at(BROKER_TOML).read_text() == TOML


def test_the_same_version_goes_on(pod: Pod) -> None:
    """A pod whose Flux is the lead's starts its broker."""
    assert pod.run("0.88.0").stdout == "went on\n"


@pytest.mark.parametrize("flux", ["0.80.0", None])
def test_another_version_stops_with_both(pod: Pod, flux: str | None) -> None:
    """A pod with another Flux, or none, ends before its broker would be refused, and says what to set."""
    if flux is None:
        pod.at("/bin/flux").write_text("#!/bin/sh\nexit 127\n")
    done = pod.run("0.81.0")
    assert done.returncode == 1
    assert "went on" not in done.stdout
    words = pod.at("/dev/termination-log").read_text()
    assert words.startswith("burstd: this pod has Flux ")
    assert "the lead has 0.81.0" in words
    assert "flux_image" in words


def test_a_munge_key_is_laid_where_munge_looks(pod: Pod) -> None:
    """The key is private there; without one nothing is laid."""
    assert pod.run().returncode == 0
    assert not pod.at("/etc/munge").exists()
    pod.write(f"{SECRET_PATH}/munge.key", "key")
    assert pod.run().returncode == 0
    assert pod.at("/etc/munge/munge.key").read_text() == "key"
    assert pod.at("/etc/munge/munge.key").stat().st_mode & 0o777 == 0o400


def test_a_missing_certificate_stops(pod: Pod) -> None:
    """Without the lead's certificate no broker is started with the throw-away one."""
    pod.at(f"{SECRET_PATH}/curve.cert").unlink()
    done = pod.run()
    assert done.returncode == 1
    assert "curve.cert cannot be written" in pod.at("/dev/termination-log").read_text()


def test_the_script_that_ends_a_pod_is_there(pod: Pod) -> None:
    """What Kubernetes runs before it ends the pod can be run."""
    pod.run()
    assert pod.at(STOP).read_text() == "#!/bin/sh\nkill -TERM -1\n"
    assert pod.at(STOP).stat().st_mode & 0o111


def test_nothing_of_a_users_is_in_the_text() -> None:
    """The version is the only word that is filled in, quoted."""
    text = steps.pre(Join("h", 1, (), Path("/none"), version="0.88.0'; reboot; '"))
    assert "burstd_wanted='0.88.0'\"'\"'; reboot; '\"'\"''" in text
