"""A message while it is found out what it tells: of each part no more is read than is needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from mailevents_dagster.sources.outcomes.notices.kinds import Origin, origin_of
from mailevents_dagster.sources.outcomes.notices.mail import Mail
from mailevents_dagster.sources.outcomes.notices.notice import Original
from mailevents_dagster.sources.outcomes.notices.phrases import DELAYED, GIVEN_UP
from mailevents_dagster.sources.outcomes.notices.prose import Prose, Said, prose_of, said_in
from mailevents_dagster.sources.outcomes.notices.returned import head_of, original_of, returned_in


class Examined:
    """A message, and what was found out of it so far."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail

    @cached_property
    def origin(self) -> Origin:
        """What its header tells of who wrote it."""
        return origin_of(self.mail.head)

    @cached_property
    def prose(self) -> Prose:
        """Its text for people."""
        return prose_of(self.mail.text)

    @cached_property
    def original(self) -> Original:
        """What is known of the mail that came back, as a part or within the text."""
        head = returned_in(self.mail)
        if head is None and self.prose.returned:
            head = head_of(self.prose.returned.encode())
        return original_of(head)

    @cached_property
    def said(self) -> list[Said]:
        """The recipients that the text names."""
        sender = self.original.sender
        return said_in(self.prose, {*self.origin.own, *([sender] if sender else [])})

    @cached_property
    def reasons(self) -> Mapping[str, str]:
        """What the text says of each recipient, by their addresses in small letters."""
        names = ((name.lower(), said.reason) for said in self.said for name in (said.final, said.recipient) if name)
        return {name: reason for name, reason in names if reason}

    @cached_property
    def is_late(self) -> bool:
        """Whether the server goes on trying."""
        text = self.prose.text
        return self.origin.tells_delay or bool(DELAYED.search(text) and not GIVEN_UP.search(text))
