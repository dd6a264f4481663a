"""The page, in a real browser that nobody looks at."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, chromium
from players import EVIL, TOKEN, a_busy_daemon, served

pytestmark = [pytest.mark.process, pytest.mark.browser]

IMAGES = Path(__file__).parents[2] / "docs/images"
LARGEST_BYTES = 150_000
FAINT = (Path(__file__).parent / "contrast.js").read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return path


def give_token(browser: Browser, token: str = TOKEN) -> None:
    browser.run("sessionStorage.clear()")
    browser.driver.refresh()
    browser.has("#state", "Live")
    browser.type("#token", token, "\n")


def test_it_shows_what_stands_and_changes_by_itself(browser: Browser) -> None:
    """Pools, bursts on a time line, reasons, spend: live, without a reload, and nothing from elsewhere."""
    daemon = a_busy_daemon()
    with served(daemon) as port:
        browser.requested()
        browser.open(f"http://127.0.0.1:{port}/")
        browser.has("#state", "Live.")
        assert "3/4" in browser.has("#pools", "cpu")
        assert "cooling-down" in browser.text("#pools")
        assert "serving" in browser.has("#bursts", "cpu-g3")
        assert "Every host of the pool is in use or promised." in browser.has("#waiting", "pool-busy")
        assert "of 120.00" in browser.text("#spend")
        assert browser.run("return document.querySelectorAll('#timeline rect').length") >= 12
        browser.run("window.same = true")
        daemon.reasons, daemon.snapshot = (), daemon.snapshot.__class__(daemon.snapshot.hosts, ())
        browser.has("#waiting", "No burstable job waits.")
        browser.has("#bursts", "No burst lives.")
        assert browser.run("return window.same") is True
        origins = {address.split("/", 3)[2] for address in browser.requested() if "://" in address}
    assert origins == {f"127.0.0.1:{port}"}
    assert browser.complaints() == []


def test_it_says_when_nobody_answers(browser: Browser) -> None:
    """The lead away, burstd stuck, burstd gone: each in words, and how old is what is shown."""
    daemon = a_busy_daemon()
    with served(daemon) as port:
        browser.open(f"http://127.0.0.1:{port}/")
        browser.has("#state", "Live.")
        daemon.lead_answers = False
        browser.has("#state", "The lead does not answer; hosts and jobs are as they were")
        daemon.answers = False
        browser.has("#state", "burstd is busy, or is being stopped")
        daemon.answers = daemon.lead_answers = True
        browser.has("#state", "Live.")
    browser.has("#state", "burstd does not answer.")
    browser.has("#age", "Seen ")
    assert "cpu-g3" in browser.text("#bursts")
    browser.complaints()


def test_names_are_shown_to_who_has_the_token(browser: Browser, token_file: Path) -> None:
    """The token goes in by the keyboard, stays in this tab and out of the address; a wrong one is told."""
    with served(a_busy_daemon(), token_file=token_file) as port:
        browser.open(f"http://127.0.0.1:{port}/")
        browser.run("sessionStorage.clear()")
        browser.has("#state", "Live.")
        assert "europe-west4-a" not in browser.text("body")
        browser.type("#token", "another-token-of-nobody", "\n")
        browser.has("#token-says", "This is not the token.")
        browser.type("#token", TOKEN, "\n")
        browser.has("#pools", "europe-west4-a")
        browser.has("#events", "cpu-g3: serves")
        browser.type("#jobs-details summary", "\n")
        assert "uid 4711" in browser.has("#jobs", "train")
        assert TOKEN not in browser.driver.current_url
        browser.driver.refresh()
        browser.has("#pools", "europe-west4-a")
        browser.click("#forget")
        browser.until("#pools", lambda text: text and "europe-west4-a" not in text)
        assert browser.run("return sessionStorage.length") == 0
    assert all("401" in complaint for complaint in browser.complaints())


def test_it_asks_for_the_token_where_all_needs_it(browser: Browser, token_file: Path) -> None:
    """Beyond loopback the page itself is open, says what it lacks, and shows all once it has it."""
    with served(a_busy_daemon(), bind="0.0.0.0", token_file=token_file) as port:
        browser.open(f"http://127.0.0.1:{port}/")
        browser.run("sessionStorage.clear()")
        browser.driver.refresh()
        browser.has("#state", "burstd asks for the token.")
        assert "cpu" not in browser.text("main")
        browser.type("#token", TOKEN, "\n")
        browser.has("#state", "Live.")
        browser.has("#bursts", "cpu-g3")
    browser.complaints()


def test_what_others_wrote_is_text(browser: Browser, token_file: Path) -> None:
    """A job's name and a cloud's words with markup in them are shown as they are, and do nothing."""
    with served(a_busy_daemon(EVIL, EVIL), token_file=token_file) as port:
        browser.open(f"http://127.0.0.1:{port}/")
        give_token(browser)
        for place in ("#pools", "#bursts", "#waiting", "#events"):
            browser.has(place, EVIL)
        browser.click("#jobs-details summary")
        browser.has("#jobs", EVIL)
        assert browser.run("return document.querySelectorAll('main script, main img').length") == 0
        assert browser.run("return window.evil ?? null") is None
    assert browser.complaints() == []


def test_it_is_read_on_a_narrow_screen(browser: Browser) -> None:
    """At 360 pixels nothing sticks out, and every cell says which column it is of."""
    with served(a_busy_daemon(words="w" * 300)) as port:
        browser.open(f"http://127.0.0.1:{port}/", width=360)
        browser.has("#bursts", "cpu-g3")
        assert browser.run("return document.documentElement.scrollWidth") <= 360
        found = browser.run(
            "return getComputedStyle(document.querySelector('#pools td'), '::before').content"
        )
    assert "pool" in found
    assert browser.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody(browser: Browser, scheme: str, token_file: Path) -> None:
    """Words stand out from their ground (WCAG 2.2, 1.4.3), headings name columns, the picture is kept."""
    with served(a_busy_daemon(), token_file=token_file) as port:
        browser.open(f"http://127.0.0.1:{port}/", scheme=scheme)
        give_token(browser)
        browser.has("#events", "cpu-g3: serves")
        assert browser.run(FAINT) == []
        assert browser.run("return [...document.querySelectorAll('th')].every(e => e.scope === 'col')")
        assert browser.run("return [...document.querySelectorAll('table')].every(e => e.tHead)")
        picture = base64.b64decode(browser.driver.get_screenshot_as_base64())
    path = IMAGES / f"page-{scheme}.png"
    if os.environ.get("UPDATE_SCREENSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture)
    assert path.read_bytes()[16:24] == picture[16:24], "another width or height"
    assert path.stat().st_size < LARGEST_BYTES
