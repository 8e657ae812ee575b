"""Queue ids that say which mail of which hour they are, so that a fresh process can tell what they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HOUR_LENGTH: Final = 4
DIGEST_LENGTH: Final = 6
"""36 ** 6 = 2 thousand million: with 1,000 feeds two meet in one seed of 4,000."""
LAST_HOUR: Final = 36**_HOUR_LENGTH - 1


@dataclass(frozen=True, slots=True)
class QueueId:
    """The number of an hour since 1970, the digest of a feed, and the place of the mail in that hour."""

    hour: int
    digest: str
    index: int

    def __str__(self) -> str:
        return in_base_36(self.hour).rjust(_HOUR_LENGTH, "0") + self.digest + in_base_36(self.index)

    @classmethod
    def read(cls, text: str) -> QueueId | None:
        """The parts of a queue id, None where the text is none of these."""
        after_digest = _HOUR_LENGTH + DIGEST_LENGTH
        try:
            hour, index = int(text[:_HOUR_LENGTH], 36), int(text[after_digest:], 36)
        except ValueError:
            return None
        queue_id = cls(hour, text[_HOUR_LENGTH:after_digest], index)
        return queue_id if str(queue_id) == text else None


def in_base_36(number: int) -> str:
    digits = _DIGITS[number % 36]
    while number := number // 36:
        digits = _DIGITS[number % 36] + digits
    return digits
