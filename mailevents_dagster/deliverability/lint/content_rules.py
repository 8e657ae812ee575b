"""Rules on what people see: text beside HTML, pictures, what is hidden, what is active."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mailevents_dagster.deliverability.lint.mail import Mail
from mailevents_dagster.deliverability.lint.page import MOST_LEVELS, Picture
from mailevents_dagster.deliverability.lint.rule import Rule, Weight
from mailevents_dagster.files.printable import printable

_WORD: Final = re.compile(r"\w{4,40}")
_FEWEST_WORDS: Final = 20
"""Words of HTML below which it is not compared."""
_LEAST_SHARE: Final = 0.5
"""Of the different words of the HTML, how many the text must have."""
_WORDS_BESIDE_PICTURES: Final = 15
"""A mail that shows fewer words beside pictures is made of pictures."""
_AREA_OF_LETTER: Final = 140
"""Square pixels of a letter of 14 pixels with the space around it."""
_UNKNOWN: Final = (300, 200)
"""The size of a picture that does not say its own."""
_MOST_PICTURE: Final = 0.6
_MOST_HIDDEN: Final = 250
"""Letters: a preview text has up to 150."""


def _no_text(mail: Mail) -> Iterator[str]:
    if mail.has_html and not mail.text.strip():
        yield "it has HTML alone"


def _nothing(mail: Mail) -> Iterator[str]:
    if not mail.text.strip() and not mail.page.text.strip() and not mail.page.pictures:
        yield "neither text nor HTML shows anything"


def _other_text(mail: Mail) -> Iterator[str]:
    shown = set(_WORD.findall(mail.page.text.lower()))
    if len(shown) < _FEWEST_WORDS or not mail.text.strip():
        return
    share = len(shown & set(_WORD.findall(mail.text.lower()))) / len(shown)
    if share < _LEAST_SHARE:
        yield f"the text has {share:.0%} of the words that the HTML shows"


def _pictures_alone(mail: Mail) -> Iterator[str]:
    if _seen(mail) and (words := len(mail.page.text.split())) < _WORDS_BESIDE_PICTURES:
        yield f"{len(_seen(mail)):,} pictures and {words:,} words"


def _mostly_pictures(mail: Mail) -> Iterator[str]:
    if len(mail.page.text.split()) < _WORDS_BESIDE_PICTURES:
        return  # the rule above
    pictures = sum(_area(one) for one in _seen(mail))
    letters = len("".join(mail.page.text.split())) * _AREA_OF_LETTER
    if pictures and (share := pictures / (pictures + letters)) > _MOST_PICTURE:
        yield f"about {share:.0%} of what is shown are pictures"


def _area(picture: Picture) -> int:
    width, height = _UNKNOWN
    return min(picture.width or width, 1_200) * min(picture.height or height, 1_200)


def _seen(mail: Mail) -> list[Picture]:
    return [one for one in mail.page.pictures if not one.is_pixel]


def _no_alt(mail: Mail) -> Iterator[str]:
    missing = [one for one in _seen(mail) if one.alt is None]
    if missing:
        yield f"{len(missing):,} of {len(_seen(mail)):,} pictures"


def _embedded(mail: Mail) -> Iterator[str]:
    within = sum(one.source.lstrip().lower().startswith("data:") for one in mail.page.pictures)
    if within:
        yield f"{within:,} pictures"


def _lost(mail: Mail) -> Iterator[str]:
    known = {one.content_id for one in mail.message.attachments}
    for picture in mail.page.pictures:
        source = picture.source.strip()
        if not source:
            yield "a picture has no source"
        elif source.lower().startswith("cid:") and source[4:].strip("<>") not in known:
            yield f"`{printable(source, 60)}` is not attached"
        elif not re.match(r"(?:cid|https?|data):", source, re.IGNORECASE):
            yield f"`{printable(source, 60)}` is no whole address"


def _hidden(mail: Mail) -> Iterator[str]:
    letters = sum(sign.isalnum() for sign in mail.page.hidden)
    if letters > _MOST_HIDDEN:
        yield f"{letters:,} letters"


def _active(mail: Mail) -> Iterator[str]:
    return iter(mail.page.active)


def _styles_outside(mail: Mail) -> Iterator[str]:
    return (f"`{printable(one, 80)}`" for one in mail.page.style_sheets)


def _too_deep(mail: Mail) -> Iterator[str]:
    if mail.page.is_too_deep:
        yield f"more than {MOST_LEVELS} elements within each other; what follows was not looked at"


RULES: Final = (
    Rule(
        "text-missing",
        Weight.ERROR,
        "Watches, screen readers and many filters read the plain text; HTML without it is a mark of spam.",
        "Send multipart/alternative with the same in text and HTML.",
        _no_text,
    ),
    Rule(
        "empty",
        Weight.ERROR,
        "There is nothing to read.",
        "Write something, also beside an attachment.",
        _nothing,
    ),
    Rule(
        "text-differs",
        Weight.WARNING,
        "Text that says something else than the HTML serves those who read it badly, and filters compare the two.",
        "Make both from the same content.",
        _other_text,
    ),
    Rule(
        "image-only",
        Weight.ERROR,
        "Pictures are often not loaded: the mail is empty then. Filters cannot read it, so they distrust it.",
        "Write the message as text and let pictures go with it.",
        _pictures_alone,
    ),
    Rule(
        "image-share",
        Weight.WARNING,
        "The more of a mail is pictures, the less is left where they are not loaded, and filters count the share.",
        "Have at least 40 % of what is seen as text.",
        _mostly_pictures,
    ),
    Rule(
        "alt-missing",
        Weight.WARNING,
        "Who does not see the picture learns nothing of it: readers without pictures, and those who are blind.",
        'Say in alt="…" what the picture says; alt="" for one that says nothing.',
        _no_alt,
    ),
    Rule(
        "image-lost",
        Weight.ERROR,
        "The picture cannot be found, so readers see a broken frame.",
        "Attach it with the Content-ID that the HTML names, or name its whole address.",
        _lost,
    ),
    Rule(
        "image-data",
        Weight.WARNING,
        "Gmail and Outlook do not show pictures that stand in the HTML itself (data:).",
        "Attach them and refer to them by cid:, or lead to them by https.",
        _embedded,
    ),
    Rule(
        "text-hidden",
        Weight.WARNING,
        "Much text that nobody sees is how spammers please filters; filters know it.",
        "Take it out; a preview of up to 150 letters is fine.",
        _hidden,
    ),
    Rule(
        "html-active",
        Weight.ERROR,
        "Scripts, forms and frames do not work in mails. Receivers cut them out, or refuse the mail as an attack.",
        "Lead to a page that has them.",
        _active,
    ),
    Rule(
        "style-outside",
        Weight.WARNING,
        "Most mail programs fetch no style sheets: the mail looks different there.",
        "Write the styles into the elements.",
        _styles_outside,
    ),
    Rule(
        "html-deep",
        Weight.ERROR,
        "No mail program shows such HTML well, and filters give it up.",
        "Use fewer tables within each other; look for elements that are never closed.",
        _too_deep,
    ),
)
