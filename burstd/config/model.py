"""The settings of burstd.yaml. `docs/configuration.md` is generated from the descriptions here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from burstd.config.fields import (
    NAME_LIMIT,
    POOL_LIMIT,
    Dollars,
    File,
    Hostlist,
    HostName,
    Label,
    Prefixes,
    Price,
    Properties,
    Queue,
    Seconds,
    Section,
    shown_default,
)
from burstd.config.guests import GuestsConfig
from burstd.config.http import HttpConfig
from burstd.config.lease import LeaseConfig
from burstd.config.limits import LimitsConfig
from burstd.config.minicluster import MiniClusterConfig
from burstd.config.notify import HookConfig
from burstd.core.model import Placement

AUTO = "auto"
"""The `lead.host` that means: read it from the lead's Service."""

LAST_GENERATION = 99_999_999

OnExit = Literal["keep", "down"]
"""What becomes of bursts when burstd is stopped."""

PAID_LIFETIME_SECONDS = 14_400.0


def _default_state_dir() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "burstd"


def _default_uri() -> str:
    return os.environ.get("FLUX_URI", "")


class LeadConfig(Section):
    """The lead: the Flux instance that burstd serves, and what a remote broker needs to be let in."""

    uri: str = Field(
        default_factory=_default_uri,
        description="Where burstd itself connects, as Flux writes it: `local:///run/flux/local`, or "
        "`embedded:///path` for the embedded instance. It must be the lead's rank 0 broker. "
        "When it is empty, Flux's own default socket is tried.",
        json_schema_extra=shown_default("`$FLUX_URI`, as for every Flux tool"),
    )
    host: HostName | None = Field(
        default=None,
        description="The host name or address at which remote brokers reach the lead's rank 0 broker. Only "
        "you know it: what the lead binds to is seldom what the other side must dial. `auto`, for a lead on "
        "Kubernetes, reads it from the Service that `lead.minicluster` names. It may be left out "
        "for pools of provider `local`, which take it from the `connect` of the lead's own `[bootstrap]`.",
    )
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="The TCP port at which remote brokers reach the lead's rank 0 broker. It may be left out "
        "where `host` may.",
    )
    size: int | None = Field(
        default=None,
        ge=1,
        le=POOL_LIMIT,
        description="How many hosts of its own the lead declares, up or not: the first ones of its hostlist. "
        "Ranks are positions in that list, so a wrong number here means wrong ranks; it is checked.",
        json_schema_extra=shown_default("not checked: all hosts that are in no pool are the lead's"),
    )
    hosts: Hostlist | None = Field(
        default=None,
        description="The lead's own hosts as an RFC 29 hostlist, such as `flux-sample-[0-3]`. Only "
        "`burstd render lead-toml` without `--base` needs it; the daemon reads the hosts from the lead.",
    )
    cores: int | None = Field(
        default=None,
        ge=1,
        description="Cores of each of the lead's own hosts, for `burstd render lead-toml` without `--base`.",
    )
    gpus: int = Field(
        default=0,
        ge=0,
        description="Gpus of each of the lead's own hosts, for `burstd render lead-toml` without `--base`.",
    )
    properties: Properties = Field(
        default=(),
        description="Flux properties of the lead's own hosts beside `local`, which they always get, for "
        "`burstd render lead-toml` without `--base`.",
        json_schema_extra=shown_default("none"),
    )
    start_queues: Annotated[tuple[Queue, ...], Field(strict=False)] = Field(
        default=(),
        description="Queues of the lead that burstd starts, such as `[batch, mixed]`. In Flux named queues "
        "start stopped; burstd starts each of these once in each generation of the lead's broker, and only "
        "if it is stopped without a reason, so what an administrator stops stays stopped. Pools' queues do "
        "not belong here: burstd starts and stops them as their hosts come and go.",
        json_schema_extra=shown_default("none: `flux queue start` does it by hand"),
    )
    curve_cert: File | None = Field(
        default=None,
        description="Path of the CURVE certificate that all brokers of the instance share. Nobody but its "
        "owner may read it (mode 0600): who has it can join the instance.",
        json_schema_extra=shown_default("the path in the lead's own `[bootstrap]`, as burstd runs beside it"),
    )
    munge_key: File | None = Field(
        default=None,
        description="Path of the munge key that remote hosts get, where the site's images use munge. "
        "It is a secret: mode 0600, readable by burstd.",
        json_schema_extra=shown_default("none: brokers authenticate each other by the certificate"),
    )
    curve_cert_secret_name: Label | None = Field(
        default=None,
        description="Name of a Kubernetes Secret at the site that holds the certificate already. Only "
        "providers that make Kubernetes sites use it.",
        json_schema_extra=shown_default("burstd makes the Secret from `curve_cert`"),
    )
    munge_key_secret_name: Label | None = Field(
        default=None,
        description="Name of a Kubernetes Secret at the site that holds the munge key already. Only "
        "providers that make Kubernetes sites use it.",
        json_schema_extra=shown_default("burstd makes the Secret from `munge_key`, if there is one"),
    )
    image: str = Field(
        default="",
        description="The image in which the lead's brokers run, where it runs in containers: what pools take "
        "that name none, since a lead lets in only brokers of its own Flux version.",
    )
    flux_image: str = Field(
        default="",
        description="The image from which the Flux Operator takes the lead's Flux (its Flux view), for pools "
        "that name none.",
    )
    minicluster: MiniClusterConfig = Field(
        default_factory=MiniClusterConfig,
        description="The lead as a MiniCluster of the Flux Operator, for `burstd render lead` and for "
        "`lead.host: auto`.",
    )


class PoolConfig(Section):
    """One declared range of remote hosts: one shape, one provider, one price."""

    name: Label = Field(
        default="burst-0",
        description="What the pool is called, in lower-case letters, digits and dashes. The Flux Operator "
        "names hosts after it (`<name>-0`, `<name>-1`, …), so it is the prefix of the pool's hosts too. "
        "The default is the name that Flux's own bursting plugins make.",
    )
    provider: str = Field(
        default="local",
        min_length=1,
        description="Who makes the pool's hosts. `local` starts brokers as processes of this machine and "
        "costs nothing, therefore it is the default. Others come as plugins.",
    )
    hosts: Hostlist | None = Field(
        default=None,
        description="The pool's hosts as an RFC 29 hostlist, in the order of the lead's own hostlist.",
        json_schema_extra=shown_default("all hosts `<name>-<number>` of the lead's hostlist"),
    )
    size: int | None = Field(
        default=None,
        ge=1,
        le=POOL_LIMIT,
        description="How many of the hosts burstd may use, from the first on. No more than are declared.",
        json_schema_extra=shown_default("all of them"),
    )
    cores: int | None = Field(
        default=None,
        ge=1,
        description="Cores of one host. What the lead's resource set (R) says is what counts; a number here "
        "must agree with it. `burstd render lead-toml` needs it.",
        json_schema_extra=shown_default("what the lead's R says"),
    )
    gpus: int | None = Field(
        default=None,
        ge=0,
        description="Gpus of one host; must agree with the lead's R.",
        json_schema_extra=shown_default("what the lead's R says"),
    )
    properties: Properties | None = Field(
        default=None,
        description="Flux properties of the hosts, such as `[burst]`, beside the pool's own name, which "
        "`burstd render lead-toml` always adds; must agree with the lead's R. Jobs and queues ask for hosts "
        "by these.",
        json_schema_extra=shown_default("what the lead's R says"),
    )
    placement: Annotated[Placement, Field(strict=False)] | None = Field(
        default=None,
        description="How the pool's jobs are placed, where they do not say themselves: `pool`, whole in this "
        "pool, or `mixed`, over it and the lead's own free hosts.",
        json_schema_extra=shown_default("the `placement` of the whole lead"),
    )
    multi_user: bool = Field(
        default=False,
        description="Whether the pool serves the jobs of every user. An instance that admits guests "
        "(`access.allow-guest-user`) would let each of them spend its owner's money, so that without this "
        "only jobs of the instance owner make hosts appear. Flux itself lets any job run on hosts that are "
        "up.",
        json_schema_extra=shown_default("`false`: those of the instance owner"),
    )
    shares_files: bool | None = Field(
        default=None,
        description="Whether the pool's hosts see the lead's files at the same paths, as over a shared file "
        "system. Where they do not, a job's working directory is missing there, and Flux runs the job in "
        "`/tmp`; burstd says so to the jobs' users, and makes the directory where `cwd_prefixes` allow it.",
        json_schema_extra=shown_default("`true` for provider `local`, `false` for others"),
    )
    cwd_prefixes: Prefixes = Field(
        default=(),
        description="Paths under which burstd makes the working directories of waiting jobs on the pool's "
        "hosts, empty, each its job's user's, such as `[/home, /scratch]`. A prefix should be the directory "
        "in which users have their own: it and what is above it is not given to any of them. What exists is "
        "left as it is, and no symbolic link is followed. [More about files](files.md).",
        json_schema_extra=shown_default("none: no directory is made"),
    )
    queue: str = Field(
        default="",
        description="The pool's own queue in Flux, for its hosts and no others. burstd stops it while no "
        "host of the pool is up, and moves burstable jobs there that shall run on this pool alone. The lead "
        "must have a queue of this name.",
        json_schema_extra=shown_default("the queue named as the pool, if the lead has one"),
    )
    idle_seconds: float = Field(
        default=300.0,
        ge=0,
        description="Seconds without a job after which a host is drained and released. Five minutes: long "
        "enough for the next job of a series to find the host, short against what a machine takes to start.",
    )
    provision_seconds: Seconds = Field(
        default=900.0,
        description="Seconds that making the site may take before the burst counts as failed. A Kubernetes "
        "cluster takes some minutes; a quarter of an hour means that something is wrong.",
    )
    launch_seconds: Seconds = Field(
        default=600.0,
        description="Seconds that starting brokers on the site may take, images pulled and all.",
    )
    join_seconds: Seconds = Field(
        default=300.0,
        description="Seconds that started brokers may take to join the lead. A broker that cannot join tries "
        "for ever and stays silent, so somebody must give up for it.",
    )
    cooldown_seconds: float = Field(
        default=60.0,
        ge=0,
        description="Seconds that a pool rests after a burst failed, so that a fault is not repeated, and "
        "paid for, in a tight circle.",
    )
    drain_seconds: Seconds = Field(
        default=600.0,
        description="Seconds that running jobs may take to end once their hosts are drained for a release.",
    )
    max_lifetime_seconds: Seconds | None = Field(
        default=None,
        description="Seconds after which a burst is drained and released whatever it does. A paid pool "
        "always has such an end: `null` is refused there.",
        json_schema_extra=shown_default("14400 (four hours) for paid providers, none for others"),
    )
    cost_per_hour: Price | None = Field(
        default=None,
        description="What one host costs in an hour, in dollars, by your cloud's price list. A pool with "
        "a price "
        "counts as paid, whoever provides it. With a cap in dollars every paid pool needs it.",
        json_schema_extra=shown_default("not known: what it costs is not told"),
    )
    cluster_cost_per_hour: Price = Field(
        default=0.0,
        description="What a burst costs in an hour beside its hosts, in dollars: a cluster's fee, its "
        "system hosts.",
    )
    dollars_per_day: Dollars | None = Field(
        default=None,
        description="How many dollars the pool may cost in a day, UTC, beside the caps over all pools.",
        json_schema_extra=shown_default("no such cap"),
    )
    probe: bool | None = Field(
        default=None,
        description="Whether the first burst begins with one host while nothing that is made as this "
        "configuration says has ever served: a mistake then costs one host. It grows once that host joined.",
        json_schema_extra=shown_default("`true` for paid pools"),
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="The provider's own settings; it checks them itself. Relative paths among them count "
        "from the directory in which burstd is started.",
        json_schema_extra=shown_default("`{}`"),
    )


class Config(Section):
    """Everything a person decides about burstd."""

    owner: Label = Field(
        default="burstd",
        description="Whose sites and drains these are. Everything that burstd makes is labelled with it, and "
        "nothing that bears another owner is ever touched: two daemons need two owners.",
    )
    cluster_name: Label | None = Field(
        default=None,
        description="How the names of sites begin: `<cluster_name>-<pool>-g<N>` for the pool's N-th burst. "
        f"Such a name must fit {NAME_LIMIT} characters with eight digits for N.",
        json_schema_extra=shown_default("the same as `owner`"),
    )
    state_dir: File = Field(
        default_factory=_default_state_dir,
        description="Where burstd keeps its ledger, and what providers write, logs for instance.",
        json_schema_extra=shown_default("`$XDG_STATE_HOME/burstd`, or `~/.local/state/burstd`"),
    )
    placement: Annotated[Placement, Field(strict=False)] = Field(
        default=Placement.POOL,
        description="`pool`: a burst is made only when one pool can take the whole job, so that its tasks "
        "are near each other. `mixed`: a job may spread over pools and the lead's own free hosts, and "
        "`burstd render lead-toml` writes a queue `batch` that requires nothing: any job in it may then run "
        'on burst hosts, paid ones too. One job asks for it with `burstable={"placement":"mixed"}`.',
        json_schema_extra=shown_default("`pool`"),
    )
    on_exit: OnExit = Field(
        default="keep",
        description="What SIGTERM does with bursts. `keep`: they stay, and the next start takes them up, "
        "so that "
        "an upgrade of burstd costs no job. `down`: they are drained and removed first, each within its "
        "pool's "
        "`drain_seconds`; a second SIGTERM ends burstd at once.",
    )
    lead: LeadConfig = Field(default_factory=LeadConfig, description="The Flux instance that burstd serves.")
    limits: LimitsConfig = Field(default_factory=LimitsConfig, description="Caps over all paid pools.")
    lease: LeaseConfig = Field(
        default_factory=LeaseConfig, description="What ends a burst whose burstd is silent."
    )
    guests: GuestsConfig = Field(
        default_factory=GuestsConfig, description="What other users of the machine may ask."
    )
    http: HttpConfig = Field(default_factory=HttpConfig, description="What burstd tells over HTTP.")
    notify: Annotated[tuple[HookConfig, ...], Field(strict=False)] = Field(
        default=(),
        description="Who is told of what happens, by a command or over HTTPS: "
        "[Notifications](notifications.md).",
        json_schema_extra=shown_default("nobody"),
    )
    pools: Annotated[tuple[PoolConfig, ...], Field(strict=False, min_length=1)] = Field(
        default=(PoolConfig(),),
        description="The pools, in order of preference.",
        json_schema_extra=shown_default("one pool, `burst-0`"),
    )

    @property
    def prefix(self) -> str:
        """How the names of sites begin."""
        return self.cluster_name or self.owner

    @property
    def reaper_image(self) -> str:
        """The image from which bursts on Kubernetes get their reaper; "": none is named."""
        return self.lease.image or self.lead.minicluster.burstd_image
