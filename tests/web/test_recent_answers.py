"""Answers that many ask for at once."""

from __future__ import annotations

import threading

import pytest

from burstd.web.recent import Recent
from burstd.web.sources import NoAnswer


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_is_given_again_for_a_second() -> None:
    """The daemon is asked anew once a second has passed."""
    clock, asked = Clock(), []
    recent = Recent(lambda: asked.append(1) or {"number": len(asked)}, clock)
    assert recent() == {"number": 1}
    clock.now += 0.9
    assert recent() == {"number": 1}
    clock.now += 0.2
    assert recent() == {"number": 2}


def test_an_answer_that_took_long_is_kept_longer() -> None:
    """Where an answer costs the daemon half a second, it is asked every five."""
    clock, asked = Clock(), []

    def ask():
        asked.append(1)
        clock.now += 0.5
        return {}

    recent = Recent(ask, clock)
    for _ in range(100):
        recent()
        clock.now += 0.1
    assert len(asked) == 2


def test_who_waits_shares_what_comes_of_it() -> None:
    """While one asks a daemon that gives no answer, others wait for that, and not each for their own."""
    asked, begun, over = [], threading.Event(), threading.Event()

    def ask():
        asked.append(1)
        begun.set()
        over.wait(10)
        raise NoAnswer("none")

    recent = Recent(ask)
    found = []

    def look():
        try:
            recent()
        except NoAnswer as exc:
            found.append(str(exc))

    threads = [threading.Thread(target=look) for _ in range(8)]
    threads[0].start()
    assert begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    over.set()
    for thread in threads:
        thread.join(10)
    assert found == ["none"] * 8
    assert len(asked) <= 2


def test_after_a_failure_the_next_one_asks_again() -> None:
    """That there was no answer is not kept."""
    clock, answers = Clock(), [NoAnswer("none"), {"fine": True}]

    def ask():
        clock.now += 0.01
        answer = answers.pop(0)
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    recent = Recent(ask, clock)
    with pytest.raises(NoAnswer, match="none"):
        recent()
    clock.now += 0.01
    assert recent() == {"fine": True}
