"""The command line that submits a refused job again."""

from __future__ import annotations

import shlex

import pytest

from burstd.lead.jobspec import command_jobspec
from burstd.lead.resubmit import resubmit


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hosts": 4, "burstable": 1}, "flux submit -N4 --setattr=burstable hostname"),
        ({"hosts": 2, "tasks": 4, "burstable": True}, "flux submit -N2 -n4 --setattr=burstable hostname"),
        (
            {"tasks": 3, "cores": 2, "gpus": 1, "burstable": "burst-0"},
            "flux submit -n3 -c2 -g1 --setattr=burstable=burst-0 hostname",
        ),
        (
            {"hosts": 1, "duration": 300.0, "burstable": {"placement": "mixed"}},
            """flux submit -N1 -t300s '--setattr=burstable={"placement": "mixed"}' hostname""",
        ),
    ],
)
def test_the_command_asks_for_the_same(options, words):
    """Hosts, slots, cores, gpus, duration and wish come back as the flags that made them."""
    assert shlex.join(resubmit(command_jobspec(["hostname"], **options))) == words


def test_a_batch_script_cannot_be_told_in_a_command():
    """A job that carries its script as a file gives no command line."""
    jobspec = command_jobspec(["flux", "broker", "{{tmpdir}}/script"], 2, burstable=1)
    jobspec["attributes"]["system"]["files"] = {"script": {"data": "#!/bin/sh"}}

    assert resubmit(jobspec) == ()
