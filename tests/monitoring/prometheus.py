"""A real Prometheus for a test, and what it is fed with."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from burstd.stage import machine

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="NOT RUN on a real Prometheus: no `prometheus` or `promtool` on PATH (Debian: prometheus)",
)

START_SECONDS = 20.0


def promtool(*words: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run promtool; what it says is in the error where it is not content."""
    done = subprocess.run(
        ["promtool", *words],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()
    return done


@contextmanager
def served(text: Callable[[], bytes]) -> Iterator[str]:
    """Serve a text at an address of this machine, which is told; whatever is asked for, it is that."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Prometheus:
    """One that scrapes `target` four times a second while the context lasts."""

    def __init__(self, target: str, directory: Path) -> None:
        self._directory = directory
        self._url = f"127.0.0.1:{machine.free_port()}"
        scrape = {"job_name": "burstd", "static_configs": [{"targets": [target]}]}
        config = {"global": {"scrape_interval": "250ms"}, "scrape_configs": [scrape]}
        (directory / "prometheus.yaml").write_text(yaml.safe_dump(config))

    def __enter__(self) -> Prometheus:
        command = [
            "prometheus",
            f"--config.file={self._directory / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address={self._url}",
        ]
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def value(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return what a query gives now: the labels and the number of each series."""
        path = f"http://{self._url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        try:
            with urllib.request.urlopen(path, timeout=10) as answer:
                data = json.load(answer)["data"]
        except urllib.error.HTTPError as exc:
            with exc:
                raise AssertionError(f"{query}: {exc.read().decode()}") from exc
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def until(self, query: str) -> None:
        """Wait until a query gives something."""
        deadline = time.monotonic() + START_SECONDS
        while not self._gives(query):
            assert time.monotonic() < deadline, f"{query}\n{(self._directory / 'log').read_text()}"
            time.sleep(0.1)

    def _gives(self, query: str) -> bool:
        try:
            return bool(self.value(query))
        except (urllib.error.URLError, ConnectionError):
            return False
