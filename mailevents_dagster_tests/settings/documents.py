"""What tests of the settings share: right settings, to be made wrong, and what reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailevents_dagster.settings import Settings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
KEY = "k3y-0f-a-r3al-acc0unt"
ENVIRON = {"KEY_A": KEY, "KEY_B": KEY[::-1]}
EXAMPLE = Path(__file__).parents[2] / "mailevents.example.yaml"

Load = Callable[..., Settings]
Complaints = Callable[..., dict[str, str]]


def account(**changes: Any) -> dict[str, Any]:
    return {"domain": "acme.com", "api_key": "${KEY_A}", "feeds": ["mail/incominglog"], **changes}


def document(**changes: Any) -> dict[str, Any]:
    """Right settings, with changes; None takes a key out."""
    values = {"start": "2026-11-01T00:00", "accounts": [account()], **changes}
    return {key: value for key, value in values.items() if value is not None}
