"""Messages that nobody here made are judged to their end, whatever they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.deliverability.lint.keys import ask_nobody
from mailevents_dagster.deliverability.lint.linting import findings_of
from mailevents_dagster.deliverability.lint.mail import mail_of
from mailevents_dagster.deliverability.lint.showing import content_of, lines_of

pytestmark = pytest.mark.corpus


@pytest.mark.parametrize("folder", ["bounces", "mime", "dmarc"])
def test_every_file_is_judged_and_what_is_said_can_be_shown(corpus: Path, folder: str) -> None:
    files = [path for path in sorted((corpus / folder).rglob("*")) if path.is_file()]
    assert files
    for path in files:
        mail = mail_of(path.read_bytes(), ask_nobody, 0.0)
        findings = findings_of(mail)
        said = "\n".join(lines_of(path.name, mail.bulk, findings))
        assert said.replace("\n", " ").isprintable(), path
        assert content_of(path.name, mail.bulk, findings)["findings"] or not findings
