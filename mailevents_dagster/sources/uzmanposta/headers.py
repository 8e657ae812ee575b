"""Headers of answers, read the short way: http.client takes a quarter of all that a call costs for them.

It has them parsed as those of a mail. An answer's are lines of `name: value`; whatever looks otherwise is left to it.
"""

from __future__ import annotations

import http.client
import re
from io import BytesIO
from types import FunctionType
from typing import IO, Any, Final

LONGEST_LINE: Final = 65_536
MOST_LINES: Final = 100
"""Both as http.client has them."""

_ENDS: Final = (b"\r\n", b"\n", b"")
_USUAL: Final = re.compile(rb"(?:[!-9;-~]+:[^\r\n]*\r\n)*\r\n")
_LINE: Final = re.compile(r"([^:]+):[ \t]*([^\r\n]*)\r\n")


def parse_headers(file: IO[bytes], **more: Any) -> http.client.HTTPMessage:
    """What http.client.parse_headers makes of them; a Python that asks for more than that is left to its own."""
    if more:
        theirs: http.client.HTTPMessage = http.client.parse_headers(file, **more)
        return theirs
    lines = [file.readline(LONGEST_LINE + 1)]
    while lines[-1] not in _ENDS and len(lines[-1]) <= LONGEST_LINE and len(lines) <= MOST_LINES:
        lines.append(file.readline(LONGEST_LINE + 1))
    block = b"".join(lines)
    if len(lines) > MOST_LINES or not _USUAL.fullmatch(block):
        return http.client.parse_headers(BytesIO(block))
    message = http.client.HTTPMessage()
    for name, value in _LINE.findall(block.decode("iso-8859-1")):
        message.set_raw(name, value)
    message.set_payload("")
    return message


class Response(http.client.HTTPResponse):
    """An answer as http.client reads it, but for its headers."""

    begin = FunctionType(  # which calls what is named parse_headers; there is no other way to name it another
        http.client.HTTPResponse.begin.__code__,
        {**vars(http.client), "parse_headers": parse_headers},
        argdefs=http.client.HTTPResponse.begin.__defaults__,
    )
    begin.__kwdefaults__ = http.client.HTTPResponse.begin.__kwdefaults__
