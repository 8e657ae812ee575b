"""Lines of Postfix with the fields that another parser takes from them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest
import yaml

from mailevents_dagster.sources.maillog.grammar.columns import COLUMNS
from mailevents_dagster.sources.maillog.grammar.postfix import understand

pytestmark = pytest.mark.corpus

FIELDS: Final = {
    "postfix_queueid": "queue_id",
    "postfix_client_ip": "relay_address",
    "postfix_client_hostname": "relay_host",
    "postfix_client_port": "relay_port",
    "postfix_relay_ip": "relay_address",
    "postfix_relay_hostname": "relay_host",
    "postfix_relay_port": "relay_port",
    "postfix_status_code": "code",
    "postfix_status_code_enhanced": "enhanced_code",
    "postfix_keyvalue_data.from": "sender",
    "postfix_keyvalue_data.to": "recipient",
    "postfix_keyvalue_data.helo": "helo",
}
"""The columns of the other parser's fields that mean the same."""
EVENTS: Final = {"sent": "delivery", "deferred": "deferral", "bounced": "bounce", "reject": "rejection"}


def wanted(results: dict[str, Any]) -> dict[str, str]:
    flat = {name: str(value) for name, value in results.items()}
    for pair in str(results.get("postfix_keyvalue_data", "")).replace(", ", " ").split():
        name, equals, value = pair.partition("=")
        if equals:
            flat[f"postfix_keyvalue_data.{name}"] = value.strip("<>,")
    return {column: flat[field] for field, column in FIELDS.items() if field in flat}


def test_fields_that_mean_the_same_are_the_same(corpus: Path) -> None:
    files = sorted((corpus / "postfix-lines").glob("*.yaml"))
    assert files
    differing = []
    for file in files:
        case = yaml.safe_load(file.read_text("utf-8"))
        program = re.findall(r"POSTFIX_(\w+)", case["pattern"])[0].lower()
        line = pa.array([f"Nov 20 12:00:00 mx1 postfix/{program}[7]: {case['data']}"])
        row = {column.name: array[0].as_py() for column, array in zip(COLUMNS, understand(line), strict=True)}
        differing += [
            (file.name, name, value, row[name])
            for name, value in wanted(case["results"]).items()
            if str(row[name]) != value and not (value in ("unknown", "NOQUEUE") and row[name] is None)
        ]
        action = case["results"].get("postfix_status") or case["results"].get("postfix_action")
        if action in EVENTS and row["event"] != EVENTS[action]:
            differing.append((file.name, "event", action, row["event"]))
    assert not differing
