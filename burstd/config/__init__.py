"""What a person writes: burstd.yaml and flags, checked as a whole before anything starts."""

from burstd.config.against_lead import Resolved, limits_sentences, resolve
from burstd.config.flags import Flags
from burstd.config.limits import LimitsConfig
from burstd.config.load import load
from burstd.config.model import Config, LeadConfig, PoolConfig

__all__ = [
    "Config",
    "Flags",
    "LeadConfig",
    "LimitsConfig",
    "PoolConfig",
    "Resolved",
    "limits_sentences",
    "load",
    "resolve",
]
