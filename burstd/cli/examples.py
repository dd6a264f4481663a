"""Examples at the end of each command's help; the tests run or parse every one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "": (
        "burstd --config burstd.yaml",
        "burstd --lead-host lead.example.org --lead-port 8050 --config burstd.yaml",
        "burstd --stand-by --log-format json --config /etc/burstd/burstd.yaml",
    ),
    "check-config": ("burstd check-config --config burstd.yaml",),
    "plan": ("burstd plan --config burstd.yaml", "burstd plan --json --config burstd.yaml"),
    "status": ("burstd status --config burstd.yaml", "burstd status --watch", "burstd status --json"),
    "why": ("burstd why", "burstd why fn4jApw", "burstd why fn4jApw --json"),
    "metrics": ("burstd metrics --config burstd.yaml",),
    "doctor": ("burstd doctor --config burstd.yaml", "burstd doctor burst-0", "burstd doctor --json"),
    "probe": ("burstd probe --config burstd.yaml", "burstd probe lead.example.org:8050"),
    "release": ("burstd release", "burstd release fn4jApw"),
    "up": ("burstd up burst-0", "burstd up burst-0 --hosts 2 --for 30m --wait"),
    "down": ("burstd down burst-0 --wait", "burstd down --all --force"),
    "pause": ("burstd pause --config burstd.yaml",),
    "resume": ("burstd resume --config burstd.yaml",),
    "reopen": ("burstd reopen burst-0", "burstd reopen --all"),
    "cost": ("burstd cost --by user --since 2026-11-01", "burstd cost --by job --format csv"),
    "notify": ("burstd notify --config burstd.yaml", "burstd notify --test --config burstd.yaml"),
    "orphans": ("burstd orphans --config burstd.yaml", "burstd orphans --all-owners"),
    "gc": ("burstd gc --dry-run", "burstd gc --owner another"),
    "reap": ("burstd reap --namespace burst-0-g1 --owner burstd --pool burst-0 --generation 1",),
    "kubeconfig": ("burstd kubeconfig burst-0", "burstd kubeconfig burst-0 --output burst.kubeconfig"),
    "render lead-toml": (
        "burstd render lead-toml --config burstd.yaml",
        "burstd render lead-toml --base /etc/flux/system/conf.d/broker.toml --diff",
    ),
    "render lead": ("burstd render lead --config burstd.yaml", "burstd render lead --gateway"),
    "render burst": (
        "burstd render burst burst-0 --size 2",
        "burstd render burst burst-0 --command hostname",
    ),
    "render gc": ("burstd render gc --schedule '0 * * * *'",),
    "flux-plugins install": ("burstd flux-plugins install", "burstd flux-plugins install --to plugins"),
    "flux-plugins export": ("burstd flux-plugins export --config burstd.yaml",),
    "flux-plugins path": ("burstd flux-plugins path",),
    "completion": (
        "burstd completion bash",
        "burstd completion fish",
    ),
    "demo": ("burstd demo", "burstd demo --flux embedded", "burstd demo --keep"),
}
"""By the command's name; "" is burstd itself."""


def epilog(name: str) -> str | None:
    """Return the end of a command's help, None where there are no examples."""
    lines = EXAMPLES.get(name, ())
    return "\n".join(_lines(lines)) if lines else None


def _lines(examples: tuple[str, ...]) -> Iterator[str]:
    yield "\b"  # a paragraph that is not wrapped
    yield "Examples:" if len(examples) > 1 else "Example:"
    yield from (f"  {line}" for line in examples)
