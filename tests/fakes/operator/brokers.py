"""The broker in a pod: which one it is, the `flux` its script finds, and what its broker.toml needs here."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

from burstd.lead.embedded.instance import VERSION
from burstd.plugins.local.broker import Broker
from fakes.operator.settings import Ground

_SHIM = """\
#!/bin/sh
case "$1" in
broker | start) shift ;;
*) {otherwise} ;;
esac
kept=
while [ $# -gt 0 ]; do
    case "$1" in
    --config | --config-path) shift 2 ;;
    -Stbon.* | -Sbroker.*) kept="$kept $1" && shift ;;
    -*) shift ;;
    *) break ;;
    esac
done
{start}
"""
"""Takes what the operator's scripts say to `flux`; where the broker lives is the pod's affair."""

_EMBEDDED = """\
[ $# -gt 0 ] || exec {command}
{command} &
broker=$!
{online} $kept && "$@"
code=$?
kill $broker
wait $broker
exit $code
"""

_SUBMIT = """
    if [ "$1" = version ]; then
        printf 'commands:    \\t\\t%s\\n' {version}
    fi
    [ "$1" = submit ] || exit 0
    shift
    while [ $# -gt 0 ]; do
        case "$1" in
        -N | -n) shift 2 ;;
        -*) shift ;;
        *) break ;;
        esac
    done
    exec sh -c "$*"
"""

_ETH0 = re.compile(r"tcp://(?:eth0|\*|[^\"\s]*\.svc\.cluster\.local):(?:%p|8050)")
_VERIFY = '\n[resource.verify]\ndefault = "allow-extra"\ngpu = "ignore"\nhostname = "ignore"\n'


def broker_of(view: Path, host: str, ground: Ground) -> Broker:
    """Return the broker of a host whose pod has its view volume at `view`."""
    config = view / "config"
    attributes = ground.attributes
    if ground.flavor == "real":
        attributes = (f"-Sstatedir={config / 'var/lib/flux'}", *attributes)
    return Broker(ground.flavor, config / "etc/flux/config", config / "run/flux", host, attributes)


def flux_command(broker: Broker) -> str:
    """Return the script that stands for `flux` in a pod: what is logged goes to the container's output."""
    if broker.flavor == "embedded":
        options = (word for word in broker.command() if word.startswith("-") and word != "-m")
        words = (word for word in options if not word.startswith("-Slog-filename="))
        command = shlex.join([*_python("embedded_broker.py"), *words])
        online = shlex.join([*_python("online.py"), str(broker.directory), str(broker.socket)])
        otherwise = _SUBMIT.format(version=VERSION)
        return _SHIM.format(otherwise=otherwise, start=_EMBEDDED.format(command=command, online=online))
    flux = shlex.quote(shutil.which("flux") or "flux")
    command = shlex.join(broker.command())
    return _SHIM.format(otherwise=f'exec {flux} "$@"', start=f'exec {command} $kept "$@"')


def adapt(broker: Broker, port: int, uts: bool) -> None:
    """Change what a broker.toml says of a network, and of host names, that pods do not have here.

    `port` is where the first broker of this MiniCluster listens, if it is one of its own.
    """
    path = broker.directory / "broker.toml"
    if not path.exists():
        return
    text = _ETH0.sub(f"tcp://127.0.0.1:{port}", path.read_text())
    if not uts and "[resource.verify]" not in text:
        text += _VERIFY
    path.write_text(text)


def _python(name: str) -> list[str]:
    """Return what runs a script that lies beside this one."""
    return [sys.executable, "-P", str(Path(__file__).with_name(name))]
