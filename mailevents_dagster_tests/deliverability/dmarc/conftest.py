from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no chart for each day: that takes longer than all else."""
    monkeypatch.setattr("mailevents_dagster.summaries.charts.png", lambda *_: b"drawn")
