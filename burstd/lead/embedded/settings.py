"""What a broker is told: its argv, which mirrors `flux broker`, and its broker.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burstd.core.errors import BurstdError
from burstd.core.hosts import expand, parse_idset
from burstd.lead.embedded.sched import Mode

_OPTIONS = {"rundir", "hostname", "sched", "log-filename", "cores"}


class SettingsError(BurstdError):
    """The argv or the broker.toml cannot be used; the process ends."""


@dataclass(frozen=True, slots=True)
class HostShape:
    """What `[[resource.config]]` declares of one host."""

    cores: frozenset[int] = frozenset()
    gpus: frozenset[int] = frozenset()
    properties: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Argv:
    """`--config-path=DIR -Srundir=DIR -Shostname=NAME [-Ssched=MODE] [-Slog-filename=FILE] [-Scores=N]`.

    `cores` stands in for the number of cores of this machine, for tests alone; 0: count them.
    """

    config_path: Path
    rundir: Path
    hostname: str
    sched: Mode = Mode.FIFO
    log_filename: str = ""
    cores: int = 0


@dataclass(frozen=True, slots=True)
class BrokerFile:
    """A broker.toml, read as Flux reads it. `shapes` is empty where it has no `[[resource.config]]`."""

    tables: Mapping[str, Any]
    hosts: tuple[str, ...]
    bind: str
    connect: str
    curve_cert: Path
    ignore_hostname: bool
    noverify: bool
    shapes: Mapping[str, HostShape] = field(default_factory=dict)

    def rank(self, host: str) -> int:
        """Return the rank of a host. Raises SettingsError when it is not in `hosts`."""
        if host not in self.hosts:
            text = "bootstrap: config: initialize: Config file error [bootstrap]"
            raise SettingsError(f"{text}: {host} not found in hosts")
        return self.hosts.index(host)


def read_argv(argv: Sequence[str]) -> Argv:
    """Return what the command line says. Raises SettingsError, naming the option."""
    config_path, options = "", {}
    for word in argv:
        name, found, value = word.partition("=")
        if found and name == "--config-path":
            config_path = value
        elif found and name.startswith("-S") and name[2:] in _OPTIONS:
            options[name[2:]] = value
        else:
            raise SettingsError(f"unknown option {word!r}: see {__package__}.settings for those there are")
    for name in ("rundir", "hostname"):
        if not options.get(name):
            raise SettingsError(f"-S{name}=… is missing: each broker needs one of its own")
    if not config_path:
        raise SettingsError("--config-path=DIR is missing: it names the folder that holds broker.toml")
    return _argv(config_path, options)


def _argv(config_path: str, options: Mapping[str, str]) -> Argv:
    mode, cores = options.get("sched", Mode.FIFO.value), options.get("cores", "0")
    if mode not in set(Mode):
        raise SettingsError(f"-Ssched={mode}: there is fifo, easy and fcfs")
    if not cores.isdigit():
        raise SettingsError(f"-Scores={cores}: a number of cores is wanted")
    rundir, log = Path(options["rundir"]), options.get("log-filename", "")
    return Argv(Path(config_path), rundir, options["hostname"], Mode(mode), log, int(cores))


def read_broker_file(folder: Path) -> BrokerFile:
    """Read `broker.toml` in a folder. Raises SettingsError, naming the file and the key."""
    path = folder / "broker.toml"
    try:
        tables = tomllib.loads(path.read_text())
        return _broker_file(tables)
    except OSError as exc:
        raise SettingsError(f"{path}: {exc.strerror}") from exc
    except KeyError as exc:
        raise SettingsError(f"{path}: {exc} is missing in [bootstrap] or in an entry of a list") from exc
    except (ValueError, TypeError, AttributeError) as exc:
        raise SettingsError(f"{path}: {exc}") from exc


def _broker_file(tables: Mapping[str, Any]) -> BrokerFile:
    bootstrap, resource = tables["bootstrap"], tables.get("resource", {})
    entries = [(host, entry) for entry in bootstrap["hosts"] for host in expand(entry["host"])]
    if not entries:
        raise ValueError("[bootstrap] has no hosts")
    lead, entry = entries[0]
    return BrokerFile(
        tables=tables,
        hosts=tuple(host for host, _ in entries),
        bind=_uri(bootstrap, entry, "bind", lead),
        connect=_uri(bootstrap, entry, "connect", lead),
        curve_cert=Path(bootstrap["curve_cert"]),
        ignore_hostname=resource.get("verify", {}).get("hostname") == "ignore",
        noverify=bool(resource.get("noverify", False)),
        shapes=_shapes(resource.get("config", [])),
    )


def _uri(bootstrap: Mapping[str, Any], entry: Mapping[str, Any], key: str, host: str) -> str:
    """Return the lead's `bind` or `connect`, or the default of [bootstrap] with %h and %p filled in."""
    uri = entry.get(key) or bootstrap.get(f"default_{key}", "")
    return str(uri).replace("%h", host).replace("%p", str(bootstrap.get("default_port", "")))


def _shapes(entries: Sequence[Mapping[str, Any]]) -> dict[str, HostShape]:
    """Return the shape of each host; entries that name a host twice add up."""
    shapes: dict[str, HostShape] = {}
    for entry in entries:
        cores = frozenset(parse_idset(entry.get("cores", "")))
        gpus = frozenset(parse_idset(entry.get("gpus", "")))
        properties = frozenset(map(str, entry.get("properties", [])))
        for host in expand(entry["hosts"]):
            old = shapes.get(host, HostShape())
            merged = HostShape(old.cores | cores, old.gpus | gpus, old.properties | properties)
            shapes[host] = merged
    return shapes
