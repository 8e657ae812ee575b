"""Printable text: what came from elsewhere, as it may stand in a message."""


def printable(text: str, most: int) -> str:
    """Return the text on one line, with nothing in it that a terminal obeys, and cut after so many characters."""
    line = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text[:most])
    return line if len(line) <= most and len(text) <= most else f"{line[:most]}…"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as `1 feed` and `2,000 feeds`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
