"""Which script letters are of, and which scripts a language is written in."""

import re
import unicodedata
from functools import lru_cache

HAN, HANGUL = "Hani", "Hang"
KANA = "Kana"
UNSPACED = frozenset({HAN, KANA, "Thai", "Laoo", "Khmr", "Mymr", "Tibt"})
"""Scripts that do not put spaces between words."""
CASED = frozenset({"Latn", "Cyrl", "Grek", "Armn"})

_NAMES = {
    "LATIN": "Latn",
    "CYRILLIC": "Cyrl",
    "ARABIC": "Arab",
    "CJK": HAN,
    "IDEOGRAPHIC": HAN,
    "HIRAGANA": KANA,
    "KATAKANA": KANA,
    "KATAKANA-HIRAGANA": KANA,
    "HANGUL": HANGUL,
    "DEVANAGARI": "Deva",
    "BENGALI": "Beng",
    "GREEK": "Grek",
    "ARMENIAN": "Armn",
    "HEBREW": "Hebr",
    "THAI": "Thai",
    "LAO": "Laoo",
    "KHMER": "Khmr",
    "MYANMAR": "Mymr",
    "TIBETAN": "Tibt",
    "GEORGIAN": "Geor",
    "ETHIOPIC": "Ethi",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "KANNADA": "Knda",
    "MALAYALAM": "Mlym",
    "GUJARATI": "Gujr",
    "GURMUKHI": "Guru",
    "ORIYA": "Orya",
    "SINHALA": "Sinh",
    "THAANA": "Thaa",
}
_WRITTEN_IN = {
    "Latn": "af az bs ca ceb cs cy da de en eo es et eu fi fil fr fy ga gd gl gn ha haw hr ht hu id ig is it jv ku la "
    "lb lg ln lt lv mg mi ms mt nb nl nn no ny oc om pl pt qu rm rn ro rw sk sl sm sn so sq sr st su sv sw tk tl tn to "
    "tr ts uz vi wo xh yo zu",
    "Cyrl": "ab ba be bg ce cv kk ky mk mn os ru sah sr tg tt uk uz",
    "Arab": "ar arz ckb fa ks ps sd ug ur",
    "Deva": "bho hi mai mr ne sa",
    "Beng": "as bn",
    HAN: "ja wuu yue zh",
    KANA: "ja",
    HANGUL: "ko",
    "Grek": "el",
    "Armn": "hy",
    "Hebr": "he yi",
    "Thai": "th",
    "Laoo": "lo",
    "Khmr": "km",
    "Mymr": "my",
    "Tibt": "bo",
    "Geor": "ka",
    "Ethi": "am ti",
    "Taml": "ta",
    "Telu": "te",
    "Knda": "kn",
    "Mlym": "ml",
    "Gujr": "gu",
    "Guru": "pa",
    "Orya": "or",
    "Sinh": "si",
    "Thaa": "dv",
}
_VARIANTS = {"Hans": {HAN}, "Hant": {HAN}, "Jpan": {HAN, KANA}, "Kore": {HANGUL}, "Hira": {KANA}, HANGUL: {HANGUL}}
DECIDES = {
    **{script: named for script, named in _WRITTEN_IN.items() if " " not in named and script != KANA},
    "Hebr": "he",
    "Ethi": "am",
}
"""Scripts that are a language's own, by that language: whoever is expected to write in one and does, is believed."""

WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff\u0e31-\u0e3a\u0e47-\u0e4e'’\u200c\u200d-])*")


@lru_cache(maxsize=20_000)
def script_of(letter: str) -> str | None:
    """Return the ISO 15924 code of a letter's script, None for what is no letter of a script known here."""
    words = unicodedata.name(letter, "").split()
    if words and words[0] in ("FULLWIDTH", "HALFWIDTH", "MODIFIER"):
        words = words[1:]
    return _NAMES.get(words[0]) if words else None


def scripts_of(language: str) -> frozenset[str]:
    """Return the scripts that a language, or language-Script, is written in; none where that is not known."""
    bare, _, script = language.partition("-")
    if script:
        return frozenset(_VARIANTS.get(script, {script}))
    return frozenset(code for code, named in _WRITTEN_IN.items() if bare in named.split())
