"""How burstd speaks: one line for each sentence, whatever others wrote into it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from burstd.engine.log import JsonLines, TextLines

FORGED = "job x waits\n2026-01-01T00:00:00Z ERROR everything is lost\x1b[2J\u2028\u202e\x9b"


def record(sentence: str, *, broken: bool = False) -> logging.LogRecord:
    found = None
    if broken:
        try:
            raise ValueError(FORGED)
        except ValueError:
            found = sys.exc_info()
    return logging.LogRecord("burstd", logging.WARNING, "", 0, "%s", (sentence,), found)


def test_a_sentence_is_one_line_of_text() -> None:
    """Line breaks, escapes and directions in quoted text are written out, not done."""
    line = TextLines().format(record(FORGED))

    assert line.isprintable()
    assert r"job x waits\n2026" in line
    assert r"\x1b[2J\u2028\u202e\x9b" in line


def test_a_sentence_is_one_object_of_json() -> None:
    """The same holds of the sentence in a JSON line."""
    line = JsonLines().format(record(FORGED))

    assert "\n" not in line
    assert json.loads(line)["sentence"].isprintable()


@pytest.mark.parametrize("text", ["plain", "Grüße an alle", "日本"])
def test_what_can_be_printed_stays_as_it_is(text: str) -> None:
    """Letters of any language are not escaped."""
    assert TextLines().format(record(text)).endswith(f"WARNING {text}")


def test_a_traceback_begins_no_line_that_looks_like_a_sentence() -> None:
    """Each line of a traceback stands indented below its sentence, and is printable."""
    first, *rest = TextLines().format(record("it failed", broken=True)).splitlines()

    assert first.endswith("WARNING it failed")
    assert rest
    assert all(line.startswith("  ") and line.isprintable() for line in rest)


@pytest.mark.parametrize(
    ("sentence", "subject"),
    [
        ("burst-0-g12: serves", {"burst": "burst-0-g12"}),
        ("job ƒZu34go waits: starting: Hosts for it are up.", {"job": "ƒZu34go"}),
        ("the lead answers again", {}),
        ("telling the lead of burst-0-g1: done", {}),
    ],
)
def test_a_json_line_says_what_it_is_about(sentence: str, subject: dict[str, str]) -> None:
    """A sentence that begins with a burst or a job has it as a field; what is only named in it is none."""
    line = json.loads(JsonLines().format(record(sentence)))

    assert {key: line[key] for key in ("burst", "job") if key in line} == subject


@pytest.mark.process
@pytest.mark.parametrize(
    ("speech", "levels"),
    [
        ("verbose=False", ["info", "warning"]),
        ("verbose=False, quiet=True", ["warning"]),
        ("verbose=True, quiet=True", ["debug", "info", "warning"]),
    ],
)
def test_how_much_is_said(speech: str, levels: list[str]) -> None:
    """Each level is said or not as it was asked for; who wants every step gets every step."""
    code = f"""
import logging
from burstd.engine.log import set_up
set_up(as_json=True, {speech})
for level in (logging.DEBUG, logging.INFO, logging.WARNING):
    logging.getLogger("burstd").log(level, "a sentence")
"""
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert [json.loads(line)["level"] for line in said.stderr.splitlines()] == levels
