"""Where a burst's files lie on this machine, and what of it runs: read from the disk and from /proc alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from burstd.core.errors import CertificateError, Never, NotNow
from burstd.join import brokerconfig, curve
from burstd.join.papers import Join
from burstd.plugins.local import processes
from burstd.plugins.local.broker import executables
from burstd.plugins.local.processes import Process

LOG_LIMIT = 256 * 1024
"""So much of a log is read, in bytes, from its end."""

_BURST = re.compile(r"(?P<pool>[^/]+)-g(?P<generation>[1-9]\d*)")
_PIECES = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of one burst: papers (`etc`), lease (`watch`), a rundir and a log for each host."""

    root: Path
    pool: str
    generation: int

    @property
    def directory(self) -> Path:
        return self.root / f"{self.pool}-g{self.generation}"

    @property
    def etc(self) -> Path:
        return self.directory / "etc"

    @property
    def watch(self) -> Path:
        return self.directory / "watch"

    def rundir(self, host: str) -> Path:
        return self.directory / host

    def lay_papers(self, join: Join, *, ignore_hostname: bool) -> None:
        """Write the broker.toml and a copy of the certificate, for the owner's eyes only.

        Raises Never where the certificate cannot be used, NotNow where the files cannot be written.
        """
        certificate = self.etc / "curve.cert"
        toml = brokerconfig.render_burst(join, str(certificate), ignore_hostname=ignore_hostname)
        _check(join.curve_cert)
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.directory.mkdir(mode=0o700, exist_ok=True)
            self.etc.mkdir(mode=0o700, exist_ok=True)
            self.watch.mkdir(mode=0o700, exist_ok=True)
            write_private(certificate, join.curve_cert.read_bytes())
            write_private(self.etc / "broker.toml", toml.encode())
        except OSError as exc:
            raise NotNow(f"{self.directory.name}: its files cannot be written: {exc}") from exc

    def running(self) -> dict[str, list[Process]]:
        """Return the brokers that run, by host."""
        found: dict[str, list[Process]] = defaultdict(list)
        for process in processes.find_by_argument(f"-Srundir={self.directory}/", executables()):
            host = process.token.rpartition("/")[2]
            if process.token == f"-Srundir={self.rundir(host)}":
                found[host].append(process)
        return found

    def logs(self) -> Iterator[tuple[str, str]]:
        """Yield each host that was ever started, with the last of what its broker wrote."""
        for path in sorted(self.directory.glob("*.log"), key=lambda one: _natural(one.name)):
            with suppress(FileNotFoundError), path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - LOG_LIMIT))
                yield path.name.removesuffix(".log"), file.read().decode(errors="replace")

    def certificate(self) -> str | None:
        """Return the certificate that the burst was given, None where it is gone."""
        try:
            return (self.etc / "curve.cert").read_text(errors="replace")
        except OSError:
            return None

    def hosts_on_disk(self) -> set[str]:
        """Return the hosts that have a log or a rundir, running or not."""
        own = (self.etc, self.watch)
        if not self.directory.exists():
            return set()
        return {path.name.removesuffix(".log") for path in self.directory.iterdir() if path not in own}


def placed(directory: Path) -> Place:
    """Return whose the directory of a burst is. Raises ValueError where its name is no burst's."""
    match = _BURST.fullmatch(directory.name)
    if match is None:
        raise ValueError(f"{directory} is not the directory of a burst")
    return Place(directory.parent, match["pool"], int(match["generation"]))


def owners(state_dir: Path) -> set[str]:
    """Return whose bursts have files under a directory of state."""
    folders = [path for path in state_dir.iterdir() if path.is_dir()] if state_dir.exists() else []
    return {root.name for root in folders if any(True for _ in places(root))}


def places(root: Path) -> Iterator[tuple[Place, tuple[str, ...]]]:
    """Yield every burst of an owner that has a process or a file here, with its hosts that run, in order."""
    running = _running(root)
    for pool, generation in sorted(running.keys() | set(_on_disk(root))):
        hosts = sorted(running.get((pool, generation), ()), key=_natural)
        yield Place(root, pool, generation), tuple(hosts)


def created(place: Place) -> float:
    """Return when a burst's directory was made, 0.0 where there is none any more."""
    try:
        return place.etc.stat().st_ctime
    except FileNotFoundError:
        return 0.0


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, from the first byte on, in one step; leave an equal one."""
    if path.exists() and path.read_bytes() == content:
        return
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600, exist_ok=False)
    new.write_bytes(content)
    new.replace(path)


def _check(certificate: Path) -> None:
    try:
        curve.read(certificate)
    except CertificateError as exc:
        raise Never(str(exc)) from exc


def _running(root: Path) -> dict[tuple[str, int], set[str]]:
    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    start = f"-Srundir={root}/"
    for process in processes.find_by_argument(start, executables()):
        burst, _, host = process.token.removeprefix(start).partition("/")
        match = _BURST.fullmatch(burst)
        if match and host and "/" not in host:
            found[match["pool"], int(match["generation"])].add(host)
    return found


def _on_disk(root: Path) -> Iterable[tuple[str, int]]:
    if not root.exists():
        return []
    names = (_BURST.fullmatch(path.name) for path in root.iterdir() if (path / "etc").is_dir())
    return [(match["pool"], int(match["generation"])) for match in names if match]


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort numbers in names by value, so that a pool's hosts come in its order."""
    pieces = _PIECES.split(name)
    return tuple((int(piece), "") if piece.isdigit() else (0, piece) for piece in pieces)
