"""Memory does not grow with a message."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import base64, resource
from mailevents_dagster.sources.messages.reading import read_message

line = base64.encodebytes(bytes(range(256)) * 57)
def chunks():
    yield b"Content-Type: multipart/mixed; boundary=b\\n\\n--b\\nContent-Type: {type}; name=a.pdf\\n"
    yield b"Content-Transfer-Encoding: base64\\n\\n"
    for _ in range(150 * 2**20 // len(line)):
        yield line
    yield b"--b--\\n"

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert sum(one.size for one in read_message(chunks()).attachments) > 100 * 2**20
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("type_", ["application/pdf", "message/rfc822", "application/ms-tnef"])
def test_a_message_of_150_megabytes_takes_less_than_ten(type_: str) -> None:
    program = PROGRAM.replace("{type}", type_)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10
