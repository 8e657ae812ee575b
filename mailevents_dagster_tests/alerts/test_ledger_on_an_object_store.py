"""What people were told, on an object store that machines share, where a lock kept nobody out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mailevents_dagster.alerts.notification import Notifier, read_ledger
from mailevents_dagster.alerts.texts import Message
from mailevents_dagster.alerts.troubles import Kind, Ledger, Look, Sighting, Subject, Trouble
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster_tests.store.kept import unguarded

NOW = 1_795_176_000.0
DAY = 86_400.0


class Listener:
    """Takes messages, and lets something happen while it does."""

    name = "listener"

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.meanwhile = meanwhile
        self.subjects: list[str] = []

    def send(self, message: Message) -> str | None:
        self.meanwhile()
        self.subjects.append(message.subject)
        return None


@pytest.fixture
def machine(bucket: str, tmp_path: Path) -> Callable[[str], Notifier]:
    return lambda name: Notifier(unguarded(bucket, scratch=tmp_path / name), repeat_seconds=DAY)


def trouble(name: str) -> Trouble:
    return Trouble(Subject(Kind.JOB, name), "dns")


def sees(name: str, at: float = NOW) -> Callable[[Ledger], Look]:
    return lambda _: Look([Sighting(trouble(name), at, "no answer")])


def test_who_finds_that_another_wrote_tells_nothing(machine: Callable[[str], Notifier]) -> None:
    one, other, told, silent = machine("one"), machine("other"), Listener(), Listener()

    def look(ledger: Ledger) -> Look:
        other.notify(sees("a"), [told], NOW, pytest.fail)
        return sees("a")(ledger)

    with pytest.raises(HeldError):
        one.notify(look, [silent], NOW, pytest.fail)
    assert (len(told.subjects), len(silent.subjects)) == (1, 0)
    assert read_ledger(other.store).entries[trouble("a")].told == NOW
    one.notify(sees("a", NOW + 60), [silent], NOW + 60, pytest.fail)
    assert not silent.subjects


def test_what_another_notes_while_a_message_is_sent_stays_and_what_was_told_is_not_told_again(
    machine: Callable[[str], Notifier],
) -> None:
    one, other = machine("one"), machine("other")
    late = Listener()
    telling = Listener(lambda: other.notify(sees("b", NOW + 1), [], NOW + 1, pytest.fail))
    one.notify(sees("a"), [telling], NOW, pytest.fail)
    entries = read_ledger(one.store).entries
    assert {known.subject.name: entry.told for known, entry in entries.items()} == {"a": NOW, "b": None}
    other.notify(sees("a", NOW + 60), [late], NOW + 60, pytest.fail)
    assert len(late.subjects) == 1
    assert read_ledger(one.store).entries[trouble("a")].told == NOW
    assert read_ledger(one.store).entries[trouble("b")].told == NOW + 60
