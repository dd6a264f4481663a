"""A notice that is posted: where it goes, what it says, and what is said where it does not arrive."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import trustme
from fakes.listener import Listener

from burstd.core.errors import Undelivered
from burstd.core.notices import trial
from burstd.engine.webhooks import Webhook

NOTICE = trial("tester", 1_000_000.0)
SECRET = "abcd1234efgh5678ijkl9012"


def webhook(url: str = "", **changes: Any) -> Webhook:
    fields = {"url": url, "url_file": None, "token_file": None, "body": "notice", "seconds": 10.0}
    return Webhook(**{**fields, **changes})


def secret(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def deliver(hook: Webhook) -> None:
    hook.deliver(NOTICE, threading.Event())


def refused(hook: Webhook) -> str:
    with pytest.raises(Undelivered) as caught:
        deliver(hook)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_the_notice_is_posted_as_json() -> None:
    """The whole document goes to the URL, with no token where none is configured."""
    with Listener() as listener:
        deliver(webhook(listener.url("/a/b")))
        (heard,) = listener.heard
    assert (heard.path, heard.document) == ("/a/b", NOTICE.document(jobs=False))
    assert heard.headers["Content-Type"] == "application/json"
    assert "Authorization" not in heard.headers


def test_url_and_token_are_read_from_files_for_each_notice(tmp_path: Path) -> None:
    """A token that was replaced counts at once; as `text` the sentence alone is posted."""
    with Listener() as listener:
        url = secret(tmp_path / "url", listener.url(f"/services/{SECRET}") + "\n")
        token = secret(tmp_path / "token", "first\n")
        hook = webhook(url_file=url, token_file=token, body="text")
        deliver(hook)
        token.write_text("second\n")
        deliver(hook)
        one, two = listener.heard
    assert one.path == f"/services/{SECRET}"
    assert [heard.headers["Authorization"] for heard in (one, two)] == ["Bearer first", "Bearer second"]
    assert one.document == {"text": NOTICE.sentence}
    assert SECRET not in hook.name


def test_a_busy_server_is_asked_again() -> None:
    """An answer that asks for patience is no failure; the third attempt succeeds."""
    with Listener(answers=[503, 429]) as listener:
        deliver(webhook(listener.url()))
        assert len(listener.heard) == 3


def test_a_server_that_refuses_is_not_asked_again() -> None:
    """An answer that a repetition does not change is told in one sentence."""
    with Listener(answers=[403]) as listener:
        assert refused(webhook(listener.url(f"/{SECRET}"))) == "it answered 403 Forbidden"
        assert len(listener.heard) == 1


def test_a_redirect_is_not_followed() -> None:
    """A notice goes where somebody wrote that it goes, and nowhere else."""
    with Listener() as other, Listener(answers=[307], location=other.url()) as listener:
        assert refused(webhook(listener.url())) == "it answered 307, a redirect, and burstd follows none"
        assert (len(listener.heard), other.heard) == (1, [])


def test_nobody_listens(tmp_path: Path) -> None:
    """Where nobody is reached, the sentence says why and nothing of the URL."""
    with Listener() as listener:
        url = secret(tmp_path / "url", listener.url(f"/{SECRET}"))
    assert refused(webhook(url_file=url)) == "it cannot be reached: Connection refused"


def test_nobody_answers() -> None:
    """One that takes the notice and stays silent is given up after its time, and not when burstd stops."""
    stop = threading.Event()
    stop.set()
    with Listener(held=True) as listener, pytest.raises(Undelivered, match=r"within 0\.2 s"):
        webhook(listener.url(), seconds=0.2).deliver(NOTICE, stop)
    assert len(listener.heard) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is verified: by this machine's authorities, or those that SSL_CERT_FILE names."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with Listener(tls=context) as listener:
        said = refused(webhook(listener.url(f"/{SECRET}")))
        assert said.startswith("its certificate is not trusted: ")
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        deliver(webhook(listener.url()))
        assert len(listener.heard) == 1


@pytest.mark.parametrize("text", ["https:/x", "ftp://a.example/x", "", "\xe9"])
def test_a_file_that_holds_no_url_any_more(tmp_path: Path, text: str) -> None:
    """A file that was broken since the start is named, and what stands there is not quoted."""
    path = secret(tmp_path / "url", text)
    assert str(path) in refused(webhook(url_file=path))


def test_a_token_of_several_lines(tmp_path: Path) -> None:
    """What no header may hold is not sent, and not quoted."""
    token = secret(tmp_path / "token", f"a\n{SECRET}")
    with Listener() as listener:
        said = refused(webhook(listener.url(), token_file=token))
    assert said == "its URL or its token has what HTTP does not allow"
    assert listener.heard == []


def test_a_name_that_is_none() -> None:
    """A host that no resolver can be asked for ends nothing but this notice."""
    assert "what HTTP does not allow" in refused(webhook(f"https://{'a' * 64}.example/{SECRET}"))


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """A file that was removed since the start is named."""
    path = tmp_path / "token"
    expected = f"{path} cannot be read: No such file or directory"
    assert refused(webhook("http://localhost:1", token_file=path)) == expected
