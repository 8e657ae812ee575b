"""What is gathered of a message while its parts come."""

from __future__ import annotations

from mailevents_dagster.sources.messages.attachments import Attachments, OpenSink
from mailevents_dagster.sources.messages.bodies import MOST, Text
from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.kinds import Seen


class Gathered:
    """Texts, attachments, what tells the kind, and faults."""

    def __init__(self, open_sink: OpenSink, faults: Faults, most_text: int = MOST) -> None:
        self.text = Text("text", faults, most_text)
        self.html = Text("HTML", faults, most_text)
        self.attachments = Attachments(open_sink)
        self.seen = Seen()
        self.faults = faults

    @property
    def has_text(self) -> bool:
        return self.text.value is not None or self.html.value is not None
