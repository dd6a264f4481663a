"""Orders by hand: written into the ledger first, and over the socket from whoever may give them."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
from strangers import as_another

from burstd.core.errors import BurstdError
from burstd.core.model import Action, ByHand, Closed, Failure, Outcome, Phase, Up, Verb
from burstd.engine import control
from burstd.engine.control import Control, ask, question, short
from burstd.engine.ledger import Ledger
from burstd.engine.orders import Order, Orders
from burstd.engine.questions import Questions
from burstd.testing.builders import NOW, a_burst

POOLS = ("burst-0", "burst-1")


@pytest.fixture
def ledger(tmp_path):
    with closing(Ledger(tmp_path / "ledger.db")) as opened:
        yield opened


class TestOrders:
    """What stands after an order, and after a restart."""

    @pytest.mark.parametrize(
        ("order", "stands"),
        [
            (Order("pause"), ByHand(paused=True)),
            (Order("up", ("burst-0",), 2, 60.0, userid=7), ByHand(ups=(Up("burst-0", 2, NOW + 60, 7),))),
            (Order("down", ("burst-0",), force=True), ByHand(closed=(Closed("burst-0", True),))),
            (Order("down"), ByHand(closed=(Closed("burst-0"), Closed("burst-1")))),
            (Order("resume"), ByHand()),
            (Order("reopen", ("burst-0",)), ByHand()),
        ],
    )
    def test_an_order_stands_also_after_a_restart(self, ledger, order, stands) -> None:
        """Each order leaves what it means in the ledger, where the next start finds it."""
        orders = Orders(ledger)
        assert all(orders.obey(order, POOLS, NOW))
        assert orders.standing == stands
        assert Orders(ledger).standing == stands

    @pytest.mark.parametrize("undone", [Order("up", ("burst-0",)), Order("reopen", ("burst-0",))])
    def test_a_pool_that_was_taken_down_is_opened_again(self, ledger, undone) -> None:
        """Both orders open it; an order to have hosts up does not outlive one to take them down."""
        orders = Orders(ledger)
        orders.obey(Order("up", ("burst-0",)), POOLS, NOW)
        orders.obey(Order("down", ("burst-0",)), POOLS, NOW)
        assert orders.standing == ByHand(closed=(Closed("burst-0"),))
        orders.obey(undone, POOLS, NOW)
        assert orders.standing.closed == ()

    def test_a_pool_that_is_not_there_changes_nothing(self, ledger) -> None:
        """A name that no pool has is told with those that there are."""
        orders = Orders(ledger)
        (said,) = orders.obey(Order("down", ("burst-9",)), POOLS, NOW)
        assert "burst-9" in said
        assert "burst-0, burst-1" in said
        assert orders.standing == ByHand()

    def test_resuming_ends_what_was_not_known(self, ledger) -> None:
        """A person takes it on that the money of the day is not known."""
        orders = Orders(ledger)
        orders.mark_unknown_spend()
        assert Orders(ledger).standing.spend_unknown
        orders.obey(Order("resume"), POOLS, NOW)
        assert not Orders(ledger).standing.spend_unknown

    def test_an_order_whose_time_is_over_is_dropped(self, ledger) -> None:
        """Nothing that ended is kept."""
        orders = Orders(ledger)
        orders.obey(Order("up", ("burst-0",), seconds=60.0), POOLS, NOW)
        orders.forget_expired(NOW + 59)
        assert orders.standing.ups
        orders.forget_expired(NOW + 60)
        assert Orders(ledger).standing.ups == ()

    def test_opening_a_pool_forgets_its_failures(self, ledger) -> None:
        """What failed before counts no more, also for good; what fails after does."""
        failed = a_burst(Phase.GONE, failure=Failure("no such image"))
        ledger.record([failed], (), NOW)
        assert ledger.cooldowns(NOW)
        Orders(ledger).obey(Order("reopen", ("burst-0",)), POOLS, NOW + 1)
        assert ledger.cooldowns(NOW) == ()
        ledger.record([a_burst(Phase.GONE, generation=2, failure=failed.failure)], (), NOW + 2)
        assert ledger.cooldowns(NOW)


@pytest.fixture
def obeying(tmp_path):
    """A socket, with a thread that answers what comes in as a main loop would; it keeps what it heard."""
    heard, woken = [], threading.Event()
    questions = Questions(woken.set)
    listening = Control(tmp_path, woken.set, questions)
    over = threading.Event()

    def loop():
        while not over.is_set():
            woken.wait(0.05)
            woken.clear()
            for asked in questions.take():
                asked.answer({"asked": asked.ask})
            for call in listening.calls():
                heard.append(call.order)
                call.answer("taken.", done=not call.order.wait)
                if call.order.wait:
                    call.answer("done.")

    listening.open()
    thread = threading.Thread(target=loop)
    thread.start()
    yield heard
    over.set()
    thread.join()
    listening.close()


class TestControl:
    """The socket."""

    def test_an_order_comes_over_whole(self, obeying, tmp_path) -> None:
        """What is asked is what is heard, with the uid that the kernel tells; the answers come in order."""
        order = Order("down", ("burst-0",), force=True, wait=True)
        assert list(ask(tmp_path, order)) == ["taken.", "done."]
        assert obeying == [Order("down", ("burst-0",), force=True, wait=True, userid=os.geteuid())]

    def test_nobody_else_may_reach_it(self, obeying, tmp_path) -> None:
        """The socket is its user's alone."""
        assert (tmp_path / control.NAME).stat().st_mode & 0o777 == 0o600
        assert obeying == []

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"{",
            b"3",
            b'{"do": "dance"}',
            b'{"do": "up", "hosts": "many"}',
            b'{"do": "up", "x": 1}',
            b'{"ask": "gold"}',
            b'{"ask": []}',
            b'{"ask": "status", "do": "pause"}',
        ],
    )
    def test_what_is_no_order_is_refused(self, obeying, tmp_path, line) -> None:
        """Bytes that nobody understands reach no loop and end nothing."""
        with short(tmp_path) as folder, socket.socket(socket.AF_UNIX) as peer:
            peer.connect(f"{folder}/{control.NAME}")
            peer.sendall(line + b"\n")
            answer = json.loads(peer.makefile("rb").readline())
        assert (answer["fine"], answer["done"]) == (False, True)
        assert obeying == []
        assert list(ask(tmp_path, Order("pause"))) == ["taken."]

    def test_a_question_is_answered_and_is_no_order(self, obeying, tmp_path) -> None:
        """Who asks gets one document; nothing is obeyed, so nothing is written."""
        assert question(tmp_path, "status") == {"asked": "status"}
        assert obeying == []
        with pytest.raises(BurstdError, match="there is no question 'gold'"):
            question(tmp_path, "gold")

    @pytest.mark.process
    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as another user")
    @pytest.mark.parametrize("line", ['{"ask": "status"}', '{"do": "pause"}'])
    def test_another_user_is_refused(self, line) -> None:
        """Where the socket could be reached after all, the kernel's word about who asks still counts."""
        questions = Questions(lambda: None)
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(Control(Path(folder), lambda: None, questions)) as open_one,
        ):
            open_one.open()
            Path(folder).chmod(0o755)
            Path(folder, control.NAME).chmod(0o666)
            answer = as_another(Path(folder, control.NAME), line)
            assert [*open_one.calls(), *questions.take()] == []
        assert not answer["fine"]
        assert answer["sentences"][0].startswith("uid 65534 may not")

    def test_who_asks_is_told_of_the_end(self, tmp_path) -> None:
        """A daemon that stops before it answered says so."""
        asked = threading.Event()
        listening = Control(tmp_path, asked.set, Questions(asked.set))
        listening.open()
        refusals: list[str] = []

        def ask_and_note() -> None:
            with pytest.raises(BurstdError) as refused:
                question(tmp_path, "status")
            refusals.append(str(refused.value))

        asking = threading.Thread(target=ask_and_note)
        asking.start()
        assert asked.wait(20)
        listening.close()
        asking.join(20)
        assert refusals == ["burstd is busy, or is being stopped: ask again"]

    def test_without_a_daemon_nobody_answers(self, tmp_path) -> None:
        """Whoever asks finds out at once that none runs."""
        with pytest.raises(FileNotFoundError):
            list(ask(tmp_path, Order("pause")))

    def test_a_long_path_is_no_hindrance(self, tmp_path) -> None:
        """A socket's path may have 107 bytes; that of a state directory may have more."""
        deep = tmp_path / ("x" * 100) / ("y" * 100)
        deep.mkdir(parents=True)
        with closing(Control(deep, lambda: None, Questions(lambda: None))) as listening:
            listening.open()
            assert (deep / control.NAME).is_socket()

    def test_who_waits_is_told_of_the_end(self, tmp_path) -> None:
        """A daemon that stops leaves nobody waiting."""
        listening = Control(tmp_path, lambda: None, Questions(lambda: None))
        listening.open()
        answers: list[str] = []
        asking = threading.Thread(target=lambda: answers.extend(ask(tmp_path, Order("down", wait=True))))
        asking.start()
        while not (calls := list(listening.calls())):
            pass
        calls[0].answer("taken.", done=False)
        listening.close()
        asking.join(20)
        assert answers[0] == "taken."
        assert "stopped" in answers[1]


def test_the_ledger_refuses_an_intent_of_one_that_lost_its_turn(tmp_path: Path) -> None:
    """Two that have one ledger open: once the second began its epoch, the first can mean nothing any more."""
    action = Action(Verb.PROVISION, "burst-0-g1", "burst-0", 1, 4)
    with closing(Ledger(tmp_path / "ledger.db")) as first, closing(Ledger(tmp_path / "ledger.db")) as second:
        first.begin_epoch("1.a")
        first.intend(action, None, NOW)
        second.begin_epoch("2.b")
        with pytest.raises(BurstdError, match="another burstd"):
            first.intend(action, None, NOW)
        assert len(second.intents()) == 1
        second.conclude(1, Outcome(Verb.PROVISION, NOW), None)
