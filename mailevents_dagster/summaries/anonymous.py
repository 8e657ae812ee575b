"""Texts without the addresses in them: what counts may name. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.summaries.counts import NONE

WITH_ADDRESS: Final = "(with an address)"
_DOMAIN: Final = r"""@(?P<domain>[^\s@<>"',;:\[\]()]+)[^@]*$"""


def domains_of(addresses: pa.StringArray | pa.ChunkedArray) -> pa.StringArray:
    """Return what is behind the last @, never what is before it; NONE for the sender of a bounce."""
    return _of_each(_domains, addresses)


def unless_address(texts: pa.StringArray | pa.ChunkedArray) -> pa.StringArray:
    """Return the texts, WITH_ADDRESS for those that may hold one, and NONE for those that are empty or not there."""
    return _of_each(_without_addresses, texts)


def _of_each(
    function: Callable[[pa.StringArray], pa.StringArray], texts: pa.StringArray | pa.ChunkedArray
) -> pa.StringArray:
    """Return the function of each text, called for those that differ: they come again, and RE2 takes microseconds."""
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    differing = whole.dictionary_encode()
    return pc.fill_null(function(differing.dictionary).take(differing.indices), NONE)


def _domains(addresses: pa.StringArray) -> pa.StringArray:
    return pc.struct_field(pc.extract_regex(pc.utf8_lower(addresses), _DOMAIN), "domain")


def _without_addresses(texts: pa.StringArray) -> pa.StringArray:
    safe = pc.if_else(pc.match_substring(texts, "@"), WITH_ADDRESS, texts)
    return pc.if_else(pc.equal(safe, ""), NONE, safe)
