"""The paths, and what each answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse

from burstd import __version__
from burstd.core.errors import LedgerError
from burstd.core.jobid import parse
from burstd.core.jobpage import MOST, JobPage
from burstd.core.overview import Overview
from burstd.core.timeline import BurstLines
from burstd.core.withheld import discreet_bursts, discreet_status
from burstd.web.doorway import TRUSTED
from burstd.web.recent import Recent
from burstd.web.shapes import Events, Told
from burstd.web.sources import Document, NoAnswer, Sources

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}

_NEEDS_TOKEN = (
    "This needs the token: Authorization: Bearer TOKEN; http.token_file names the file that has it."
)

_STANDS_BY = "burstd stands by: it serves no lead now, its log says why"

_FLEETING = frozenset({"at", "age_seconds", "phase_seconds"})
"""What is another with each second: two documents that differ in nothing else say the same."""

_DESCRIPTION = (
    "What one burstd sees and does. It changes nothing; times are epoch seconds, money is in dollars."
)

_TROUBLES: dict[int | str, dict[str, Any]] = {
    401: {"model": Told, "description": "The token is needed, or another was given."},
    503: {"model": Told, "description": "burstd, or its ledger, does not answer."},
}


def application(sources: Sources) -> FastAPI:
    """Return the ASGI application; it relies on the Doorway before it."""
    app = FastAPI(
        title="burstd",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # their assets would come from elsewhere
        redoc_url=None,
    )
    app.add_exception_handler(NoAnswer, _unavailable)
    app.add_exception_handler(LedgerError, _unavailable)
    _add_health(app, sources)
    _add_documents(app, sources)
    _add_lists(app, sources)
    for path, (name, kind) in _FILES.items():
        app.add_api_route(path, _file(name, kind), include_in_schema=False)
    return app


def _add_health(app: FastAPI, sources: Sources) -> None:
    pulse = Recent(sources.pulse)

    @app.get("/livez", tags=["health"], response_model=Told, responses={503: _TROUBLES[503]})
    def livez() -> Response:
        """Say whether the daemon's loop moves, or stands by until there is a lead to serve."""
        return _told(200, "burstd's loop moves" if pulse()["serves"] else _STANDS_BY)

    @app.get("/readyz", tags=["health"], response_model=Told, responses={503: _TROUBLES[503]})
    def readyz() -> Response:
        """Say whether the lead answers and the ledger can be written."""
        found = [*_lead_troubles(pulse), sources.trouble()]
        troubles = [one for one in found if one]
        return _told(
            503 if troubles else 200, "; ".join(troubles) or "the lead answers, the ledger can be written"
        )

    @app.get("/metrics", tags=["health"], response_class=Response, responses={404: {"model": Told}})
    def metrics() -> Response:
        """Return the metrics as text for Prometheus."""
        text = sources.metrics()
        if text is None:
            raise HTTPException(404, "There are no metrics now.")
        return Response(text, headers={"content-type": _PROMETHEUS})


def _add_documents(app: FastAPI, sources: Sources) -> None:
    status, bursts = Recent(sources.overview), Recent(sources.bursts)

    @app.get("/api/v1/status", tags=["status"], response_model=Overview, responses=_TROUBLES)
    def read_status(request: Request) -> Response:
        """What stands: pools, bursts, why jobs wait, what is spent. Without the token in discreet words."""
        return _document(request, status(), discreet_status)

    @app.get("/api/v1/bursts", tags=["status"], response_model=BurstLines, responses=_TROUBLES)
    def read_bursts(request: Request) -> Response:
        """The bursts that live, and those that went within a day, with their phases."""
        return _document(request, bursts(), discreet_bursts)


def _add_lists(app: FastAPI, sources: Sources) -> None:
    @app.get("/api/v1/jobs", tags=["lists"], response_model=JobPage, responses=_TROUBLES)
    def read_jobs(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
        after: Annotated[str, Query(max_length=24, description="The id of a job.")] = "",
    ) -> Response:
        """The burstable jobs that wait, in the order of their ids. Needs the token."""
        _check_token(request)
        return _document(request, sources.jobs(limit, _job(after)))

    @app.get("/api/v1/events", tags=["lists"], response_model=Events, responses=_TROUBLES)
    def read_events(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        before: Annotated[int | None, Query(ge=0, lt=1 << 62, description="The id of an event.")] = None,
    ) -> Response:
        """What was decided, the latest first. Needs the token."""
        _check_token(request)
        return _document(request, sources.events(limit, before))


def _lead_troubles(pulse: Callable[[], Document]) -> list[str]:
    try:
        found = pulse()
        away = "the lead does not answer" if found["serves"] else _STANDS_BY
        return [] if found["lead_answers"] else [away]
    except NoAnswer as exc:
        return [str(exc)]


def _is_trusted(request: Request) -> bool:
    return bool(request.scope.get(TRUSTED))


def _check_token(request: Request) -> None:
    if not _is_trusted(request):
        raise HTTPException(401, _NEEDS_TOKEN, {"www-authenticate": 'Bearer realm="burstd"'})


def _job(text: str) -> int:
    try:
        return parse(text) if text else -1
    except ValueError as exc:
        raise HTTPException(422, str(exc)) from exc


def _document(
    request: Request,
    document: Document,
    discreet: Callable[[Document], Mapping[str, Any]] | None = None,
) -> Response:
    """Answer with a document, or with 304 where it says what was said before (RFC 9110, section 13.1.2)."""
    if discreet is not None and not _is_trusted(request):
        document = discreet(document)
    tag = _tag(document)
    known = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    headers = {"etag": tag, "vary": "Authorization"}
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(json.dumps(document), media_type="application/json", headers=headers)


def _tag(document: Document) -> str:
    """Return a weak ETag: another one where something happened, dollars counted in cents."""
    text = json.dumps(_lasting(document), sort_keys=True)
    return f'W/"{hashlib.blake2s(text.encode(), digest_size=12).hexdigest()}"'


def _lasting(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _lasting(one, name) for name, one in value.items() if name not in _FLEETING}
    if isinstance(value, list | tuple):
        return [_lasting(one) for one in value]
    return round(value, 2) if isinstance(value, float) and key.startswith(("dollars", "reserved")) else value


def _file(name: str, kind: str) -> Callable[[], Response]:
    body = resources.files("burstd.web").joinpath("static", name).read_bytes()
    return lambda: Response(body, headers={"content-type": kind})


def _told(status: int, sentence: str) -> Response:
    return JSONResponse({"detail": sentence}, status)


def _unavailable(_: Request, exc: Exception) -> Response:
    return _told(503, str(exc))
