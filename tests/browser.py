"""A headless Chromium, driven as a person would: Debian's packages chromium and chromium-driver."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

PATIENCE_SECONDS = 20.0


@dataclass
class Browser:
    """One window."""

    driver: Chrome

    def open(self, address: str, *, width: int = 1100, height: int = 1000, scheme: str = "light") -> None:
        """Go to an address in a window of this size, for a person who prefers light or dark."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.get(address)

    def text(self, selector: str) -> str:
        """Return what is seen of all that a selector finds."""
        return self.run(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText).join('\\n')", selector
        )

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, selector: str, seen: Callable[[str], bool]) -> str:
        """Wait until what is seen of a selector is as expected; return it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not seen(text := self.text(selector)):
            assert time.monotonic() < deadline, f"{selector}: {text!r}"
            time.sleep(0.05)
        return text

    def has(self, selector: str, words: str) -> str:
        """Wait until words are seen in what a selector finds."""
        return self.until(selector, lambda text: words in text)

    def type(self, selector: str, *keys: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).send_keys(*keys)

    def click(self, selector: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def complaints(self) -> list[str]:
        """Return what the console says since the last time: errors, and what a policy blocked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """Return every address that was asked for since the last time."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = (event["params"] for event in events if event["method"] == "Network.requestWillBeSent")
        return [one["request"]["url"] for one in sent]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Have a browser with nothing in it from before."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        service = Service(shutil.which("chromedriver"))
        driver = Chrome(_options(Path(profile)), service)
        try:
            yield Browser(driver)
        finally:
            driver.quit()


def _options(profile: Path) -> ChromeOptions:
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (
        "--headless=new",
        "--no-sandbox",  # it runs as root where tests do
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return options
