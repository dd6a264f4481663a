"""The last look before hosts are taken away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from burstd.core.errors import NotNow
from burstd.core.model import Action, JobState, Verb
from burstd.engine.performer import Performer
from burstd.plugins.contract import Setting
from burstd.plugins.local import make
from burstd.stage.lead import Stage
from burstd.stage.machine import has_fluxion
from burstd.stage.watch import Watch
from burstd.testing.builders import a_policy, a_pool

FLUXION = pytest.mark.skipif(not has_fluxion(), reason="no Fluxion")


@pytest.fixture(
    params=[
        ("embedded", "fifo"),
        ("embedded", "easy"),
        pytest.param(("real", "fifo"), marks=pytest.mark.real_flux),
        pytest.param(("real", "easy"), marks=[pytest.mark.real_flux, FLUXION]),
    ],
    ids="-".join,
)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    flavor, sched = request.param
    with (
        tempfile.TemporaryDirectory(prefix="stage-") as directory,
        Stage(Path(directory), flavor, sched=sched) as made,
    ):
        yield made


@pytest.mark.process
def test_a_host_that_a_job_got_to_first_is_not_taken_away(stage, tmp_path):
    """Hosts that go because they are idle are read afresh: one with an allocation is waited for."""
    pool = a_pool()
    with Watch(stage.uri) as watch:
        provider = make(Setting("tester", "tester", tmp_path, {}, lead_uri=stage.uri))
        performer = Performer(watch.lead, {"burst-0": provider}, a_policy(pool), stage.join, "tester")
        assert watch.lead.allocated() == frozenset()
        stage.start_host("burst-0-0")
        watch.submit(["sleep", "60"], 1, requires={"hostlist": ["burst-0-0"]})
        watch.until(lambda view: any(job.state is JobState.RUN for job in view.jobs), "the job runs")
        idle = Action(Verb.REMOVE, "burst-0-g1", "burst-0", 1, size=1, ranks=(4,))

        assert watch.lead.allocated() == {4}
        with pytest.raises(NotNow, match="a job got to rank 4 before its drain"):
            performer.perform(idle)
