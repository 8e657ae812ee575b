"""Data that nobody here wrote: `make corpus CORPUS=FOLDER` names the folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpus() -> Path:
    folder = Path(os.environ.get("MAILEVENTS_CORPUS", ""))
    assert folder.is_absolute(), "MAILEVENTS_CORPUS names no folder: make corpus CORPUS=FOLDER"
    assert folder.is_dir(), f"{folder} is not there: make corpus CORPUS=FOLDER names the folder with the data"
    return folder
