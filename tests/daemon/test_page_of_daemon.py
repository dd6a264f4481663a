"""The page in a real browser, beside a daemon that serves a lead."""

from __future__ import annotations

import re

import pytest
from browser import chromium

pytestmark = [pytest.mark.process, pytest.mark.browser]

TOKEN = "a-token-of-tests-alone"
EVIL = "<img src=x onerror='document.title = 1'>"


@pytest.mark.parametrize("make_town", ["embedded"], indirect=True)
def test_a_burst_is_watched_from_the_page(town, tmp_path) -> None:
    """A job waits, its burst comes and serves, the lead goes, burstd goes: the page tells each by itself."""
    http = {"port": 0, "token_file": str(tmp_path / "token")}
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    daemon = town.burstd(idle=600, settings={"http": http})
    daemon.start()
    address = re.search(r"http://\S+", daemon.said("the page is at", 20))[0]
    with chromium() as browser:
        browser.open(address)
        browser.has("#waiting", "No burstable job waits.")
        assert "0/4" in browser.text("#pools")
        browser.type("#token", TOKEN, "\n")
        browser.has("#token-says", "The token is right")
        town.watch.submit(["sleep", "60"], 3, requires={"properties": ["burst"]})
        assert "3/3" in browser.has("#bursts", "serving")
        browser.until(
            "#timeline", lambda text: re.search(r"burst-0-g\d+: serving, 3 hosts", text) is not None
        )
        browser.has("#events", "serves")
        town.watch.submit([EVIL], 4, burstable=EVIL)
        assert EVIL in browser.has("#waiting", "unknown-target")
        browser.click("#jobs-details summary")
        browser.has("#jobs", EVIL)
        town.stage.kill_lead()
        browser.has("#state", "The lead does not answer; hosts and jobs are as they were")
        daemon.kill()
        browser.has("#state", "burstd does not answer.")
        assert browser.run("return document.title") == "burstd"
