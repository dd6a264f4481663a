"""The program itself: `kind create | get | delete | load …`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from fakes.kind import configuration
from fakes.kind.state import VARIABLE, ClusterDirectory, State

START_SECONDS = 60.0
DEFAULT_IMAGE = "kindest/node:v1.37.0"


class Failed(Exception):
    """The call fails with these words after `ERROR: `."""


def _say(text: str) -> None:
    """Tell a person something, as kind tells all but its results: on stderr."""
    sys.stderr.write(f"{text}\n")


def main() -> int:
    arguments = _parser().parse_args()
    state = State(Path(os.environ[VARIABLE]))
    try:
        _docker(state)
        arguments.run(state, arguments)
    except Failed as exc:
        _say(f"ERROR: {exc}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("kind", allow_abbrev=False)
    verbs = parser.add_subparsers(required=True)
    create = _noun(verbs, "create", "cluster", _create)
    create.add_argument("--config", default="")
    create.add_argument("--kubeconfig", default="")
    create.add_argument("--wait", default="0s")
    create.add_argument("--image", default="")
    create.add_argument("--retain", action="store_true")
    delete = _noun(verbs, "delete", "cluster", _delete)
    delete.add_argument("--kubeconfig", default="")
    get = verbs.add_parser("get").add_subparsers(required=True)
    get.add_parser("clusters").set_defaults(run=_get_clusters)
    kubeconfig = get.add_parser("kubeconfig")
    kubeconfig.add_argument("--name", "-n", default="kind")
    kubeconfig.add_argument("--internal", action="store_true")
    kubeconfig.set_defaults(run=_get_kubeconfig)
    _noun(verbs, "load", "docker-image", _load).add_argument("images", nargs="+")
    return parser


def _noun(verbs, verb: str, noun: str, run) -> argparse.ArgumentParser:
    parser = verbs.add_parser(verb).add_subparsers(required=True).add_parser(noun)
    parser.add_argument("--name", "-n", default="kind")
    parser.set_defaults(run=run)
    return parser


def _docker(state: State) -> None:
    """Fail as a call does that cannot reach Docker."""
    if state.fault("docker") is not None:
        command = "docker ps -a --filter label=io.x-k8s.kind.cluster"
        raise Failed(
            f'failed to list clusters: command "{command}" failed with error: exit status 1\n\n'
            "Command Output: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
            "Is the docker daemon running?"
        )


def _get_clusters(state: State, _: argparse.Namespace) -> None:
    names = [cluster.name for cluster in state.clusters()]
    if not names:
        _say("No kind clusters found.")
    for name in names:
        sys.stdout.write(f"{name}\n")


def _get_kubeconfig(state: State, arguments: argparse.Namespace) -> None:
    cluster = state.cluster(arguments.name)
    if not cluster.path.exists():
        raise Failed(
            f"could not locate any control plane nodes for cluster named '{arguments.name}'. "
            "Use the --name option to select a different cluster"
        )
    if not cluster.admin_conf.exists():
        command = f"docker exec --privileged {arguments.name}-control-plane cat /etc/kubernetes/admin.conf"
        raise Failed(
            f'failed to get cluster internal kubeconfig: command "{command}" failed with error: '
            "exit status 1\n\nCommand Output: cat: /etc/kubernetes/admin.conf: No such file or directory"
        )
    sys.stdout.write(f"{cluster.admin_conf.read_text()}\n")


def _create(state: State, arguments: argparse.Namespace) -> None:
    text = sys.stdin.read() if arguments.config == "-" else _file(arguments.config)
    cluster = state.cluster(arguments.name)
    try:
        config = configuration.parse(text)
        if cluster.path.exists():
            words = f'node(s) already exist for a cluster with the name "{cluster.name}"'
            raise Failed(f"failed to create cluster: {words}")
        configuration.check(config, cluster.name)
    except configuration.Refused as exc:
        raise Failed(f"failed to create cluster: {exc}") from exc
    _say(f'Creating cluster "{cluster.name}" ...')
    _pull(state, arguments.image or DEFAULT_IMAGE)
    try:
        _make_nodes(state, cluster, config)
        _run_control_plane(state, cluster)
    except Failed:
        cluster.remove()
        raise
    file = Path(arguments.kubeconfig)
    file.touch(mode=0o600)
    file.write_text(cluster.admin_conf.read_text())
    _say(f'Set kubectl context to "kind-{cluster.name}"')


def _file(name: str) -> str:
    return Path(name).read_text() if name else ""


def _pull(state: State, image: str) -> None:
    _say(f" • Ensuring node image ({image}) 🖼  ...")
    words = state.fault("pull")
    if words is not None:
        _say(f" ✗ Ensuring node image ({image}) 🖼")
        raise Failed(
            f'failed to create cluster: failed to pull image "{image}": command "docker pull {image}" '
            f"failed with error: exit status 1\n\nCommand Output: {words}"
        )


def _make_nodes(state: State, cluster: ClusterDirectory, config: dict) -> None:
    """Make the nodes, and hang there while a test wants that; the file `creating` names this process."""
    _say(" • Preparing nodes 📦  ...")
    fresh = state.root / f"new-{os.getpid()}"
    fresh.mkdir(parents=True)
    (fresh / "config.json").write_text(json.dumps(config))
    cluster.path.parent.mkdir(exist_ok=True)
    fresh.rename(cluster.path)
    (state.root / "creating").write_text(str(os.getpid()))
    while state.fault("hang") is not None:
        time.sleep(0.01)


def _run_control_plane(state: State, cluster: ClusterDirectory) -> None:
    _say(" • Starting control-plane 🕹️  ...")
    if (words := state.fault("init")) is not None:
        command = (
            f"docker exec --privileged {cluster.name}-control-plane kubeadm init --config=/kind/kubeadm.conf"
        )
        raise Failed(
            f'failed to create cluster: failed to init node with kubeadm: command "{command}" failed with '
            f"error: exit status 1\n\nCommand Output: {words}"
        )
    with (cluster.path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "fakes.kind.controlplane", str(cluster.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (cluster.path / "pid").write_text(str(process.pid))
    deadline = time.monotonic() + START_SECONDS
    while not cluster.admin_conf.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failed(f"failed to create cluster: {(cluster.path / 'log').read_text()}")
        time.sleep(0.01)
    process.returncode = 0  # it is left to run, and nobody waits for it


def _delete(state: State, arguments: argparse.Namespace) -> None:
    _say(f'Deleting cluster "{arguments.name}" ...')
    file, cluster = Path(arguments.kubeconfig), state.cluster(arguments.name)
    if arguments.kubeconfig and file.exists():
        file.write_text("apiVersion: v1\nkind: Config\n")
    if (words := state.fault("delete")) is not None:
        raise Failed(
            f'failed to delete cluster "{arguments.name}": failed to delete nodes: command "docker rm -f -v" '
            f"failed with error: exit status 1\n\nCommand Output: {words}"
        )
    if cluster.path.exists():
        names = " ".join(f'"{name}"' for name in cluster.node_names())
        cluster.remove()
        _say(f"Deleted nodes: [{names}]")


def _load(state: State, arguments: argparse.Namespace) -> None:
    missing = (state.fault("images") or "").split()
    for image in arguments.images:
        if image in missing:
            raise Failed(f'image: "{image}" not present locally')
    cluster = state.cluster(arguments.name)
    if not cluster.path.exists():
        raise Failed(f'no nodes found for cluster "{arguments.name}"')
    images = dict.fromkeys([*cluster.images, *arguments.images])
    (cluster.path / "images").write_text("\n".join(images))


if __name__ == "__main__":
    sys.exit(main())
