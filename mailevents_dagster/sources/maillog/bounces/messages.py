"""What is published of a bounce: a message as maillog_events sends it, with further fields behind its own."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

LONGEST_TEXT: Final = 4000
"""Characters of an answer that are sent."""

_ADDRESS: Final = re.compile(r"""(?:"[^"]{1,64}"|[^\s"'<>()\[\],;:=]+)@[^\s"'<>()\[\],;:=]*[^\s"'<>()\[\],;:=.]""")
_CUT_WORD: Final = re.compile(r"\S{1,320}$")
"""What may be a piece of an address at the end of a text that was cut; no address is longer."""
_LEAST_LOCAL_PART: Final = 3
"""Characters. One that is shorter is found in any text, and names nobody."""


def message(row: Mapping[str, Any], server: str, key: bytes | None = None) -> dict[str, object]:
    """Return the message of a bounce; with a key no address stands in it, but its keyed hash."""
    recipient, whole = row["recipient"], row["text"] or ""
    text = whole[:LONGEST_TEXT]
    if key is not None:
        text = _hashed_text(text if text == whole else _CUT_WORD.sub("", text), recipient, key)
        recipient = hashed(recipient, key) if recipient else None
    return {
        "ID": row["pattern_id"],
        "name": row["pattern_name"],
        "email": recipient,
        "hostname": server,
        "class": row["class"],
        "code": row["code"],
        "enhanced_code": row["enhanced_code"],
        "text": text,
        "time": row["event_time"].astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "queue_id": row["queue_id"],
        "event_id": row["event_id"],
    }


def hashed(address: str, key: bytes) -> str:
    """Return the HMAC-SHA256 of an address in small letters, as hexadecimal digits."""
    return hmac.new(key, address.lower().encode(), hashlib.sha256).hexdigest()


def _hashed_text(text: str, recipient: str | None, key: bytes) -> str:
    """Return the text with the hash of each address in it, and of the recipient's local part where it stands alone."""
    if recipient:
        text = re.sub(re.escape(recipient), hashed(recipient, key), text, flags=re.IGNORECASE)
    text = _ADDRESS.sub(lambda found: hashed(found[0], key), text)
    local = (recipient or "").rpartition("@")[0] or recipient or ""
    if len(local) < _LEAST_LOCAL_PART or not recipient:
        return text
    alone = rf"(?<![\w@.+-]){re.escape(local)}(?![\w@+-])"
    return re.sub(alone, hashed(recipient, key), text, flags=re.IGNORECASE)
