"""How an element looks, as far as it tells whether people can see its text: inline styles alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_LONGEST: Final = 5_000
_NAMED: Final = {"white": "ffffff", "black": "000000"}
_RGB: Final = re.compile(r"rgb\(\s{0,9}(\d{1,3})\s{0,9},\s{0,9}(\d{1,3})\s{0,9},\s{0,9}(\d{1,3})\s{0,9}\)")
_NOTHING: Final = re.compile(r"0+(?:\.0+)?(?:px|pt|em|rem|%)?")
_SIZES: Final = ("max-height", "height", "max-width", "width")


@dataclass(frozen=True, slots=True)
class Look:
    """What an element inherits and gives on; a colour that is not known is None."""

    is_gone: bool = False
    """It is not shown, nor is what is within."""
    is_tiny: bool = False
    """Its letters have no size; those of an element within may."""
    ink: str | None = None
    paper: str | None = None

    @property
    def is_hidden(self) -> bool:
        return self.is_gone or self.is_tiny or (self.ink is not None and self.ink == self.paper)


def look_of(attributes: Mapping[str, str], around: Look, *, has_style_sheet: bool) -> Look:
    """Return the look of an element within one that looks so."""
    if not attributes:
        return around
    style = _declared(attributes.get("style", ""))
    own_paper = style.get("background-color") or style.get("background") or attributes.get("bgcolor", "").lower()
    paper = _colour(own_paper) if own_paper else around.paper
    if "background" in attributes or "background-image" in style:
        paper = None
    if has_style_sheet and not own_paper and ("class" in attributes or "id" in attributes):
        paper = None  # a style sheet may give it another
    own_size = style.get("font-size")
    return Look(
        is_gone=around.is_gone or "hidden" in attributes or _hides(style),
        is_tiny=around.is_tiny if own_size is None else _NOTHING.fullmatch(own_size) is not None,
        ink=_colour(style.get("color") or attributes.get("color", "").lower()) or around.ink,
        paper=paper,
    )


def _declared(style: str) -> Mapping[str, str]:
    pairs = (declaration.partition(":") for declaration in style[:_LONGEST].lower().split(";"))
    return {name.strip(): value.removesuffix("!important").strip() for name, _, value in pairs}


def _hides(style: Mapping[str, str]) -> bool:
    if style.get("display") == "none" or style.get("visibility") == "hidden" or style.get("mso-hide") == "all":
        return True
    clips = style.get("overflow") == "hidden"
    nothing = {name for name, value in style.items() if _NOTHING.fullmatch(value)}
    return "opacity" in nothing or (clips and not nothing.isdisjoint(_SIZES))


def _colour(written: str) -> str | None:
    """Return a colour in six digits; None where it is written in another way."""
    written = written.strip()
    if written in _NAMED:
        return _NAMED[written]
    if found := _RGB.fullmatch(written):
        return "".join(f"{int(part):02x}" for part in found.groups())
    digits = written.removeprefix("#")
    if re.fullmatch("[0-9a-f]{3}", digits):
        return "".join(digit * 2 for digit in digits)
    return digits if re.fullmatch("[0-9a-f]{6}", digits) else None
