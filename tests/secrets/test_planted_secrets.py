"""Secrets stand in Kubernetes Secrets and in files of mode 0600, and come out nowhere else."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from fakes.chain import DIGEST, IMAGE, OPERATOR_YAML, Chain, chain
from fakes.gke.tokens import TokenEndpoint
from fakes.kube import ApiServer
from fakes.listener import Listener
from fakes.operator import Delays, Operator
from planted import Planted, processes_of
from players import asked

from burstd.stage import leavings
from burstd.stage.daemon import DaemonProcess
from burstd.stage.lead import POOL, Stage
from burstd.stage.output import follow
from burstd.stage.watch import Watch

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

COMMANDS = (
    ("check-config",),
    ("plan",),
    ("plan", "--json"),
    ("cost",),
    ("cost", "--format", "json"),
    ("notify",),
    ("notify", "--test"),
    ("probe",),
    ("doctor", POOL),
    ("doctor", "--json"),
    ("render", "lead-toml"),
    ("release", "--all"),
    ("pause",),
    ("resume",),
    ("reopen", POOL),
)
"""What a person may run beside the daemon; what they print may stand in a ticket."""

OWNERS_ALONE = 0o077


@dataclass
class Run:
    """What burstd did with planted secrets: where it ran, and what came out."""

    planted: Planted
    daemon: DaemonProcess
    watch: Watch
    stage: Stage
    state: Path
    printed: list[str] = field(default_factory=list)
    processes: dict[int, bytes] = field(default_factory=dict)
    jobs: list[int] = field(default_factory=list)

    def burst(self, hosts: int = 4) -> None:
        """Let a job cause a burst, run every command while it serves, and let it go away."""
        self.daemon.start()
        self.daemon.said("serving the lead", 30)
        over = self.state.parent / "over"
        wait = f"while [ ! -e {over} ]; do sleep 0.1; done"
        self.jobs.append(self.watch.submit(["sh", "-c", wait], hosts))
        self.watch.until_online(self.stage.pool_hosts[:hosts], 60)
        self.processes |= processes_of(self.daemon.pid)
        self.printed += [self.output_of(command) for command in COMMANDS]
        over.touch()
        self.watch.until_ended(self.jobs[-1], 60)
        self.daemon.said("is gone, verified", 60)
        self.daemon.stop()

    def output_of(self, command: tuple[str, ...]) -> str:
        """Run a command with the daemon's configuration; return all that it printed."""
        program, rest = (
            self.daemon.command[:3],
            [one for one in self.daemon.command[3:] if one != "--verbose"],
        )
        environment = self.daemon.environment
        done = subprocess.run(
            [*program, *command, *rest],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def check(self) -> None:
        """See that no secret came out by any of the ways that every provider has in common."""
        assert self.planted.found_in("\n".join(self.daemon.lines)) == [], "in the log"
        assert self.planted.found_in("\n".join(self.printed)) == [], "in what a command printed"
        for pid, shown in self.processes.items():
            assert self.planted.found_in(shown) == [], f"in the arguments or the environment of process {pid}"
        for job in self.jobs:
            events = list(follow(self.watch.handle, job, "eventlog", 30))
            assert self.planted.found_in(json.dumps(events)) == [], "in a job's memos"
        self.check_files()

    def check_files(self) -> None:
        """See that the ledger has none, and that whatever has one is its owner's alone."""
        found = self.planted.files_below(self.state)
        for path, names in found.items():
            assert not path.stat().st_mode & OWNERS_ALONE, f"{names} in {path}, which others may read"
            assert "ledger" not in path.name, f"{names} in {path}"


def test_nothing_comes_out_of_a_burst_on_gke() -> None:
    """A whole burst on GKE shows Google no secret, and its clusters show theirs in Secrets alone."""
    planted = Planted()
    with TokenEndpoint() as google, tempfile.TemporaryDirectory(prefix="keys-") as folder:
        key = google.write_key(Path(folder) / "key.json")
        planted.plant("the account's private key", json.loads(key.read_text())["private_key"].split("\n")[3])
        files = _files(Path(folder), planted)
        with chain(
            "embedded",
            token=google.current,
            variables={"GOOGLE_APPLICATION_CREDENTIALS": str(key)},
            lead={"munge_key": str(files.munge)},
            options={"manifests": [str(files.pull)], "pull_secret": "pull"},
            flags=("--verbose",),
        ) as made:
            planted.plant("the CURVE secret key", _secret_key(made.stage))
            run = Run(planted, made.daemon, made.watch, made.stage, made.directory / "state")
            run.burst()
            for number, token in enumerate(google.given):
                planted.plant(f"Google's token {number}", token)
            assert google.given
            run.check()
            _check_google(planted, made)
            for api in made.clusters:
                _check_cluster(planted, api)


def test_nothing_comes_out_of_a_burst_on_a_cluster() -> None:
    """Neither the kubeconfig's token nor its private key leaves the connection that they are for."""
    planted = Planted()
    with _cluster(planted) as (run, api):
        run.burst()
        run.check()
        _check_cluster(planted, api)


def test_nothing_comes_out_of_a_burst_on_this_machine() -> None:
    """The certificate of a local burst is in a file of mode 0600 while it serves, and nowhere else.

    The token of HTTP is asked with, and stands in no answer and no line of the log. Where notices go, with
    which token, comes out only there, taken or refused, or if nobody is there.
    """
    planted = Planted()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sec-"))).resolve()
        stage = stack.enter_context(Stage(directory / "lead", "embedded"))
        planted.plant("the CURVE secret key", _secret_key(stage))
        stack.callback(leavings.sweep, stage, "planted", directory / "s")
        pool = {"name": POOL, "provider": "local", "idle_seconds": 1.0}
        http = {"port": 0, "token_file": str(_token(directory / "token", planted))}
        taking, refusing = (stack.enter_context(Listener(answers=answers)) for answers in ([], [403] * 20))
        notify = [_hook(directory, planted, one) for one in (taking, refusing, None)]
        config = {"owner": "planted", "state_dir": str(directory / "s"), "pools": [pool]}
        config |= {"http": http, "notify": notify}
        daemon = DaemonProcess(config, directory / "burstd.yaml", stage.environment(), flags=("--verbose",))
        stack.enter_context(daemon)
        watch = stack.enter_context(Watch(stage.uri, daemon.check))
        run = _Local(planted, daemon, watch, stage, directory / "s")
        run.burst()
        assert run.held == ["curve.cert"]
        run.check()
        assert planted.files_below(directory / "s") == {}
        for listener in (taking, refusing):
            for heard in listener.heard:
                assert planted.found_in(heard.path) == planted.found_in(heard.headers["Authorization"]) != []
                assert planted.found_in(json.dumps(heard.document)) == []
        assert "answered 403" in "".join(daemon.lines)


def _hook(directory: Path, planted: Planted, listener: Listener | None) -> dict[str, str]:
    """Plant a URL and a token for notices; without a listener nobody is there."""
    number = len(planted.known)
    secret = planted.plant(f"the hook {number}")
    where = listener.url(f"/services/{secret}?key={secret}") if listener else f"http://localhost:1/{secret}"
    files = {"url_file": where, "token_file": secret}
    for name, text in files.items():
        path = directory / f"{name}-{number}"
        path.touch(mode=0o600)
        path.write_text(text)
        files[name] = str(path)
    return files


class _Local(Run):
    """A run that looks at its files while the burst serves."""

    held: list[str] = []  # noqa: RUF012 - set once, by the only run of the test

    def output_of(self, command: tuple[str, ...]) -> str:
        self.check_files()
        self.held = sorted(path.name for path in self.planted.files_below(self.state))
        _check_modes(self.state, self.stage.pool_hosts)
        return super().output_of(command) + self.told_over_http()

    def told_over_http(self) -> str:
        """Ask with the token; return all that is answered."""
        port = int(self.daemon.said("the page is at", 20).rsplit(":", 1)[1].rstrip("/"))
        token = self.planted.known["the token of HTTP"].decode()
        answers = [asked(port, f"/api/v1/{name}", token=token) for name in ("status", "events", "jobs")]
        assert {status for status, _, _ in answers} == {200}
        return "".join(f"{headers}{body.decode()}" for _, headers, body in answers)


def _token(path: Path, planted: Planted) -> Path:
    path.write_text(planted.plant("the token of HTTP"))
    path.chmod(0o600)
    return path


def _check_modes(state: Path, rundirs: tuple[str, ...]) -> None:
    """See that all is its owner's alone; what brokers make in their rundirs is so by the directory above."""
    for path in (state, *state.rglob("*")):
        if not set(rundirs) & set(path.parts):
            assert not path.lstat().st_mode & OWNERS_ALONE, f"{path}: {oct(path.lstat().st_mode)}"


@dataclass
class _Files:
    munge: Path
    pull: Path


def _files(directory: Path, planted: Planted) -> _Files:
    """Write a munge key and a manifest with a pull secret, for the owner's eyes only."""
    munge, pull = directory / "munge.key", directory / "pull.yaml"
    login = json.dumps({"auths": {"registry.example.org": {"auth": planted.plant("the pull secret")}}})
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "pull"},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(login.encode()).decode()},
    }
    for path, text in ((munge, planted.plant("the munge key")), (pull, yaml.safe_dump(manifest))):
        path.touch(mode=0o600)
        path.write_text(text)
    return _Files(munge, pull)


@contextmanager
def _cluster(planted: Planted) -> Iterator[tuple[Run, ApiServer]]:
    """Give a lead and a cluster with the operator, let in to by a token and a client's certificate."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sec-"))).resolve()
        stage = stack.enter_context(Stage(directory / "lead", "embedded"))
        planted.plant("the CURVE secret key", _secret_key(stage))
        token = planted.plant("the kubeconfig's token")
        api = stack.enter_context(ApiServer(tls=True, token=token))
        kubeconfig = _with_key(api.write_kubeconfig(directory / "kubeconfig"), planted)
        stack.enter_context(
            Operator(api.store, directory=directory / "pods", flavor="embedded", delays=Delays(retry=0.2))
        )
        files = _files(directory, planted)
        daemon = DaemonProcess(
            _config(stage, directory, kubeconfig, files),
            directory / "burstd.yaml",
            stage.environment(),
            flags=("--verbose",),
        )
        stack.enter_context(daemon)
        watch = stack.enter_context(Watch(stage.uri, daemon.check))
        yield Run(planted, daemon, watch, stage, directory / "state"), api


def _config(stage: Stage, directory: Path, kubeconfig: Path, files: _Files) -> dict[str, Any]:
    options = {
        "kubeconfig": str(kubeconfig),
        "image": IMAGE,
        "operator": {"manifest": str(OPERATOR_YAML), "image": DIGEST, "install": True},
        "manifests": [str(files.pull)],
        "pull_secret": "pull",
        "listing_seconds": 0.1,
    }
    lead = {"host": "127.0.0.1", "port": stage.port, "curve_cert": str(stage.curve_cert)}
    pool = {"name": POOL, "provider": "kubernetes", "idle_seconds": 1.0, "options": options}
    return {
        "owner": "planted",
        "state_dir": str(directory / "state"),
        "lead": lead | {"munge_key": str(files.munge)},
        "pools": [pool],
    }


def _with_key(kubeconfig: Path, planted: Planted) -> Path:
    """Give the kubeconfig's user a private key and its certificate too."""
    content = yaml.safe_load(kubeconfig.read_text())
    issued = trustme.CA().issue_cert("burstd.example.org")
    key = issued.private_key_pem.bytes()
    planted.plant("the kubeconfig's private key", key.splitlines()[2])
    content["users"][0]["user"] |= {
        "client-certificate-data": base64.b64encode(issued.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": base64.b64encode(key).decode(),
    }
    kubeconfig.write_text(yaml.safe_dump(content))
    return kubeconfig


def _secret_key(stage: Stage) -> str:
    return stage.curve_cert.read_text().split('secret-key = "')[1].split('"')[0]


def _check_google(planted: Planted, made: Chain) -> None:
    for call in made.gke.calls:
        assert planted.found_in(str(call.request)) == [], f"in the request {call.method}"


def _check_cluster(planted: Planted, api: ApiServer) -> None:
    """See that requests carry secrets into Secrets alone: the CURVE key, the munge key, the pull secret."""
    carried = set()
    for record in api.requests:
        names = planted.found_in(json.dumps([record.path, record.query, record.body], default=str))
        assert not names or "/secrets" in record.path, f"{names} in {record.method} {record.path}"
        carried |= set(names)
    assert carried == {"the CURVE secret key", "the munge key", "the pull secret"}
    everything = [one for resource, one in api.store.everything() if resource != "secrets"]
    assert planted.found_in(json.dumps(everything)) == [], "in an object that is no Secret"
