"""Foreign text inside Markdown: shown as it is, never obeyed."""

import re
import unicodedata

# Numeric references are text wherever Markdown is parsed, tables included; backslashes are not.
_ACTIVE = re.compile(r"[\\`*{}\[\]()<>#!|~&@$^=]|:(?=\S)|(?<![^\W_])_|_(?![^\W_])|(?<=[Ww]{3})\.")
# Marks that turn the reading order of what stands beside them; U+200C and U+200D are spelling and stay.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(value: object, limit: int = 200) -> str:
    """Return foreign text on one line, without characters that steer what shows it, cut to `limit` characters."""
    text = "".join(
        char
        for char in _BIDI.sub("", str(value))
        if char.isspace() or unicodedata.category(char) not in ("Cc", "Cs", "Co", "Cn")
    )
    text = " ".join(text.split())
    return text[: limit - 1] + "…" if len(text) > limit else text


def escape(value: object, limit: int = 200) -> str:
    """Return foreign text as inert Markdown on one line, cut to `limit` characters."""
    return _ACTIVE.sub(lambda match: f"&#{ord(match[0])};", plain(value, limit))
