"""What the world knows of the ledger: it opens the file itself, to read only, and looks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from burstd.core.model import Verb
from crash.disk import DISK


class Witness:
    """Looks into one ledger file, whoever writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def means(self, verbs: Iterable[Verb], **named: Any) -> bool:
        """Say whether an intent that has not ended means one of these verbs on exactly what is named."""
        return any(one["verb"] in verbs and _names(one, named) for one in self._open_intents())

    def is_durable(self) -> bool:
        return DISK.is_synced(self.path)

    def record(self, pool: str, generation: int) -> dict[str, Any]:
        """Return the record of a burst as it stands in the file; {} where there is none."""
        where = "SELECT record FROM bursts WHERE pool = ? AND generation = ?"
        found = next(iter(self._rows(where, pool, generation)), None)
        return json.loads(found[0]) if found else {}

    def _open_intents(self) -> Iterator[dict[str, Any]]:
        for (action,) in self._rows("SELECT action FROM intents WHERE ended IS NULL"):
            yield json.loads(action)

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        if not self.path.is_file():  # where there is no ledger, nothing is meant
            return []
        with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True)) as db:
            return db.execute(query, values).fetchall()


def _names(action: dict[str, Any], named: dict[str, Any]) -> bool:
    ranks = set(named.get("ranks", ()))
    rest = {name: value for name, value in named.items() if name != "ranks"}
    return ranks <= set(action["ranks"]) and all(action[name] == value for name, value in rest.items())
