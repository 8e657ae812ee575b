"""Ids that Exim and Postfix give to mails, made of a time and a random number."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CONSONANTS: Final = "BCDFGHJKLMNPQRSTVWXYZ"
_BASE_62: Final = "0123456789" + _LETTERS + _LETTERS.lower()
_PAIRS: Final = [first + second for first in _BASE_62 for second in _BASE_62]
_BASE_52: Final = "0123456789" + _CONSONANTS + _CONSONANTS.lower()
_BASE_51: Final = _BASE_52[:-1]
"""Postfix ends the time with a z, so that what follows has none."""
_INODES: Final = 4096
"""Few, so that Postfix' short ids come again."""


def has_long_ids(name: str) -> bool:
    """Return whether a server gives the longer kind of ids; of mx1 and mx2 one does."""
    return sum(name.encode()) % 2 == 0


def exim_id(time: int, number: int, *, is_long: bool) -> str:
    """Return an id of 23 characters as since Exim 4.97, or of 16 as before."""
    start, process = _start_of_exim(time), f"{_PAIRS[number % 3600]}{_PAIRS[number // 3600 % 3844]}"
    if is_long:
        return f"{start}-0000000{process}-{_PAIRS[number // 2**32 % 3844]}{_PAIRS[number // 2**48 % 3844]}"
    return f"{start}-00{process}-{_PAIRS[number // 2**32 % 3844]}"


def postfix_id(time: int, number: int, *, is_long: bool) -> str:
    """Return an id as with `enable_long_queue_ids`, or one of the short kind, which come again."""
    inode, microseconds = number % _INODES, number // _INODES % 1_000_000
    if is_long:
        return f"{_start_of_postfix(time)}{_digits(microseconds, _BASE_52, 4)}z{_digits(inode + 900_000, _BASE_51, 4)}"
    return f"{microseconds:05X}{inode + 0xA0000:X}"


@lru_cache(4096)
def _start_of_exim(time: int) -> str:
    return _digits(time, _BASE_62, 6)


@lru_cache(4096)
def _start_of_postfix(time: int) -> str:
    return _digits(time, _BASE_52, 6)


def _digits(number: int, alphabet: str, width: int) -> str:
    """Return a number in as many digits as the alphabet has signs, with noughts before it."""
    base, digits = len(alphabet), ""
    while number or len(digits) < width:
        number, digit = divmod(number, base)
        digits = alphabet[digit] + digits
    return digits
