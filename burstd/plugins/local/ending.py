"""Takes brokers of this machine away, with what their jobs left behind and with their files."""

from __future__ import annotations

from collections.abc import Iterable

from burstd.core.errors import NotNow
from burstd.plugins.local import launch, processes
from burstd.plugins.local.broker import Broker
from burstd.plugins.local.site import Place

_KILL_SECONDS = 5.0


def stop(place: Place, hosts: Iterable[str], seconds: float) -> None:
    """End the brokers of these hosts all at once, then what their jobs left behind. Raises NotNow.

    They have `seconds` to end in order; then they are killed.
    """
    gone = sorted(hosts)
    if not gone:
        return

    def find() -> list[processes.Process]:
        running = place.running()
        return [process for host in gone for process in running.get(host, ())]

    left = processes.stop(find, seconds, _KILL_SECONDS)
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        raise NotNow(f"{place.directory.name}: brokers do not end, even when killed: pid {pids}")
    launch.clear([broker(place, host) for host in gone])


def has_jobs(place: Place) -> bool:
    """Say whether a process of a job runs on one of the burst's brokers."""
    hosts = place.running().keys() | place.hosts_on_disk()
    traces = [trace for host in sorted(hosts) for trace in broker(place, host).traces()]
    return bool(traces) and any(True for _ in processes.find_of_jobs(traces))


def broker(place: Place, host: str) -> Broker:
    """Return a broker as far as its files and traces go: they are the same for both kinds."""
    return Broker("real", place.etc, place.rundir(host), host)
