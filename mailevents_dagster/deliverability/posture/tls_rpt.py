"""TLS-RPT (RFC 8460): who is told when senders could not use TLS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mailevents_dagster.deliverability.posture.findings import Finding, Verdict, bad, good, missing, unknown
from mailevents_dagster.deliverability.posture.tags import of_version, tags_of
from mailevents_dagster.deliverability.posture.world import World

VERSION: Final = "TLSRPTv1"

_DESTINATION: Final = re.compile(r"mailto:[^@,\s]{1,256}@[A-Za-z0-9.-]{1,253}|https://[!-~]{1,1000}", re.IGNORECASE)


def tls_rpt(domain: str, world: World) -> Iterator[Finding]:
    name, code = f"_smtp._tls.{domain}", "tls-rpt.record"
    answer = world.ask(name, "TXT")
    records = of_version(answer.records, VERSION)
    if answer.is_unasked:
        yield unknown(code, name, "The TLS-RPT record", answer)
    elif not records:
        text = "Nobody is told when senders cannot use TLS (no TLS-RPT record)."
        yield missing(code, name, Verdict.NOTE, text, f"Publish `v=TLSRPTv1; rua=mailto:ADDRESS` at {name}.")
    elif len(records) > 1:
        yield bad(code, name, f"There are {len(records)} TLS-RPT records; senders then take none.", "Leave one.")
    else:
        destinations = [one.strip() for one in tags_of(records[0]).values.get("rua", "").split(",")]
        if all(_DESTINATION.fullmatch(one) for one in destinations):
            yield good(code, name, "Failures of TLS are reported.", tuple(records))
        else:
            mend = "Write `rua=mailto:ADDRESS` or `rua=https://ADDRESS`."
            yield bad(code, name, "Its `rua` is no address that reports can be sent to.", mend, tuple(records))
