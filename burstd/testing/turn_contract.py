"""What every Lead must do so that one burstd at a time serves it, as a test class (see lead_contract)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from burstd.testing.lead_contract import LOSS_SECONDS
from burstd.testing.lead_watch import LeadStage, Watch, WatchedLead

NAME, KEY = "contract", "contract.text"


class TurnContract(WatchedLead):
    """Subclasses define the fixture `stage`: a started LeadStage."""

    def test_one_at_a_time_has_a_service_name(self, watch: Watch, stage: LeadStage) -> None:
        """Another cannot take a name that is held; once its holder closes, it can."""
        assert watch.lead.register(NAME)
        assert watch.lead.registered()
        with contextlib.closing(self.make_lead(stage)) as other:
            assert not other.register(NAME)
            assert not other.registered()
        watch.lead.close()
        with contextlib.closing(self.make_lead(stage)) as other:
            assert other.register(NAME)

    def test_a_service_name_is_taken_again_of_a_lead_that_restarted(
        self, watch: Watch, stage: LeadStage
    ) -> None:
        """While the lead is gone the name is not held; soon after it is back, it is."""
        assert watch.lead.register(NAME)
        stage.kill_lead()
        _until(lambda: not watch.lead.registered())
        stage.restart_lead()
        _until(watch.lead.registered)

    def test_a_text_is_found_under_its_key(self, watch: Watch) -> None:
        """What was stored last is found, by any reader; under another key there is nothing."""
        assert watch.lead.look_up(KEY) is None
        for text in ("one", '{"two": "ü"}', "x" * 20_000, ""):
            watch.lead.store(KEY, text)
            assert watch.lead.look_up(KEY) == text
        assert watch.lead.look_up(f"{KEY}.other") is None


def _until(met: Callable[[], object], seconds: float = 2 * LOSS_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)
