"""What is said while burstd stands by, and how often."""

from __future__ import annotations

import logging

from burstd.engine.standby import REPEAT_SECONDS, News


class Hours:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Kept(logging.Handler):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        self.sentences.append(record.getMessage())


def passes(news: News, sentence: str) -> bool:
    return bool(news.filter(logging.LogRecord("burstd", logging.INFO, "", 0, "%s", (sentence,), None)))


def test_a_sentence_is_said_once_and_again_after_a_while() -> None:
    """The same sentence passes once, another at once, and the first again after ten minutes."""
    clock = Hours()
    news = News(clock)
    assert [passes(news, text) for text in ("a", "a", "b", "a", "b")] == [True, False, True, False, False]
    clock.now += REPEAT_SECONDS
    assert [passes(news, text) for text in ("a", "a")] == [True, False]


def test_everything_is_said_while_burstd_serves() -> None:
    """Nothing is held back from one who serves, and what was said before is news afterwards."""
    news = News(Hours())
    assert passes(news, "a")
    news.begin(quiet=False)
    assert [passes(news, "a"), passes(news, "a")] == [True, True]
    news.begin(quiet=True)
    assert [passes(news, "a"), passes(news, "a")] == [True, False]


def test_a_trouble_that_comes_back_is_said_again() -> None:
    """Between two troubles each change is said, however short it was."""
    news, handler = News(Hours()), Kept()
    handler.addFilter(news)
    logger = logging.getLogger("burstd.standby")
    logger.addHandler(handler)
    try:
        for trouble in ("a", "a", "b", "a"):
            news.say(trouble)
    finally:
        logger.removeHandler(handler)
    assert handler.sentences == ["a", "b", "a"]
