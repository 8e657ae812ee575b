"""What is gathered of a message while its parts come."""

from __future__ import annotations

from mailevents_dagster.sources.mailbox.messages.attachments import Attachments, OpenSink
from mailevents_dagster.sources.mailbox.messages.bodies import Text
from mailevents_dagster.sources.mailbox.messages.faults import Faults
from mailevents_dagster.sources.mailbox.messages.kinds import Seen


class Gathered:
    """Texts, attachments, what tells the kind, and faults."""

    def __init__(self, open_sink: OpenSink, faults: Faults) -> None:
        self.text = Text("text", faults)
        self.html = Text("HTML", faults)
        self.attachments = Attachments(open_sink)
        self.seen = Seen()
        self.faults = faults

    @property
    def has_text(self) -> bool:
        return self.text.value is not None or self.html.value is not None
