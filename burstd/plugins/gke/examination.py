"""What a person has examined of Google Cloud for a pool: account, permissions, quota. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from burstd.core.errors import EffectError, Never
from burstd.core.findings import Check, Finding, State, failed, guarded, not_checked, ok, warning
from burstd.core.model import Pool
from burstd.plugins.gke import quota
from burstd.plugins.gke.cloud import Cloud
from burstd.plugins.gke.options import GkeOptions
from burstd.plugins.gke.rest import Rest
from burstd.plugins.gke.troubles import LOGIN, Unusable

PERMISSIONS = (
    *(f"container.clusters.{verb}" for verb in ("create", "delete", "get", "list", "update")),
    *("container.operations.get", "container.operations.list"),
    *("container.pods.list", "container.secrets.create", "container.namespaces.create"),
    *("container.clusterRoles.create", "container.customResourceDefinitions.create"),
)
"""What burstd does in the project, as far as roles grant it by permissions; roles/container.admin has all."""

QUOTA_PERMISSION = "compute.regions.get"


def of_cloud(
    cloud: Cloud, rest: Rest, options: GkeOptions, pool: Pool, up: Callable[[], int]
) -> Iterator[Finding]:
    """Yield the findings about the account and the project; `up` tells how many hosts the pool has by now."""
    found = tuple(guarded(Check.CREDENTIALS, _account(cloud, options)))
    yield from found
    if found[0].state is not State.OK:
        for check in (Check.PERMISSIONS, Check.QUOTA):
            yield not_checked(check, f"GKE cannot be used with project {options.project}")
        return
    yield from guarded(Check.PERMISSIONS, _permissions(rest, options))
    yield from guarded(Check.QUOTA, _quota(rest, options, pool.size, up))


def _account(cloud: Cloud, options: GkeOptions) -> Iterator[Finding]:
    try:
        listed = cloud.clusters(options.zone)
    except Unusable as exc:
        remedy = f"look at the option {exc.option}" if exc.option else f"renew them, as with {LOGIN}"
        yield failed(Check.CREDENTIALS, str(exc), remedy)
    except Never as exc:
        yield failed(Check.CREDENTIALS, str(exc), "look at project and zone of the pool")
    except EffectError as exc:
        yield failed(Check.CREDENTIALS, str(exc), "see that this machine reaches container.googleapis.com")
    else:
        count = len(listed.clusters)
        where = f"project {options.project}, {options.zone}"
        yield ok(Check.CREDENTIALS, f"GKE answers for {where}: {count} clusters are there")


def _permissions(rest: Rest, options: GkeOptions) -> Iterator[Finding]:
    try:
        missing = rest.lacking(PERMISSIONS)
    except Never as exc:
        remedy = "enable cloudresourcemanager.googleapis.com in the project to have them checked"
        yield not_checked(Check.PERMISSIONS, str(exc), remedy)
        return
    if missing:
        what = f"the account lacks in project {options.project}: {', '.join(missing)}"
        yield failed(Check.PERMISSIONS, what, "give it roles/container.admin there, or a role that has them")
    else:
        yield ok(Check.PERMISSIONS, f"the account has in project {options.project} the permissions it needs")


def _quota(rest: Rest, options: GkeOptions, size: int, up: Callable[[], int]) -> Iterator[Finding]:
    region = options.zone.rpartition("-")[0]
    try:
        known = rest.quotas(region)
    except Never as exc:
        remedy = f"to have it checked, give the account {QUOTA_PERMISSION} (roles/compute.viewer)"
        yield not_checked(Check.QUOTA, str(exc), remedy)
        return
    more = max(size - up(), 0)
    asked = quota.needs(options, more)
    short = [name for name, count in asked.items() if name in known and known[name].left < count]
    for name in short:
        left, limit = max(known[name].left, 0), known[name].limit
        what = f"of the quota {name} in {region} {left:g} of {limit:g} are left, and {asked[name]} are needed"
        remedy = f"ask for more under IAM & Admin, Quotas, or make the pool smaller than {size} hosts"
        yield warning(Check.QUOTA, what, remedy) if left > 0 else failed(Check.QUOTA, what, remedy)
    if not short:
        yield _enough(sorted(asked.keys() & known.keys()), region, more)


def _enough(names: list[str], region: str, more: int) -> Finding:
    if not any(name.endswith(("CPUS", "GPUS")) for name in names):
        what = f"{region} does not tell by the Compute API how many of these machines the project may have"
        return not_checked(Check.QUOTA, what, "look under IAM & Admin, Quotas")
    return ok(Check.QUOTA, f"{', '.join(names)} in {region} are enough for {more} more hosts")
