"""What a person writes under `options` of a pool whose provider is `local`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from burstd.core.errors import ConfigError, Problem
from burstd.plugins.contract import Setting


class LocalOptions(BaseModel):
    """Options of the provider `local`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flux: Literal["auto", "real", "embedded"] = Field(
        default="auto",
        description="Which brokers run: those of the installed Flux, or those of burstd's embedded instance. "
        "`auto` takes the kind that the lead is, told by `lead.uri`.",
    )
    uts: Literal["auto", "never"] = Field(
        default="auto",
        description="`auto`: each broker gets a host name of its own (a UTS namespace) where this is "
        "allowed, so that `hostname` tells the truth in its jobs.",
    )
    stop_seconds: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="How long brokers may take to end before they are killed, in seconds.",
    )


def read_options(setting: Setting) -> LocalOptions:
    """Return the checked options. Raises ConfigError with every mistake and its path."""
    try:
        return LocalOptions.model_validate(dict(setting.options))
    except ValidationError as exc:
        raise ConfigError(tuple(_problem(setting.path, one) for one in exc.errors())) from exc


def _problem(start: str, error: ErrorDetails) -> Problem:
    path = ".".join([start, *map(str, error["loc"])])
    if error["type"] == "extra_forbidden":
        known = ", ".join(LocalOptions.model_fields)
        return Problem(path, "the provider local has no such option", f"it has {known}")
    return Problem(path, error["msg"])
