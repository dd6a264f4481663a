"""What each pod of a burst does before its broker starts, and when it ends: texts for the operator's script.

The operator pastes `commands.pre` and `commands.post` into a bash script that is the container's first
process; it is outside of any heredoc, and has no `set -e`. What is wrong is left as the container's last
words, where Kubernetes shows them. No text of a user's is in here.
"""

from __future__ import annotations

import shlex

from burstd.join.directories import script
from burstd.join.papers import Join

SECRET_PATH = "/mnt/burst"
CONFIG = "/mnt/flux/config"
CURVE_CERT = f"{CONFIG}/curve/curve.cert"
BROKER_TOML = f"{CONFIG}/etc/flux/config/broker.toml"
STOP = f"{CONFIG}/burstd-stop"

MARK = "burstd: "
"""How the last words begin that a container of ours leaves when it cannot go on."""


def pre(join: Join) -> str:
    """Return what each pod does before its broker starts: a fixed text, but for the version to be there.

    Whatever is wrong is left as the container's last words, where Kubernetes shows them. The operator appends
    to broker.toml each time its init container runs, so all behind the first copy is taken off.
    """
    directories = script(f"{SECRET_PATH}/directories")
    return "\n".join((_FAIL, _version_check(join.version), _PLACE, _STOP, directories, "true"))


_FAIL = f"""\
burstd_fail() {{
  printf '{MARK}%s\\n' "$1" | tee /dev/termination-log >&2
  exit 1
}}"""

_PLACE = f"""\
burstd_place() {{
  install -D -m "$3" "{SECRET_PATH}/$1" "$2" || burstd_fail "$2 cannot be written by uid $(id -u)"
}}
burstd_place curve.cert {CURVE_CERT} 0600
if [ -e {SECRET_PATH}/munge.key ]; then
  burstd_place munge.key /etc/munge/munge.key 0400
  chown munge: /etc/munge/munge.key 2>/dev/null || true
fi
burstd_toml={BROKER_TOML}
sed '2,${{/^\\[bootstrap\\]$/,$d}}' "$burstd_toml" > "$burstd_toml.once" &&
  cat "$burstd_toml.once" > "$burstd_toml" ||
  burstd_fail "$burstd_toml cannot be written by uid $(id -u)\""""


_STOP = f"""\
printf '#!/bin/sh\\nkill -TERM -1\\n' > {STOP} && chmod 0755 {STOP}
trap 'exit 143' TERM"""
"""The script is the container's first process, which hears no signal: without this every broker would be
killed at the end of its pod's grace time, half a minute after its last job."""

AGAIN = "exit 1"
"""The script ends well whatever became of its broker, and Kubernetes would not start index 0 again: that a
lead was restarted must not end it for good."""


def _version_check(version: str) -> str:
    if not version:
        return "true"
    return f"""\
burstd_wanted={shlex.quote(version)}
burstd_found=$(flux version 2>/dev/null | sed -n 's/^commands:[[:space:]]*//p')
[ "$burstd_found" = "$burstd_wanted" ] || burstd_fail \
"this pod has Flux ${{burstd_found:-of no version}}, the lead has $burstd_wanted, which refuses any other: \
set flux_image or image of the pool\""""
