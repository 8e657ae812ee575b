"""A made-up webhook of Mailgun's: the same events for everybody, put into the spool as if a receiver had run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

from mailevents_dagster.files.checksummed import write_sealed
from mailevents_dagster.files.locks import holding
from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.sources.webhook.spool.frames import Posted, framed
from mailevents_dagster.sources.webhook.spool.uptime import FILE, read_uptime
from mailevents_dagster.sources.webhook.spool.writing import SpoolWriter

AN_HOUR: Final = 12
"""Events."""
LONGEST: Final = 14 * 86_400
"""Seconds before the first use of which there are events."""
_PEOPLE: Final = ("ayse.yilmaz", "mehmet.demir", "elif.kaya", "can.aydin", "zeynep.celik")
_SUBJECTS: Final = ("Siparişiniz yola çıktı", "Ekim bülteni", "Şifre sıfırlama", "Faturanız hazır")
_FAILURES: Final[tuple[dict[str, Any], ...]] = (
    {"severity": "permanent", "reason": "bounce", "delivery-status": {"code": 550, "message": "5.1.1 no such user"}},
    {"severity": "temporary", "reason": "generic", "delivery-status": {"code": 452, "message": "4.2.2 mailbox full"}},
)
_KINDS: Final = ("delivered",) * 12 + ("opened",) * 4 + ("clicked", "failed", "failed", "complained", "inbound")


def simulate(folder: Path, start: int, now: float) -> None:
    """Put into the spool what came since this was called last, up to now. Processes may call at once."""
    with holding(folder / ".lock"):
        ran = read_uptime(folder)
        first = max(start, int(now) - LONGEST)
        since = int(ran[-1][1]) if ran else first
        posts = [post for post in _posts(since - since % SECONDS, now) if since < post.received <= now]
        spool = SpoolWriter({"": folder}, 2**30)
        try:
            for done in [spool.add("", framed(post)) for post in posts]:
                done.result()
        finally:
            spool.close()
        write_sealed(folder / FILE, {"ran": [[ran[0][0] if ran else first, now]]})


def _posts(first: int, now: float) -> Iterator[Posted]:
    """Yield the requests of whole hours, each hour by itself."""
    for hour in range(first, int(now) + 1, SECONDS):
        chance = Random(hour)  # noqa: S311 - it decides nothing secret
        for second in sorted(chance.sample(range(SECONDS), AN_HOUR)):
            yield _post(hour + second, chance)


def _post(time: int, chance: Random) -> Posted:
    kind, person, subject = chance.choice(_KINDS), chance.choice(_PEOPLE), chance.choice(_SUBJECTS)
    address, id_ = f"{person}@musteri.example", f"{chance.getrandbits(128):032x}"
    if kind == "inbound":
        mail = {"recipient": "destek@kuzey.example", "sender": address, "subject": f"Re: {subject}"}
        body = urlencode({**mail, "Message-Id": f"<{id_}@musteri.example>", "body-plain": "Teşekkürler."})
        return Posted(time + 1.0, "application/x-www-form-urlencoded", body.encode())
    event = {
        "event": kind,
        "id": id_,
        "timestamp": float(time),
        "recipient": address,
        "message": {"headers": {"message-id": f"{id_}@kuzey.example", "subject": subject}},
        **({"delivery-status": {"code": 250, "message": "OK"}} if kind == "delivered" else {}),
        **(chance.choice(_FAILURES) if kind == "failed" else {}),
    }
    return Posted(time + 1.0, "application/json", json.dumps({"event-data": event}).encode())
