"""The life of one pod on its Node, as a thread: volumes, images, containers, and the end."""

from __future__ import annotations

import ctypes
import itertools
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burstd.plugins.local import launch, processes
from burstd.plugins.local.broker import Broker, executables
from fakes.operator import brokers, containers
from fakes.operator.containers import Patience, Program
from fakes.operator.environment import MissingSource, environment_of
from fakes.operator.objects import Object, Objects, now
from fakes.operator.podstatus import Ended, PodStatus
from fakes.operator.settings import Ground, ImageBehaviour
from fakes.operator.stopping import Stopped, Stopping
from fakes.operator.volumes import Unmountable, Volumes, translate

_CLONE_NEWUTS = 0x04000000
_LONGEST_PAUSE_SECONDS = 300.0
_KILL_SECONDS = 5.0
_SCRIPTS = "/flux_operator/"


@dataclass(frozen=True, slots=True)
class Node:
    """What the pods of a Node share: its images; of a cluster: logs, and the ports of its MiniClusters."""

    images: set[tuple[str, str]]
    logs: MutableMapping[tuple[str, str, str], str]
    port: Callable[[str], int]


class PodLife(threading.Thread):
    """Runs a pod until it is over or told to stop; then nothing of it runs, and `over` is set."""

    def __init__(
        self,
        objects: Objects,
        ground: Ground,
        node: Node,
        pod: Object,
        directory: Path,
        wake: Callable[[], None],
    ) -> None:
        super().__init__(name=f"pod {pod['metadata']['name']}", daemon=True)
        self.pod = pod
        self.directory = directory
        self.over = threading.Event()
        self._objects = objects
        self._ground = ground
        self._node = node
        self._wake = wake
        self._stopping = Stopping()
        self._patience = Patience(ground.delays.grace, not ground.deaf)
        self._status = PodStatus(objects, pod)
        self._volumes = Volumes(directory, pod)
        self._broker = self._find_broker()

    def stop(self, *, at_once: bool = False) -> None:
        """Tell the pod to go: with SIGTERM first, or `at_once`, as with the Node under it."""
        if at_once:
            self._patience = Patience(0)
        self._stopping.set()

    def note_change(self) -> None:
        """Look again at what the pod waits for, if anything."""
        self._stopping.note_change()

    def discard(self) -> None:
        """Wait for the end of a pod that was told to stop, or is over, and take its files away."""
        self.join()
        self._stopping.close()
        launch.remove_tree(self.directory)

    def run(self) -> None:
        try:
            if self._ground.uts:
                _enter_namespace(self._hostname)
            self._live()
        except Stopped:
            pass
        finally:
            self._clear()
            self.over.set()
            self._wake()

    @property
    def _hostname(self) -> str:
        return str(self.pod["spec"].get("hostname") or self.pod["metadata"]["name"])

    def _live(self) -> None:
        self._status.publish()
        self._mount()
        spec = self.pod["spec"]
        for container in spec.get("initContainers") or []:
            self._keep(container, first=True)
        if self._broker is not None:
            owner = self.pod["metadata"]["ownerReferences"][0]["uid"]
            brokers.adapt(self._broker, self._node.port(owner), self._ground.uts)
        with ThreadPoolExecutor(max_workers=len(spec["containers"])) as pool:
            list(pool.map(self._keep, spec["containers"]))

    def _mount(self) -> None:
        """Lay the volumes; wait for what is missing."""
        self.directory.mkdir(mode=0o700, parents=True)
        for name in ("bin", "tmp", "home"):
            (self.directory / name).mkdir()
        said = ""
        while True:
            try:
                self._volumes.lay(self._objects, self._ground.private)
            except Unmountable as exc:
                if str(exc) != said:
                    self._objects.note(self.pod, "FailedMount", str(exc))
                said = str(exc)
                self._stopping.wait_for_change()
            else:
                break
        self._lay_commands()

    def _lay_commands(self) -> None:
        """Put `flux` on the pod's PATH, and `hostname` where the pod has no name of its own."""
        if self._broker is not None:
            _write_command(self.directory / "bin/flux", brokers.flux_command(self._broker))
        if not self._ground.uts:
            _write_command(self.directory / "bin/hostname", f"#!/bin/sh\necho {self._hostname}\n")

    def _find_broker(self) -> Broker | None:
        """Return the broker of a pod that the operator's scripts run in."""
        spec = self.pod["spec"]
        if not any(_runs_script(one) for one in spec["containers"]) or not spec.get("initContainers"):
            return None
        view = self._volumes.of(spec["initContainers"][0]["name"])
        return brokers.broker_of(view, self._hostname, self._ground)

    def _keep(self, container: Mapping[str, Any], first: bool = False) -> None:
        """Run a container until it ended for good. A pod whose init container failed never goes on."""
        name, pauses = container["name"], itertools.chain([0.0], self._pauses())
        policy = self.pod["spec"].get("restartPolicy", "Always")
        while True:
            self._pull(container)
            ended = self._run_once(container, first)
            again = ended.code != 0 if first or policy == "OnFailure" else True
            if policy == "Never" or not again:
                self._status.end(name, ended)
                break
            self._restart(name, ended, next(pauses))
        if first and ended.code:
            raise Stopped

    def _restart(self, name: str, ended: Ended, pause: float) -> None:
        metadata = self.pod["metadata"]
        full = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        text = f"back-off {pause:g}s restarting failed container={name} pod={full}"
        self._status.restart(name, ended, text if pause else "")
        if pause:
            said = f"Back-off restarting failed container {name} in pod {full}"
            self._objects.note(self.pod, "BackOff", said)
        self._stopping.pause(pause)

    def _pull(self, container: Mapping[str, Any]) -> None:
        """Have the image on the Node."""
        image, key = container.get("image", ""), (self.pod["spec"]["nodeName"], container.get("image", ""))
        if key in self._node.images and container.get("imagePullPolicy") != "Always":
            return
        for pause in self._pauses():
            behaviour = self._ground.image(image)
            if behaviour is not None:
                self._stopping.pause(self._ground.delays.pull if behaviour.pull is None else behaviour.pull)
            if behaviour is not None and not behaviour.refusal:
                self._node.images.add(key)
                return
            self._refuse_image(container["name"], image, behaviour.refusal if behaviour else "")
            self._stopping.pause(pause)

    def _refuse_image(self, name: str, image: str, refusal: str) -> None:
        why = refusal or f'failed to resolve reference "{image}": {image}: not found'
        text = f'failed to pull and unpack image "{image}": {why}'
        self._status.wait(name, "ErrImagePull", text)
        self._objects.note(self.pod, "Failed", f'Failed to pull image "{image}": {text}')
        self._status.wait(name, "ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {text}')

    def _pauses(self) -> Iterator[float]:
        pause = self._ground.delays.back_off
        while True:
            yield pause
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _run_once(self, container: Mapping[str, Any], first: bool) -> Ended:
        started, log = now(), self._volumes.termination_log(container["name"])
        log.unlink(missing_ok=True)
        behaviour = self._ground.image(container.get("image", "")) or ImageBehaviour()
        argv = list(container.get("command") or []) if _runs_script(container) else list(behaviour.entrypoint)
        self._stopping.pause(self._ground.delays.start)
        if argv:
            code = self._run_program(container, argv)
        else:
            code = self._pretend(container["name"], behaviour, first)
        message = log.read_text(errors="replace") if log.exists() else ""
        return Ended(code, started, now(), message)

    def _run_program(self, container: Mapping[str, Any], argv: list[str]) -> int:
        name = container["name"]
        paths = self._volumes.paths(container, self._ground.private)
        words = [self._translated(name, translate(word, paths), paths) for word in argv]
        program = Program(words, self._environment(container, paths), self.directory / "home")
        self._forget_log(name)
        return containers.run(
            program,
            lambda line: self._hear(name, line),
            lambda: self._status.run(name),
            self._stopping,
            lambda: self._patience,
        )

    def _translated(self, name: str, word: str, paths: Mapping[str, str]) -> str:
        """Return a word of a command; of a script in a volume, the path of its translation."""
        if not word.endswith(".sh") or not Path(word).exists():
            return word
        script = self.directory / f"{name}.sh"
        script.write_text(translate(Path(word).read_text(), paths))
        return str(script)

    def _environment(self, container: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, str]:
        """Return a container's environment; wait for the Secrets it names."""
        while True:
            try:
                given = environment_of(self.pod, container, self._objects)
            except MissingSource as exc:
                self._status.wait(container["name"], "CreateContainerConfigError", str(exc))
                self._stopping.wait_for_change()
                continue
            given = {key: translate(value, paths) for key, value in given.items()}
            surroundings = self._broker.environment() if self._broker else dict(os.environ)
            own = {"HOSTNAME": self._hostname, "HOME": str(self.directory / "home")}
            own |= {
                "TMPDIR": str(self.directory / "tmp"),
                "PATH": f"{self.directory}/bin:{os.environ['PATH']}",
            }
            return surroundings | own | given

    def _pretend(self, name: str, behaviour: ImageBehaviour, first: bool) -> int:
        """Be a container for which nothing is started."""
        self._forget_log(name)
        self._status.run(name)
        self._hear(name, behaviour.output)
        always = self.pod["spec"].get("restartPolicy", "Always") == "Always"
        if behaviour.exit_code is None and always and not first:
            self._stopping.pause_for_ever()
        return behaviour.exit_code or 0

    def _hear(self, name: str, line: str) -> None:
        self._node.logs[self._log_key(name)] = self._node.logs.get(self._log_key(name), "") + line

    def _forget_log(self, name: str) -> None:
        self._node.logs[self._log_key(name)] = ""

    def _log_key(self, name: str) -> tuple[str, str, str]:
        return self.pod["metadata"]["namespace"], self.pod["metadata"]["name"], name

    def _clear(self) -> None:
        """End what the containers left behind."""
        if self._broker is None:
            return
        token = self._broker.token
        processes.kill(lambda: processes.find_by_argument(token, executables()), _KILL_SECONDS)
        launch.clear([self._broker])


def _runs_script(container: Mapping[str, Any]) -> bool:
    return any(word.startswith(_SCRIPTS) for word in container.get("command") or [])


def _write_command(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o700)


def _enter_namespace(hostname: str) -> None:
    """Put the calling thread, and what it starts, into a UTS namespace of its own: unshare(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUTS) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    socket.sethostname(hostname)
