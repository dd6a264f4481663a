"""Rows of the ledger as text that proves itself: JSON with a digest of all the rest under `seal`.

SQLite notices a page that is torn, but not a letter that is another. A burst that reads otherwise than it was
written could be one of somebody else, or one that was gone: it must be known for what it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY = "seal"


def seal(fields: Mapping[str, Any]) -> str:
    """Return the fields as sealed JSON."""
    return json.dumps({**fields, KEY: _digest(fields)})


def unseal(text: str) -> dict[str, Any]:
    """Return the fields of sealed JSON; those of a version that sealed nothing as they are.

    Raises ValueError where the seal is not that of the fields.
    """
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError("a row that is not an object")
    found = fields.pop(KEY, None)
    if found is not None and found != _digest(fields):
        raise ValueError(f"a row with the seal of another: {text[:80]}")
    return fields


def _digest(fields: Mapping[str, Any]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2s(text.encode(), digest_size=8).hexdigest()
