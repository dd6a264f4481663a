"""The page about notifications says what is so, and its examples work."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.listener import Listener
from pages import ROOT, blocks, first_cells

from burstd.config import Config, Flags, load
from burstd.core.notices import Event, trial
from burstd.engine.couriers import CLOSE_SECONDS, QUEUED
from burstd.engine.hooks import Hook
from burstd.engine.notifier import LOST_SECONDS, targets
from burstd.engine.webhooks import ATTEMPTS

PAGE = ROOT / "docs/notifications.md"
NOTICE = replace(trial("tester", 1_000_000.0), event=Event.BURST_GONE, sentence="It's gone; $(rm -rf /).")


@pytest.fixture
def config() -> Config:
    return load(ROOT / "examples/notify.yaml", Flags(), here=False)


def test_the_page_lists_the_events() -> None:
    """The table has every event, in order, and no other."""
    assert first_cells(PAGE, "## The events\n") == list(Event)


def test_the_page_lists_the_names() -> None:
    """The table has every name of a notice, and the one that is shown has all but those of jobs."""
    assert first_cells(PAGE, "## The notice\n") == list(NOTICE.document(jobs=True))
    (shown,) = blocks(PAGE, "json")
    assert list(json.loads(shown)) == list(NOTICE.document(jobs=False))


def test_the_page_tells_the_numbers() -> None:
    """Spans, tries and the length of the queue are those of the code."""
    text = " ".join(PAGE.read_text().split())
    assert f"has not answered for {LOST_SECONDS:.0f} s" in text
    assert f"a queue of {QUEUED} notices" in text
    assert f"waits up to {CLOSE_SECONDS:.0f} s" in text
    assert f"{ {3: 'three'}[ATTEMPTS] } times in all" in text


def test_the_example_for_slack_posts_its_sentence(config: Config, tmp_path: Path) -> None:
    """What the example has for Slack is a document with the sentence as its text."""
    url = tmp_path / "slack.url"
    url.touch(mode=0o600)
    with Listener() as listener:
        url.write_text(listener.url("/services/T0/B0/key"))
        (_, target), *_ = targets([config.notify[0].model_copy(update={"url_file": url})])
        target.deliver(NOTICE, threading.Event())
        (heard,) = listener.heard
    assert (heard.path, heard.document) == ("/services/T0/B0/key", {"text": NOTICE.sentence})


@pytest.mark.process
def test_the_example_for_mail_mails_the_notice(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sendmail gets a mail with a head, the sentence as it is, and the document."""
    sendmail = tmp_path / "sendmail"
    sendmail.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words; cat > {tmp_path}/mail\n')
    sendmail.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    command = config.notify[1].command or ()
    Hook((str(ROOT / "examples/mail-notice"), *command[1:]), 10).deliver(NOTICE, threading.Event())
    assert (tmp_path / "words").read_text() == "-t\n"
    head, _, body = (tmp_path / "mail").read_text().partition("\n\n")
    assert head.splitlines()[:2] == ["To: root@example.org", "Subject: burstd tester: burst-gone"]
    sentence, document = re.fullmatch(r"(.*)\n\n(.*)\n", body).groups()
    assert (sentence, json.loads(document)) == (NOTICE.sentence, NOTICE.document(jobs=False))
