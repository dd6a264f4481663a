"""What the operator has the pods of a MiniCluster run: the same steps in the same order, in fewer words.

What differs from the operator: nothing is copied out of a view, since `flux` is there already; the pauses
can be shortened; and SIGTERM, which in a pod reaches a shell that does not hear it, ends the script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakes.operator import broker_toml

_VIEW = """\
#!/bin/sh
install_root=/mnt/flux/config
mkdir -p $install_root/etc/flux/system/cron.d $install_root/etc/flux/config $install_root/var/lib/flux
mkdir -p $install_root/run/flux $install_root/etc/curve
hosts="{hosts}"
echo "${{hosts}}" > $install_root/etc/flux/system/hostlist
cat <<EOT >> $install_root/etc/flux/config/broker.toml
{broker_toml}
EOT
echo "Broker configuration:"
cat $install_root/etc/flux/config/broker.toml
echo "Curve certificate:"
cat /flux_operator/curve.cert
mkdir -p {mount}/view {mount}/software
touch {mount}/flux-operator-done.txt
"""

_WAIT = """\
#!/bin/sh
trap 'exit 143' TERM
{strict}
{init}
config={mount}/config
cfg=$config/etc/flux/config
command="{command}"
{script}
mkdir -p $config/curve
cp /flux_operator/curve.cert $config/curve/curve.cert
{show}cat $config/curve/curve.cert
chmod go-r $config/curve/curve.cert
hosts=$(cat $config/etc/flux/system/hostlist)
flux R encode --hosts=${{hosts}} --local > $config/R.new
mv $config/R.new $config/etc/flux/system/R
export STATE_DIR=$config/var/lib/flux
export FLUX_OUTPUT_DIR=${{TMPDIR}}/fluxout
mkdir -p $STATE_DIR $FLUX_OUTPUT_DIR
options="{options}"
{pre}
if [ "$(hostname)" == "{main_host}" ]; then
    {broker_pre}
    if [ "$command" == "" ]; then
        echo "flux broker --config-path $cfg $options"
        flux broker --config-path $cfg $options
    else
        flux start -o --config $cfg $options {submit} $command
    fi
else
    {worker_pre}
    while true; do
        flux start -o --config $cfg $options
        status=$?
        if [ "$status" -eq 0 ] || [ "{complete_workers}" == "true" ]; then
            echo "the broker ended in order"
            break
        fi
        echo "the broker ended with $status; it is started again in {retry_seconds:g} s"
        sleep {retry_seconds:g}
    done
fi
{post}
touch {mount}/flux-operator-complete.txt
"""
"""Its last command succeeds, so that a first broker which failed is not started again: as in the operator."""

_START = """\
#!/bin/sh
trap 'exit 143' TERM
{init}
{pre}
until [ {no_wait} = true ] || [ -e {mount}/view/run/flux/local ]; do sleep 1; done
{script}
{command}
{post}
"""

_SCRIPT = """\
cat <<EOF > ${{TMPDIR}}/entrypoint.sh
{text}
EOF
command="/bin/bash ${{TMPDIR}}/entrypoint.sh"
"""


def entrypoints(cluster: Mapping[str, Any], retry_seconds: float) -> dict[str, str]:
    """Return the scripts of a MiniCluster by their keys in its ConfigMap."""
    data = {}
    for index, container in enumerate(cluster["spec"]["containers"]):
        if container.get("runFlux"):
            data[f"wait-{index}"] = _wait(cluster, container, retry_seconds)
        elif not container.get("noWrapEntrypoint"):
            data[f"start-{index}"] = _start(cluster, container)
    data[cluster["spec"]["flux"]["container"]["name"]] = _view(cluster)
    return data


def _view(cluster: Mapping[str, Any]) -> str:
    return _VIEW.format(
        hosts=broker_toml.hostlist(cluster), broker_toml=broker_toml.render(cluster), mount=_mount(cluster)
    )


def _wait(cluster: Mapping[str, Any], container: Mapping[str, Any], retry_seconds: float) -> str:
    spec, commands, quiet = cluster["spec"], container.get("commands") or {}, _quiet(cluster)
    silence = " > /dev/null 2>&1" if quiet else ""
    return _WAIT.format(
        strict="set -eEu -o pipefail" if (spec.get("logging") or {}).get("strict") else "",
        init=commands.get("init", "") + (" > /dev/null" if quiet else ""),
        mount=_mount(cluster),
        command=container.get("command", ""),
        script=_script(commands),
        show="# " if quiet else "",
        options=_options(cluster),
        pre=commands.get("pre", "") + silence,
        main_host=f"{cluster['metadata']['name']}-0",
        broker_pre=commands.get("brokerPre", "") + silence,
        worker_pre=commands.get("workerPre", "") + silence,
        submit=_submit(spec, container, commands),
        complete_workers=str(bool(spec["flux"].get("completeWorkers"))).lower(),
        retry_seconds=retry_seconds,
        post=commands.get("post", ""),
    )


def _start(cluster: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    commands = container.get("commands") or {}
    return _START.format(
        init=commands.get("init", ""),
        pre=commands.get("servicePre", ""),
        no_wait=str(bool(cluster["spec"]["flux"].get("noWaitSocket"))).lower(),
        mount=_mount(cluster),
        script=_script(commands),
        command=container.get("command", ""),
        post=commands.get("post", ""),
    )


def _script(commands: Mapping[str, Any]) -> str:
    return _SCRIPT.format(text=commands["script"]) if commands.get("script") else ""


def _options(cluster: Mapping[str, Any]) -> str:
    """Return the options of each broker, as far as they make a difference here."""
    spec = cluster["spec"]
    words = ["-Stbon.fanout=256", f"-Srundir={_mount(cluster)}/config/run/flux"]
    words += ["-Sbroker.rc2_none=1"] if spec.get("interactive") else []
    words += [f"-Stbon.connect_timeout={spec['flux'].get('connectTimeout') or '5s'}"]
    quorum = _quorum(spec)
    return " ".join(words + ([f"-Sbroker.quorum={quorum}"] if quorum else []))


def _quorum(spec: Mapping[str, Any]) -> int:
    """Return how many brokers must be online for the lead to start; 0: all of them."""
    if spec.get("minSize"):
        return int(spec["minSize"])
    return 0 if spec["maxSize"] == spec["size"] else int(spec["size"])


def _submit(spec: Mapping[str, Any], container: Mapping[str, Any], commands: Mapping[str, Any]) -> str:
    """Return what goes before the command of the first host."""
    prefix = commands.get("prefix", "")
    if container.get("launcher"):
        return str(prefix)
    size, tasks = spec["size"], spec.get("tasks", 0)
    hosts = f"-N {size} " if tasks >= size or not tasks else ""
    flags = f"{hosts}{f'-n{tasks}' if tasks else ''} {spec['flux'].get('optionFlags', '')}"
    return f"{prefix} {spec['flux'].get('submitCommand') or 'flux submit'} {flags} --quiet --watch"


def _mount(cluster: Mapping[str, Any]) -> str:
    return str(cluster["spec"]["flux"]["container"]["mountPath"])


def _quiet(cluster: Mapping[str, Any]) -> bool:
    return bool((cluster["spec"].get("logging") or {}).get("quiet"))
