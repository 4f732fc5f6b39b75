"""Text that a library has made, as a person may read it."""

from __future__ import annotations

import re

# Controls, half surrogate pairs, spaces without width and the marks that reverse the direction of text: all would be read
# otherwise than they are written, or not at all.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\U000e0000-\U000e007f]"
)


LONGEST = 400  # characters of a message, where many are shown; what is longer stands in the journal, and in the evidence


def brief(text: str) -> str:
    """Return as much of a message as is shown among others."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def visible(text: str) -> str:
    """Return text in which every character can be seen: NUL as a picture, a lone surrogate as its escape."""
    return _UNSEEN.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return "\u2421" if code == 0x7F else f"\\u{code:04x}"
