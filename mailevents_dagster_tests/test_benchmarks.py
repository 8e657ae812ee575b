"""Benchmarks are run by hand and seldom: what they name in the package must be there all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
PROGRAM = """
from importlib import import_module
from pathlib import Path
from pydoc import locate
import sys

for file in sorted(Path().glob("*.py")):
    import_module(file.stem)
after = sys.modules["after"]
for place, name in [one for places in after.ITEMS.values() for one in places]:
    assert hasattr(locate(place if place == "os" else f"mailevents_dagster.{place}"), name), (place, name)
"""


@pytest.mark.slow
def test_what_benchmarks_import_and_replace_is_there() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
