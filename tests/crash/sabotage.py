"""The saboteurs: how burstd could be wrong, and which slice of the matrix must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Saboteur:
    """A name, a file of the package, what is replaced there by what; and arguments of the matrix."""

    name: str
    file: str
    old: str
    new: str
    slice: tuple[str, ...]


T1 = ("--tier", "T1")
SHORT = (*T1, "--script", "short", "--every", "3")
LIFE = (*T1, "--script", "life", "--every", "9")
DAY = (*T1, "--script", "day", "--every", "5")
QUEUES = (*T1, "--script", "queues", "--every", "5")
MOMENTS = (*T1, "--script", "moments", "--every", "5")
CAPS = (*T1, "--script", "caps", "--every", "5")
GKE = ("--tier", "T1 one crash, gke")


def _lost(script: str) -> tuple[str, ...]:
    return (*T1, "--script", script, "--only", "ledger with it")


def _fault(name: str, script: str = "short") -> tuple[str, ...]:
    return ("--tier", "T3", "--script", script, "--only", name)


SABOTEURS: tuple[Saboteur, ...] = (
    # the ledger
    Saboteur("skip the fsync", "engine/tables.py", "synchronous = FULL", "synchronous = OFF", SHORT),
    Saboteur(
        "sync only at checkpoints", "engine/tables.py", "synchronous = FULL", "synchronous = NORMAL", SHORT
    ),
    Saboteur(
        "never change a record",
        "engine/ledger.py",
        '"INSERT OR REPLACE INTO bursts VALUES',
        '"INSERT OR IGNORE INTO bursts VALUES',
        SHORT,
    ),
    Saboteur(
        "let outcomes go unwritten",
        "engine/ledger.py",
        '"UPDATE intents SET ended = ?, failure = ? WHERE id = ?", (outcome.at, failure, intent)',
        '"UPDATE intents SET ended = ?, failure = ? WHERE id = ?", (outcome.at, failure, -intent)',
        SHORT,
    ),
    # the gate
    Saboteur(
        "make the call before the intent",
        "engine/effects.py",
        "        intent = self._ledger.intend(action, burst, self._clock())\n",
        "        self._perform(action, lambda: False)\n"
        "        intent = self._ledger.intend(action, burst, self._clock())\n",
        SHORT,
    ),
    Saboteur(
        "make a call beside the gate",
        "engine/daemon.py",
        "        self._gate.start(action, burst)\n",
        "        if action.verb is Verb.TELL:\n"
        "            self._lead.tell(action.job, action.text)\n"
        "        self._gate.start(action, burst)\n",
        SHORT,
    ),
    Saboteur(
        "start the same effect again and again",
        "engine/effects.py",
        "return frozenset(self._running.keys() | self._resting.keys())",
        "return frozenset(self._resting.keys())",
        SHORT,
    ),
    Saboteur(
        "let an unforeseen error through",
        "engine/effects.py",
        "        except Exception as exc:  # the edge of a worker",
        "        except ArithmeticError as exc:  # the edge of a worker",
        _fault("unforeseen"),
    ),
    # turns
    Saboteur(
        "never ask whose turn it is",
        "engine/effects.py",
        "            self._turn(action)\n",
        "            pass\n",
        ("--tier", "T6", "--script", "short", "--every", "3"),
    ),
    Saboteur(
        "ask whose turn it is of nobody but oneself",
        "engine/turn.py",
        "        self._compare()\n\n    def _compare",
        "        del _action\n\n    def _compare",
        ("--tier", "T6", "--script", "short", "--every", "3"),
    ),
    Saboteur(
        "write on in a ledger that another has taken",
        "engine/ledger.py",
        "            self._check_epoch()\n            yield\n",
        "            yield\n",
        ("--tier", "T6", "--script", "short", "--only", "with its ledger"),
    ),
    # names
    Saboteur(
        "forget the generation in the name",
        "engine/performer.py",
        'return f"{prefix}-{pool}-g{generation}"',
        'return f"{prefix}-{pool}"',
        LIFE,
    ),
    Saboteur(
        "number bursts without the clock",
        "core/generations.py",
        "int(now - BEGIN) // STEP_SECONDS if pool.paid else 0",
        "0",
        _lost("life"),
    ),
    # what exists is the cloud's to say
    Saboteur(
        "adopt nothing",
        "core/adoption.py",
        "    found = []\n    for site in sorted(sites,",
        "    found = []\n    for site in sorted([],",
        _lost("short"),
    ),
    Saboteur(
        "buy where nobody knows what there is",
        "engine/observer.py",
        "return frozenset(self._providers.keys() - self._seen_whole)",
        "return frozenset()",
        ("--tier", "T4", "--script", "short", "--only", "ledger with it | partial"),
    ),
    Saboteur(
        "trust one listing",
        "core/lifecycle.py",
        "UNSEEN = 2\n",
        "UNSEEN = 1\n",
        SHORT,
    ),
    Saboteur(
        "trust no listing at all",
        "core/lifecycle.py",
        "removed = _done(burst, Verb.REMOVE) and burst.absences >= UNSEEN",
        "removed = _done(burst, Verb.REMOVE)",
        SHORT,
    ),
    Saboteur(
        "trust an incomplete listing",
        "core/adoption.py",
        "absences=burst.absences + 1) if complete else burst",
        "absences=burst.absences + 1)",
        _fault("partial listings"),
    ),
    Saboteur(
        "give up a removal that failed",
        "core/lifecycle.py",
        "    return None if lasting or not _again(burst, scene.now) else "
        "_take_away(burst, Verb.REMOVE, scene)",
        "    return None",
        _fault("at remove"),
    ),
    Saboteur(
        "count a failed removal as done",
        "core/lifecycle.py",
        "    removed = _done(burst, Verb.REMOVE) and burst.absences >= UNSEEN\n",
        "    removed = burst.outcome is not None and burst.outcome.verb is Verb.REMOVE\n",
        _fault("at remove"),
    ),
    # drain before remove
    Saboteur(
        "remove before the drain",
        "core/lifecycle.py",
        "    if all(_empty(host, burst) for host in scene.hosts):\n"
        "        return _enter(burst, Phase.RELEASING",
        "    if True:\n        return _enter(burst, Phase.RELEASING",
        SHORT,
    ),
    Saboteur(
        "shrink before the drain",
        "core/lifecycle.py",
        "    if not all(_empty(host, burst) for host in going):\n",
        "    if not going:\n",
        LIFE,
    ),
    Saboteur(
        "take hosts with jobs for empty ones",
        "core/lifecycle.py",
        "return not host.jobs and (host.drain_reason is not None or not _may_run(host, burst))",
        "return True",
        SHORT,
    ),
    Saboteur(
        "leave a queue open",
        "core/steward.py",
        "if queue.started and (self.pulses or not up):",
        "if queue.started and self.pulses:",
        QUEUES,
    ),
    Saboteur(
        "never undrain",
        "core/planner.py",
        "if ranks and UNDRAIN_KEY not in self.snapshot.in_flight:",
        "if not ranks and UNDRAIN_KEY not in self.snapshot.in_flight:",
        SHORT,
    ),
    # caps and money
    Saboteur(
        "ignore max_bursts",
        "core/allowance.py",
        "if len(list(paid(policy, bursts))) >= policy.max_bursts:",
        "if policy.max_bursts < 0:",
        CAPS,
    ),
    Saboteur(
        "ignore max_hosts",
        "core/allowance.py",
        "if policy.max_hosts and sum(",
        "if policy.max_hosts < 0 and sum(",
        (*T1, "--script", "hosts"),
    ),
    Saboteur(
        "count only what serves",
        "core/allowance.py",
        "if burst.phase is not Phase.GONE and (pool is None or pool.paid):",
        "if burst.phase is Phase.SERVING and (pool is None or pool.paid):",
        CAPS,
    ),
    Saboteur(
        "count no intents in dollars",
        "core/budget.py",
        "            count.hour += rate(priced)\n",
        "            count.hour += rate(burst) if burst.served else 0.0\n",
        (*T1, "--script", "money", "--every", "5"),
    ),
    Saboteur(
        "ignore the cap of a day",
        "core/budget.py",
        "if _over(today, caps.dollars_per_day):",
        "if _over(-today, caps.dollars_per_day):",
        DAY,
    ),
    Saboteur(
        "reserve nothing for the rest of a lifetime",
        "core/budget.py",
        "count.add(priced, cost(priced, now, day) + reserved(priced, now))",
        "count.add(priced, cost(priced, now, day))",
        DAY,
    ),
    Saboteur(
        "bill what was planned since 1970",
        "core/money.py",
        "since = max(after.resized, after.spans[-1].at)",
        "since = after.resized",
        (*T1, "--script", "life", "--only", "not sent"),
    ),
    Saboteur(
        "bill for ever",
        "core/money.py",
        "if after.phase is Phase.GONE and after.ended is None:",
        "if after.phase is Phase.PLANNED and after.ended is not None:",
        SHORT,
    ),
    Saboteur(
        "bill a burst as it began",
        "core/money.py",
        "    elif before is not None and after.size != before.size:\n",
        "    elif before is not None and after.size < 0:\n",
        LIFE,
    ),
    # what waits and what is stopped
    Saboteur(
        "never release a hold",
        "core/steward.py",
        "if job.stale_hold or (self.ours(job) and not self.keeps_hold(job)):",
        "if job.stale_hold:",
        SHORT,
    ),
    Saboteur(
        "never start a queue",
        "core/steward.py",
        "elif up and not queue.started and queue.stop_reason in",
        "elif up and queue.started and queue.stop_reason in",
        QUEUES,
    ),
    # steps in their order
    Saboteur(
        "swap two steps",
        "core/lifecycle.py",
        "            return _unless_done(burst, Verb.PROVISION)\n        case Phase.LAUNCHING:\n"
        "            return _unless_done(burst, Verb.LAUNCH)",
        "            return _unless_done(burst, Verb.LAUNCH)\n        case Phase.LAUNCHING:\n"
        "            return _unless_done(burst, Verb.PROVISION)",
        SHORT,
    ),
    # somebody else's
    Saboteur(
        "drop the label check",
        "kube/removal.py",
        "return labels.bears(found, marks) and labels.generation(found) == self.generation",
        "return bool(marks)",
        ("--tier", "T4 a crash and a fault, k", "--only", "there already"),
    ),
    Saboteur(
        "forget whose labels they are",
        "kube/removal.py",
        "marks = labels.of_pool(self.owner, self.pool)",
        "marks = {labels.POOL: self.pool}",
        ("--tier", "T4 a crash and a fault, k", "--only", "there already"),
    ),
    # the provider gke
    Saboteur(
        "take any owner's clusters for one's own",
        "plugins/gke/fleet.py",
        "return cluster.marks is not None and cluster.marks.owner == self._owner",
        "return cluster.marks is not None",
        GKE,
    ),
    Saboteur(
        "raise again what a job was told",
        "core/jobexceptions.py",
        "told = job.raised == reason.code or key in snapshot.in_flight",
        "told = key in snapshot.in_flight",
        QUEUES,
    ),
    Saboteur(
        "take any cluster of the right name",
        "plugins/gke/clusters.py",
        "if its is None or (its.owner, its.pool) != (order.owner, order.pool.name):",
        "if its is None and not found.labels:\n            return found\n        if its is None:",
        ("--tier", "T4 a crash and a fault, gke", "--only", "without labels"),
    ),
    Saboteur(
        "leave the node pool once its brokers are gone",
        "plugins/gke/nodepools.py",
        "        finally:\n            self._delete(cluster, site)",
        "        except NotNow:\n            self._delete(cluster, site)",
        (*GKE, "--only", "gke, node pools"),
    ),
    Saboteur(
        "keep a cluster without saying so",
        "plugins/gke/clusters.py",
        "labels = marks.others(seen.labels) | seen.marks.idle(time.time()).labels()",
        "labels = marks.others(seen.labels) | seen.marks.labels()",
        (*GKE, "--only", "gke, keeping"),
    ),
    # the provider kind
    Saboteur(
        "list the clusters of other owners",
        "plugins/kind/clusters.py",
        "if mark.owner != self._owner or name",
        "if name",
        ("--tier", "T1 one crash, kind"),
    ),
)
