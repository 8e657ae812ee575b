"""Digests of what is written are those of the whole, however it comes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.files import digests
from mailevents_dagster.files.digests import Digest


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_a_digest_is_that_of_all_blocks_also_where_more_come_than_may_wait(blocks: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "WAITING", 50)
        digest = Digest()
        for block in blocks:
            digest.update(block)
        assert digest.hexdigest() == hashlib.sha256(b"".join(blocks)).hexdigest()
        assert digest.size == sum(map(len, blocks))
