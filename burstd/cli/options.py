"""The options that say what the configuration is: the same for the daemon and for every command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from burstd.config import Config


@dataclass(frozen=True, slots=True)
class Written:
    """What the command line says of the configuration: a file, and flags over it."""

    config: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)

    def over(self, other: Written) -> Written:
        """Return this, with the other's where this says nothing."""
        own = {name: value for name, value in self.flags.items() if value is not None}
        return Written(self.config or other.config, {**other.flags, **own})

    def load(self, *, here: bool = True) -> Config:
        """Return the configuration; `here` says whether its paths are this machine's.

        Raises ConfigError with every mistake, a provider that is not installed among them.
        """
        from burstd.config import Flags, load
        from burstd.plugins.registry import installed

        return load(self.config, Flags(**self.flags), installed(), here=here)


_CONFIG: Any = Annotated[
    Path | None, typer.Option(help="burstd.yaml; flags override it.", metavar="FILE", show_default=False)
]


def _option(kind: type, text: str, metavar: str) -> Any:
    return Annotated[kind | None, typer.Option(help=text, metavar=metavar, show_default=False)]


_FLAGS: Mapping[str, Any] = {
    "lead_host": _option(str, "Where remote brokers reach the lead: host name or address.", "HOST"),
    "lead_port": _option(int, "Where remote brokers reach the lead: TCP port.", "PORT"),
    "lead_size": _option(int, "Hosts of its own that the lead declares, up or not; checked.", "N"),
    "name": _option(str, "The pool; prefix of its hosts [burst-0].", "POOL"),
    "cluster_name": _option(str, "How names of sites begin: PREFIX-POOL-gN [the owner].", "PREFIX"),
    "curve_cert": _option(Path, "The CURVE certificate of the instance [the lead's own].", "FILE"),
    "curve_cert_secret_name": _option(str, "A Kubernetes Secret that has it already.", "SECRET"),
    "munge_key": _option(Path, "The munge key that remote hosts get.", "FILE"),
    "munge_secret_name": _option(str, "A Kubernetes Secret that has it already.", "SECRET"),
    "project": _option(str, "Cloud project of the pool; makes its provider gke.", "PROJECT"),
    "zone": _option(str, "Cloud zone of the pool.", "ZONE"),
    "machine_type": _option(str, "Machine type of the pool's hosts.", "TYPE"),
    "flux_operator_yaml": _option(str, "Manifest of the Flux Operator for the pool's sites.", "FILE|URL"),
}

_PARAMETERS = tuple(
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
    for name, annotation in {"config": _CONFIG, **_FLAGS}.items()
)


def configured(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options. It receives them as its first argument, after its context.

    They may stand before the command's name too; those after it win.
    """

    def run(ctx: typer.Context, **values: Any) -> None:
        flags = {name: values.pop(name) for name in _FLAGS}
        written = Written(values.pop("config"), flags)
        before = ctx.parent.obj if ctx.parent else None
        command(ctx, written.over(before) if before else written, **values)

    signature = inspect.signature(command, eval_str=True)
    context, _, *own = signature.parameters.values()
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    run.__signature__ = inspect.Signature([context, *_PARAMETERS, *own])  # type: ignore[attr-defined]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {}
    return run
