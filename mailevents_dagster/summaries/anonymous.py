"""Texts without the addresses in them: what counts may name. Pure."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.summaries.counts import NONE

WITH_ADDRESS: Final = "(with an address)"
_DOMAIN: Final = r"""@(?P<domain>[^\s@<>"',;:\[\]()]+)[^@]*$"""


def domains_of(addresses: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return what is behind the last @, never what is before it; NONE for the sender of a bounce."""
    found = pc.struct_field(pc.extract_regex(pc.utf8_lower(addresses), _DOMAIN), "domain")
    return pc.fill_null(found, NONE)


def unless_address(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return the texts, WITH_ADDRESS for those that may hold one, and NONE for those that are empty or not there."""
    safe = pc.if_else(pc.match_substring(texts, "@"), WITH_ADDRESS, texts)
    return pc.if_else(pc.equal(pc.fill_null(safe, ""), ""), NONE, safe)
