"""What brokers write when they do not get in, and what that means: one row for each way to fail. Pure.

The lines are those of flux-core 0.88 (its overlay, bootstrap, resource and state machine), of libzmq as Flux
quotes it, and, for pods, those that `burstd.kube.podwords` makes of their states. The first row that fits is
the cause: each stands before those that it brings with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symptom:
    """One way to fail: `code` names it, `pattern` finds its line.

    `sentence` goes on where the hosts were named; it and `remedy` may have the pattern's groups in braces.
    """

    code: str
    pattern: re.Pattern[str]
    sentence: str
    remedy: str


def _row(code: str, pattern: str, sentence: str, remedy: str) -> Symptom:
    return Symptom(code, re.compile(pattern), sentence, remedy)


JOINED = re.compile(r"parent-ready: join->|\bhello parent \d")
"""The lead has let the broker in; what stands before in its log is over."""

WAITS = re.compile(r"load-builtins->join|overlay\.debug(\[\d+\])?: connecting to ")
"""The broker knocks at the lead; it does so for ever, in silence."""

SYMPTOMS = (
    _row(
        "image",
        r"waiting: (?P<reason>ErrImagePull|ImagePullBackOff|RegistryUnavailable|InvalidImageName"
        r"|ErrImageNeverPull)",
        "cannot have its image ({reason})",
        "check image and flux_image of the pool, and pull_secret where the registry asks who pulls",
    ),
    _row(
        "container",
        r"waiting: (?P<reason>CreateContainerConfigError|CreateContainerError)",
        "has a container that cannot be made ({reason})",
        "see that what volumes and pull_secret of the pool name is in the burst's namespace: the pool's "
        "`manifests` put it there",
    ),
    _row(
        "unscheduled",
        r"not scheduled: ",
        "gets no machine",
        "check node_selector, requests and tolerations of the pool against the machines that there are, and "
        "the quota of the project",
    ),
    _row(
        "memory",
        r"ended: OOMKilled",
        "was killed because it used more memory than its limit",
        "raise limits.memory of the pool, or take larger machines",
    ),
    _row(
        "evicted",
        r"\bevicted: ",
        "was put off its machine by Kubernetes",
        "give the pool requests that cover what its jobs use, and disks that are large enough",
    ),
    _row(
        "libraries",
        r"error while loading shared libraries: (?P<library>\S+):|version `(?P<symbol>[\w.]+)' not found",
        "cannot start: its image lacks a library that Flux needs",
        "take an image whose distribution is that of the Flux view (flux_image), or one with a Flux of its "
        "own and use_view: false",
    ),
    _row(
        "architecture",
        r"[Ee]xec format error",
        "cannot start: its image is for another kind of processor",
        "take an image for the machines' architecture, or other machines",
    ),
    _row(
        "no-flux",
        r"flux(-broker)?: (command )?not found|exec: \"?flux\"?: executable file not found",
        "finds no flux",
        "set flux_image of the pool, or take an image that has Flux and set use_view: false",
    ),
    _row(
        "version",
        r"client \((?P<theirs>[\d.]+)\) version mismatched with server \((?P<ours>[\d.]+)\)"
        r"|this pod has Flux (?P<pod>\S+?),? the lead has (?P<lead>\S+?),",
        "runs another version of Flux than the lead, which lets in its own version alone",
        "give the pool an image (image, flux_image) with the Flux version that the lead has",
    ),
    _row(
        "certificate-mode",
        r"Error loading certificate: (?P<path>.+): readable by group/other",
        "refuses its certificate: others may read {path}",
        "make it private where it comes from: chmod 600, and no defaultMode of a Secret in its way",
    ),
    _row(
        "certificate-missing",
        r"Error loading certificate: (?P<path>.+): No such file",
        "has no certificate at {path}",
        "see that lead.curve_cert, or the Secret that lead.curve_cert_secret_name names, reaches the hosts",
    ),
    _row(
        "certificate-unreadable",
        r"Error loading certificate: (?P<path>.+): Permission denied",
        "may not read its certificate {path}",
        "run the brokers as the user whose file it is: run_as_user of the pool",
    ),
    _row(
        "certificate-invalid",
        r"Error loading certificate: (?P<path>.+): |overlay_authorize: Invalid argument",
        "cannot use its certificate: it lacks a name or one of its two keys",
        "give burstd the lead's own file, as `flux keygen` wrote it",
    ),
    _row(
        "not-declared",
        r"(?P<name>[^\s:]+) not found in hosts",
        "is called {name}, which no host of the lead's list is",
        "name the pool after its hosts, and declare them in the lead's broker.toml: "
        "`burstd render lead-toml` writes it",
    ),
    _row(
        "no-bootstrap",
        r"bootstrap configuration not found|parent-none: join->",
        "found no [bootstrap] in its broker.toml, or no such file, and may be an instance of its own now",
        "see that nothing replaces the broker.toml that burstd gives: FLUX_CONF_DIR, the image's entrypoint",
    ),
    _row(
        "configuration",
        r"Config file error:? ?(?P<what>.*)",
        "cannot read its broker.toml",
        "look at the line that it names; if burstd wrote that file, this is a fault of burstd's",
    ),
    _row(
        "other-list",
        r"mismatched config\?|overlay\.hello: Invalid argument|error reranking R|overlay\.hello: .*reranking",
        "has another list of hosts than the lead, so its rank is another's",
        "restart the burst (`burstd down`, then `burstd up`): burstd gives new ones the lead's present list; "
        "give every broker that you start yourself the same hosts in the same order",
    ),
    _row(
        "resources",
        r"missing resources: (?P<missing>\S+)",
        "has less than the lead's broker.toml declares for it ({missing} is missing), so it drained itself",
        "declare what its hosts really have in [[resource.config]] and restart the lead, or take larger "
        "machines; `flux resource undrain` by hand then",
    ),
    _row(
        "host-name",
        r"got hostname '(?P<got>[^']*)', expected '(?P<expected>[^']*)'",
        "is called {got} by its own machine, where the lead expects {expected}, so it drained itself",
        'give the host that name, or set hostname = "ignore" in [resource.verify] of its broker.toml',
    ),
    _row(
        "unresolved",
        r"unable to resolve upstream peer (?P<peer>\S+): ",
        "cannot resolve the lead's name {peer}",
        "set lead.host to an address, or to a name that the burst's hosts can resolve",
    ),
    _row(
        "zeromq",
        r"sockevent \S+ unknown socket event|ZMTP (mechanism mismatch|unexpected command|malformed command)"
        r"|handshake failed protocol",
        "and the lead do not understand each other's ZeroMQ: their libzmq differ",
        "run lead and burst from images with the same libzmq, best the same image: image and flux_image of "
        "the pool",
    ),
    _row(
        "refused",
        r"overlay auth No access|handshake failed",
        "is not let in: its certificate is not the lead's (or their libzmq differ)",
        "give burstd the file that curve_cert names in the lead's broker.toml, and restart the burst",
    ),
    _row(
        "closed",
        r"sockevent \S+ (closed|connect retried)",
        "finds nothing that listens at the lead's address",
        "check lead.host and lead.port, the Service or firewall before them: `burstd probe` knocks there",
    ),
    _row(
        "start-script",
        r"rc1\.\d+: .* Exited \(rc=(?P<code>[1-9]\d*)\)|rc1-fail",
        "got in, but Flux's own start script (rc1) failed there, so it left",
        "look at the lines of rc1 in its log",
    ),
    _row(
        "sent-away",
        r"sent disconnect control message|parent update: overlay disconnect|disconnected by request",
        "was sent away by the lead, as by one that restarted, or by `flux overlay disconnect`",
        "nothing, if the lead restarted: a broker that is started again gets in",
    ),
    _row(
        "lead-gone",
        r"parent-fail: run->|Upstream Flux broker is offline|lost connection",
        "lost the lead",
        "see that the lead runs and that nothing between cuts connections that are idle",
    ),
    _row(
        "crashes",
        r"waiting: CrashLoopBackOff|ended: \S+ \(exit code [1-9]\d*\)",
        "keeps ending",
        "look at the last lines of its log",
    ),
    _row(
        "starts",
        r"waiting: (ContainerCreating|PodInitializing)|no pod: ",
        "is still being started",
        "wait; launch_seconds of the pool says for how long burstd does",
    ),
    _row(
        "drained",
        r"^drained: (?P<why>.+)",
        "is in, and somebody drained its host: {why}",
        "`flux resource undrain` once the reason is gone",
    ),
)
