"""The server, asked over a real socket: who is told what, and what it refuses."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from players import EVIL, TOKEN, a_busy_daemon, asked, served

from burstd.core.reasons import Code, Reason
from burstd.core.withheld import WITHHELD
from burstd.testing.builders import a_job

SECRET_PATHS = ("/api/v1/jobs", "/api/v1/events")
DATA_PATHS = ("/api/v1/status", "/api/v1/bursts", *SECRET_PATHS)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


def told(port: int, path: str, **options: str) -> dict:
    status, _, body = asked(port, path, **options)
    assert status == 200, body
    return json.loads(body)


def test_without_the_token_nobody_is_named(token_file: Path) -> None:
    """No job, no user and no word of a cloud or a user is told on loopback to who has no token."""
    with served(a_busy_daemon(EVIL, EVIL), token_file=token_file) as port:
        texts = [asked(port, path)[2].decode() for path in ("/api/v1/status", "/api/v1/bursts")]
        assert [asked(port, path)[0] for path in SECRET_PATHS] == [401, 401]
        status = json.loads(texts[0])
    for text in texts:
        assert not any(word in text for word in ("script", "4711", "ƒ", "\\u0192"))
    assert [(wait["code"], wait["jobs"], wait["examples"]) for wait in status["waiting"]] == [
        ("pool-busy", 2, []),
        ("pool-cooldown", 1, []),
    ]
    assert [pool["last_error"] for pool in status["pools"]] == ["", WITHHELD, ""]
    assert status["discreet"] is True


def test_with_the_token_all_is_told(token_file: Path) -> None:
    """Who has the token is told names, sentences, and the words of clouds."""
    with served(a_busy_daemon(), token_file=token_file) as port:
        status = told(port, "/api/v1/status", token=TOKEN)
        jobs = told(port, "/api/v1/jobs", token=TOKEN)["jobs"]
    assert status["waiting"][0]["examples"] == ["ƒ8", "ƒ9"]
    assert (jobs[0]["id"], jobs[0]["name"], jobs[0]["userid"]) == ("ƒ8", "train", 4711)


@pytest.mark.parametrize("given", ["", TOKEN[:-1], f"{TOKEN}x", "é" * 20])
def test_another_token_is_refused_everywhere(given: str, token_file: Path) -> None:
    """A wrong token is an error, also for what needs none: whoever sends one should know."""
    with served(a_busy_daemon(), token_file=token_file) as port:
        answers = [asked(port, path, Authorization=f"Bearer {given}") for path in DATA_PATHS]
    assert {status for status, _, _ in answers} == {401}
    assert answers[0][1]["WWW-Authenticate"] == 'Bearer realm="burstd"'


@pytest.mark.parametrize("content", ["", "\n", "short"])
def test_an_empty_or_short_token_is_nobodys(content: str, token_file: Path) -> None:
    """A token file that was emptied while burstd runs lets nobody in."""
    with served(a_busy_daemon(), token_file=token_file) as port:
        token_file.write_text(content)
        assert asked(port, "/api/v1/jobs", Authorization=f"Bearer {content.strip()}")[0] == 401
        token_file.unlink()
        assert asked(port, "/api/v1/jobs", token=TOKEN)[0] == 401


def test_beyond_loopback_all_but_health_needs_the_token(token_file: Path) -> None:
    """Where others can ask, only the page's own files, its description and the health are open."""
    with served(a_busy_daemon(), metrics=lambda: b"up 1\n", bind="0.0.0.0", token_file=token_file) as port:
        assert {asked(port, path)[0] for path in (*DATA_PATHS, "/metrics")} == {401}
        assert {asked(port, path, token=TOKEN)[0] for path in (*DATA_PATHS, "/metrics")} == {200}
        open_paths = ("/", "/page.js", "/page.css", "/icon.svg", "/livez", "/readyz", "/api/v1/openapi.json")
        assert {asked(port, path)[0] for path in open_paths} == {200}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""])
def test_another_name_is_refused(host: str) -> None:
    """A site whose name was made to lead here (DNS rebinding) is told nothing, not even health."""
    with served(a_busy_daemon()) as port:
        found = {asked(port, path, Host=host)[0] for path in ("/", "/livez", "/api/v1/status", "/none")}
    assert found == {421}


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:1", "[::1]:9000", "LOCALHOST.", "burst.example:443"]
)
def test_its_own_names_are_taken(host: str) -> None:
    """Loopback's names, through a forwarded port too, and those of the configuration."""
    with served(a_busy_daemon(), names=("Burst.example",)) as port:
        assert asked(port, "/livez", Host=host)[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(method: str, token_file: Path) -> None:
    """Every method but GET and HEAD is refused, with the token too."""
    with served(a_busy_daemon(), token_file=token_file) as port:
        for path in ("/", "/api/v1/status", "/none"):
            status, headers, _ = asked(port, path, method=method, token=TOKEN)
            assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_head_is_get_without_a_body() -> None:
    """HEAD has the headers of GET and nothing else."""
    with served(a_busy_daemon()) as port:
        for path in ("/", "/livez", "/api/v1/bursts"):
            status, headers, body = asked(port, path, method="HEAD")
            assert (status, body) == (200, b"")
            assert int(headers["Content-Length"]) > 0


def test_every_answer_is_kept_to_itself() -> None:
    """Answers and errors alike are not stored, not framed, not guessed at, and load nothing else."""
    with served(a_busy_daemon()) as port:
        for path, host in (
            ("/", "localhost"),
            ("/api/v1/jobs", "localhost"),
            ("/none", "localhost"),
            ("/", "x"),
        ):
            headers = asked(port, path, Host=host)[1]
            assert headers["Cache-Control"] == "no-store"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Content-Security-Policy"].startswith("default-src 'self';")
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert headers["Server"] is None
            assert headers["Access-Control-Allow-Origin"] is None


def test_what_did_not_change_is_not_sent_again() -> None:
    """An ETag stands for what is so: seconds that pass do not count, an event does."""
    daemon = a_busy_daemon()
    with served(daemon) as port:
        tag = asked(port, "/api/v1/status")[1]["ETag"]
        assert asked(port, "/api/v1/status", If_None_Match=f'"other", {tag}')[::2] == (304, b"")
        daemon.reasons = ()
        deadline = time.monotonic() + 10
        while asked(port, "/api/v1/status", If_None_Match=tag)[0] == 304:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_many_who_look_ask_the_daemon_once() -> None:
    """However often the status is asked for, the main loop is asked about once a second."""
    daemon = a_busy_daemon()
    with served(daemon) as port:
        begun = time.monotonic()
        for _ in range(50):
            told(port, "/api/v1/status")
        assert daemon.asked.count("overview") <= 1 + (time.monotonic() - begun)


def test_health_is_told_in_words() -> None:
    """/livez goes by the loop, /readyz by the lead and the ledger too."""
    daemon = a_busy_daemon()
    with served(daemon) as port:
        assert [asked(port, path)[0] for path in ("/livez", "/readyz")] == [200, 200]
        daemon.trouble = "the ledger cannot be written: its disk is full"
        assert asked(port, "/readyz")[::2] == (
            503,
            json.dumps({"detail": daemon.trouble}, separators=(",", ":")).encode(),
        )
    daemon.trouble, daemon.serves = "", False
    with served(daemon) as port:
        assert [asked(port, path)[0] for path in ("/livez", "/readyz")] == [200, 503]
        assert b"burstd stands by" in asked(port, "/readyz")[2]
    daemon.trouble, daemon.answers = "the ledger cannot be written: its disk is full", False
    with served(daemon) as port:
        answers = [asked(port, path) for path in ("/livez", "/readyz", "/api/v1/status")]
    assert [status for status, _, _ in answers] == [503, 503, 503]
    assert all(b"no answer in time" in body for _, _, body in answers)
    assert b"disk is full" in answers[1][2]


def test_metrics_are_as_prometheus_reads_them() -> None:
    """The text is passed on with its content type; without metrics there is a sentence."""
    with served(a_busy_daemon(), metrics=lambda: b"up 1\n") as port:
        status, headers, body = asked(port, "/metrics")
    assert (status, headers["Content-Type"], body) == (
        200,
        "text/plain; version=0.0.4; charset=utf-8",
        b"up 1\n",
    )
    with served(a_busy_daemon()) as port:
        assert asked(port, "/metrics")[0] == 404


def test_jobs_and_events_come_in_pages(token_file: Path) -> None:
    """Of very many jobs an answer has some, and says what to ask for next; each is told once."""
    daemon = a_busy_daemon()
    count = 2500
    jobs = tuple(a_job(id_, name=f"j{id_}") for id_ in range(1, count + 1))
    daemon.snapshot = daemon.snapshot.__class__(daemon.snapshot.hosts, jobs)
    daemon.reasons = tuple((id_, Reason(Code.PAUSED)) for id_ in range(count, 0, -1))
    names, after = [], ""
    with served(daemon, token_file=token_file) as port:
        while after is not None:
            page = told(
                port, f"/api/v1/jobs?limit=1000{f'&after=f{after[1:]}' if after else ''}", token=TOKEN
            )
            names += [job["name"] for job in page["jobs"]]
            after = page["after"] or None
        first = told(port, "/api/v1/events?limit=2", token=TOKEN)
        rest = told(port, f"/api/v1/events?before={first['before']}", token=TOKEN)
        assert {
            asked(port, f"/api/v1/jobs?{query}", token=TOKEN)[0]
            for query in ("limit=0", "limit=1001", "after=0x")
        } == {422}
    assert names == [f"j{id_}" for id_ in range(1, count + 1)]
    assert [event["sentence"] for event in (*first["events"], *rest["events"])] == [
        text for _, text in daemon.told
    ][::-1]


def test_answers_are_as_they_are_described(token_file: Path) -> None:
    """Every answer fits the OpenAPI description, which itself names all there is for programs."""
    with served(a_busy_daemon(), token_file=token_file) as port:
        description = told(port, "/api/v1/openapi.json")
        for path in (*DATA_PATHS, "/livez", "/readyz"):
            for token in ("", TOKEN):
                status, _, body = asked(port, path, token=token)
                _check(description, path, str(status), json.loads(body))
    assert sorted(description["paths"]) == sorted([*DATA_PATHS, "/livez", "/readyz", "/metrics"])
    assert {method for path in description["paths"].values() for method in path} == {"get"}


def _check(description: dict, path: str, status: str, document: dict) -> None:
    schema = description["paths"][path]["get"]["responses"][status]["content"]["application/json"]["schema"]
    validator = Draft202012Validator(schema | {"components": description["components"]})
    assert [error.message for error in validator.iter_errors(document)] == []
    name = schema["$ref"].rsplit("/", 1)[1]
    assert set(document) == set(description["components"]["schemas"][name]["properties"]), path


def test_who_only_connects_keeps_nobody_out() -> None:
    """A hundred connections that ask nothing take neither its files nor others' place for long."""
    with served(a_busy_daemon()) as port, ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(100)]
        deadline = time.monotonic() + 5
        closed = 0
        while closed < 30:
            assert time.monotonic() < deadline, closed
            closed = sum(map(_is_closed, idle))
        for one in idle[:50]:
            one.close()
        while True:
            try:
                assert asked(port, "/livez")[0] == 200
            except OSError:
                assert time.monotonic() < deadline
            else:
                break


def _is_closed(peer: socket.socket) -> bool:
    peer.setblocking(False)
    try:
        return peer.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.mark.process
def test_nothing_of_it_is_imported_where_http_is_off() -> None:
    """What serves HTTP is imported when it is served, and not before."""
    code = "import sys, burstd.engine.wiring; print('fastapi' in sys.modules, 'uvicorn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_it_is_over_when_it_is_stopped() -> None:
    """After its end nothing listens at the port, and another may."""
    with served(a_busy_daemon()) as port:
        told(port, "/livez")
    with pytest.raises(ConnectionRefusedError):
        asked(port, "/livez")
    with served(a_busy_daemon(), port=port):
        told(port, "/livez")
