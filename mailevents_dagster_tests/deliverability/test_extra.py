"""Without the extra everything else works, and what needs it says how to have it."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = "import sys; sys.modules.update(dict.fromkeys(('dns', 'cryptography')))\n"


@pytest.mark.slow
def test_parts_are_known_without_the_libraries_that_they_need() -> None:
    code = f"{WITHOUT}from mailevents_dagster.deliverability.parts import PARTS\nprint(len(PARTS))"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.slow
def test_a_look_without_them_says_what_to_install() -> None:
    code = f"{WITHOUT}from mailevents_dagster.cli import main\nmain(['posture', 'example.com'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'mailevents-dagster[deliverability]'" in done.stderr
    assert "Traceback" not in done.stderr
