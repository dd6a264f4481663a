"""`burstd gc` as a job that runs again and again beside the lead on Kubernetes, as manifests. Pure.

It needs no right on the lead's cluster, only burstd's credentials for where bursts are. Its ledger lives as
long as its pod does: what it removes it finds again by labels.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from burstd.config.model import Config
from burstd.core.errors import ConfigError, Problem
from burstd.kube.kinds import Manifest
from burstd.kube.leadside import CONFIG_PATH, CREDENTIALS_PATH, STATE_PATH

NAME = "burstd-gc"
ON_THIS_MACHINE = ("local", "kind")
"""Providers whose sites are where burstd itself runs, which no pod sees."""

_DEADLINE_SECONDS = 3600
_NOBODY = 65534


def manifests(config: Config, schedule: str) -> list[Manifest]:
    """Return what is to be applied, in that order. Raises ConfigError with every Problem."""
    seen = _seen(config)
    problems = list(_problems(config, seen))
    if problems:
        raise ConfigError(tuple(problems))
    return [_service_account(config), _config_map(config, seen), _cron_job(config, schedule)]


def warnings(config: Config) -> Iterator[str]:
    """Yield what whoever applies this should know."""
    left_out = [pool.name for pool in config.pools if pool.provider in ON_THIS_MACHINE]
    if left_out:
        yield f"{', '.join(left_out)}: left out, since a pod does not see what runs on burstd's own machine"
    lead = config.lead.minicluster
    if not lead.credentials_secret and not lead.workload_identity:
        yield "lead.minicluster.credentials_secret names no credentials, so it may see nothing"


def _seen(config: Config) -> Config:
    pools = tuple(pool for pool in config.pools if pool.provider not in ON_THIS_MACHINE)
    return config.model_copy(update={"pools": pools})


def _problems(config: Config, seen: Config) -> Iterator[Problem]:
    if not config.reaper_image:
        yield Problem(
            "lease.image", "missing: burstd's own image", "set it, or lead.minicluster.burstd_image"
        )
    if not seen.pools:
        yield Problem("pools", f"all are of provider {' or '.join(ON_THIS_MACHINE)}", "run `burstd gc` there")


def _service_account(config: Config) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _named(config),
        "automountServiceAccountToken": False,
    }


def _config_map(config: Config, seen: Config) -> Manifest:
    written = seen.model_dump(mode="json", exclude_unset=True) | {"state_dir": STATE_PATH}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _named(config),
        "data": {"burstd.yaml": yaml.safe_dump(written, sort_keys=False)},
    }


def _cron_job(config: Config, schedule: str) -> Manifest:
    job = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": _DEADLINE_SECONDS,
        "template": {"spec": _pod(config)},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _named(config),
        "spec": {
            "schedule": schedule,
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": job},
        },
    }


def _pod(config: Config) -> Manifest:
    lead = config.lead.minicluster
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": NAME}},
        {"name": "state", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    if lead.credentials_secret:
        secret = {"secretName": lead.credentials_secret, "defaultMode": 0o440}
        volumes.append({"name": "credentials", "secret": secret})
    return {
        "restartPolicy": "Never",
        "serviceAccountName": lead.service_account if lead.workload_identity else NAME,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "fsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(config)],
        "volumes": volumes,
    }


def _container(config: Config) -> Manifest:
    mounts: list[Manifest] = [
        {"name": "config", "mountPath": CONFIG_PATH},
        {"name": "state", "mountPath": STATE_PATH},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    environment = [{"name": "HOME", "value": "/tmp"}]
    if config.lead.minicluster.credentials_secret:
        mounts.append({"name": "credentials", "mountPath": CREDENTIALS_PATH, "readOnly": True})
        file = f"{CREDENTIALS_PATH}/credentials.json"
        environment.append({"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": file})
    return {
        "name": "gc",
        "image": config.reaper_image,
        "command": ["burstd", "gc", "--config", f"{CONFIG_PATH}/burstd.yaml"],
        "env": environment,
        "volumeMounts": mounts,
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _named(config: Config) -> Manifest:
    labels = {"app.kubernetes.io/part-of": "burstd"}
    return {"name": NAME, "namespace": config.lead.minicluster.namespace, "labels": labels}
