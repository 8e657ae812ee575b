"""Recipients that lines name in more than one way, known again as one."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def known_again(
    mail: pa.Int64Array, recipient: pa.StringArray, original: pa.StringArray
) -> tuple[pa.StringArray, pa.StringArray]:
    """Return the final and the original address of lines; the latter is null where both are the same.

    Exim names a local user with a domain while it defers (`bob@x`), and without one when it delivers (`bob <bob@x>`).
    """
    recipient = pc.if_else(_is_bare(recipient, original), original, recipient)
    full = _keys(mail, original, pc.if_else(pc.match_substring(recipient, "@"), recipient, None))
    bare = _keys(mail, original, pc.if_else(pc.match_substring(recipient, "@"), None, recipient))
    place = pc.if_else(bare.is_valid(), pc.index_in(bare, value_set=full, skip_nulls=True), None)
    recipient = pc.coalesce(recipient.take(place), recipient)
    return recipient, pc.if_else(pc.equal(recipient, original), None, original)


def _is_bare(recipient: pa.StringArray, original: pa.StringArray) -> pa.BooleanArray:
    """Return whether the recipient is the original address without its domain."""
    return pc.equal(pc.utf8_lower(recipient), _local_part(original)).fill_null(pa.scalar(value=False))


def _local_part(address: pa.StringArray) -> pa.StringArray:
    return pc.utf8_lower(pc.replace_substring_regex(address, "@[^@]*$", ""))


def _keys(mail: pa.Int64Array, original: pa.StringArray, recipient: pa.StringArray) -> pa.StringArray:
    """Return keys of lines on the same mail, original address and local part."""
    return pc.binary_join_element_wise(mail.cast(pa.string()), original.fill_null(""), _local_part(recipient), "\n")
