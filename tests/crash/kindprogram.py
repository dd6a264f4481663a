"""The program `kind` as a run has it: a shell script that asks this process, in which the clusters are.

What Python itself would take to start is saved at each of the many runs. Words and exit codes are kind's.
"""

from __future__ import annotations

import os
import shlex
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import yaml

from crash.clusters import Ear, QuickOperator, WatchedServer

_SCRIPT = """#!/bin/sh
cd {here} || exit 1
mkfifo "$$.answer"
case "$*" in *'--config -'*) cat > "$$.config" ;; esac
echo "$$ $*" > asked
read -r code < "$$.answer"
cat "$$.words" >&2
cat "$$.output"
rm -f "$$".*
exit "$code"
"""

_STATUS = {"conditions": [{"type": "Ready", "status": "True"}]}


class Cluster:
    """One cluster: its nodes, and an API server where its making came to its end."""

    def __init__(self, name: str, nodes: list[dict[str, Any]]) -> None:
        self.name = name
        self.nodes = nodes
        self.api: WatchedServer | None = None
        self.kubeconfig = ""
        self._stack = ExitStack()

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.nodes[0].get("labels") or {})

    def start(self, ear: Ear, directory: Path) -> None:
        """Have the control plane run."""
        self.api = self._stack.enter_context(WatchedServer(ear))
        self._stack.enter_context(QuickOperator(self.api.store, directory, needs_deployment=True))
        for index, node in enumerate(self.nodes):
            metadata = {"name": f"{self.name}-{index}", "labels": node.get("labels") or {}}
            self.api.store.create("nodes", {"metadata": metadata, "spec": {}, "status": _STATUS})
        file = self.api.write_kubeconfig(directory / f"{self.name}.conf")
        self.kubeconfig = file.read_text()

    def close(self) -> None:
        self._stack.close()


class KindProgram:
    """Answers one call after another for as long as the context lasts."""

    def __init__(self, ear: Ear, directory: Path) -> None:
        self.clusters: dict[str, Cluster] = {}
        self.bin = directory / "bin"
        self._ear = ear
        self._here = directory / "calls"
        self._directory = directory
        self._thread = threading.Thread(target=self._serve, name="kind", daemon=True)

    def __enter__(self) -> KindProgram:
        for folder in (self.bin, self._here):
            folder.mkdir()
        os.mkfifo(self._here / "asked")
        program = self.bin / "kind"
        program.write_text(_SCRIPT.format(here=shlex.quote(str(self._here))))
        program.chmod(0o755)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        (self._here / "asked").write_text("end\n")
        self._thread.join()
        for cluster in self.clusters.values():
            cluster.close()

    def make(self, name: str, owner_labels: dict[str, str]) -> Cluster:
        """Make a cluster that burstd did not make."""
        return self._make(name, [{"role": "control-plane", "labels": owner_labels}], whole=True)

    def _serve(self) -> None:
        with (self._here / "asked").open() as asked, (self._here / "asked").open("w"):
            for line in asked:
                number, *words = line.split()
                if number == "end":
                    return
                self._reply(number, *self._call(number, words))

    def _reply(self, number: str, code: int, output: str) -> None:
        kept = ("output", "words") if code == 0 else ("words", "output")
        for name, text in zip(kept, (output, ""), strict=True):
            (self._here / f"{number}.{name}").write_text(text)
        with suppress(BrokenPipeError):
            (self._here / f"{number}.answer").write_text(f"{code}\n")

    def _call(self, number: str, words: list[str]) -> tuple[int, str]:
        """Do what is asked for; return the exit code, and what is said."""
        if self._ear.deaf:
            return 1, "ERROR: burstd is dead\n"
        if words[:2] == ["get", "clusters"]:
            return 0, "".join(f"{name}\n" for name in sorted(self.clusters))
        name = words[words.index("--name") + 1]
        if words[:2] == ["get", "kubeconfig"]:
            return self._kubeconfig(name)
        dies = self._ear.told(name)
        code, said = self._create(name, number, dies) if words[0] == "create" else self._delete(name)
        self._ear.deaf = dies
        return (1, "ERROR: burstd is dead\n") if dies else (code, said)

    def _kubeconfig(self, name: str) -> tuple[int, str]:
        cluster = self.clusters.get(name)
        if cluster is None:
            return 1, f"ERROR: could not locate any control plane nodes for cluster named '{name}'\n"
        if not cluster.kubeconfig:
            return 1, "ERROR: failed to get cluster internal kubeconfig: No such file or directory\n"
        return 0, cluster.kubeconfig

    def _create(self, name: str, number: str, dies: bool) -> tuple[int, str]:
        """Make a cluster; where the machine dies with burstd, of its nodes no control plane ever comes."""
        if name in self.clusters:
            words = f'node(s) already exist for a cluster with the name "{name}"'
            return 1, f"ERROR: failed to create cluster: {words}\n"
        config = yaml.safe_load((self._here / f"{number}.config").read_text())
        self._make(name, config["nodes"], whole=not dies)
        return 0, ""

    def _make(self, name: str, nodes: list[dict[str, Any]], *, whole: bool) -> Cluster:
        made = self.clusters[name] = Cluster(name, nodes)
        if whole:
            made.start(self._ear, self._directory)
        return made

    def _delete(self, name: str) -> tuple[int, str]:
        cluster = self.clusters.pop(name, None)
        if cluster is not None:
            cluster.close()
        return 0, ""
