import sys
import time

import pytest
from arbitrage.checks.scripts import UNSPACED, script_of
from arbitrage_eval.measures.words import UNSPACED_RANGES, letters, lower, read, sentences, unspaced, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Don't go to Ankara'da, a well-known l’homme!",
            ["Don't", "go", "to", "Ankara'da", "a", "well-known", "l’homme"],
        ),
        ("3.5 или 1,000; v2", ["3.5", "или", "1,000", "v2"]),
        ("مُحَمَّدٌ كتب، شيئا؟", ["مُحَمَّدٌ", "كتب", "شيئا"]),
        ("今天去abc公园。", ["今", "天", "去", "abc", "公", "园"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("पढ़ना है।", ["पढ़ना", "है"]),
        ("𝒜𝒷 𠀀𠀁", ["𝒜𝒷", "𠀀", "𠀁"]),
        ("🙂 👩‍🚀🇹🇷 — … _ -- '", []),
        ("", []),
    ],
)
def test_words_are_runs_of_letters_and_characters_where_there_are_no_spaces(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_letters_and_marks_written_apart_are_the_same_word() -> None:
    assert words("Scho\u0308n") == words("Schön") == ["Schön"]


def test_the_ranges_of_scripts_without_spaces_hold_every_letter_of_them_and_none_of_another() -> None:
    every = [chr(n) for n in range(sys.maxunicode + 1) if chr(n).isalpha()]
    ranges = _ranges()
    inside = {c for c in every if any(first <= ord(c) <= last for first, last in ranges)}
    assert {c for c in every if script_of(c) in UNSPACED} <= inside
    assert {script_of(c) for c in inside} <= {*UNSPACED, None}


def _ranges() -> list[tuple[int, int]]:
    parts = UNSPACED_RANGES.replace("-", "")
    return [(ord(parts[n]), ord(parts[n + 1])) for n in range(0, len(parts), 2)]


def test_turkish_has_two_letters_i() -> None:
    assert [lower(word, "tr") for word in ("ISIRGAN", "İĞNE")] == ["ısırgan", "iğne"]
    assert lower("IT", "en") == lower("IT", "de") == "it"
    assert read("KAPIYI İÇİN", "tr").words == ["kapıyı", "için"]


def test_sentences_end_at_stops_before_a_space_and_with_a_line() -> None:
    assert sentences("One. Two! Three? Four") == 4
    assert sentences('He said "stop." She did (at 3.5 km/h).') == 2
    assert sentences("- one\n- two\n\n---\n") == 2
    assert sentences("今天。明天！后天") == 3
    assert sentences("هل تعرف؟ نعم۔ ") == 2
    assert sentences("") == sentences("... !!! 🙂") == 0


def test_letters_are_counted_without_what_joins_them() -> None:
    assert letters("don't") == 4 and letters("well-known") == 9 and letters("مُحَمَّدٌ") == 4


def test_which_languages_are_written_without_spaces() -> None:
    assert all(map(unspaced, ["zh", "zh-Hant", "ja", "th", "lo", "km", "my"]))
    assert not any(map(unspaced, ["en", "ko", "vi", "ar", "hi", "tr", "xx"]))


def test_half_a_surrogate_pair_is_no_character() -> None:
    assert read("a\ud83d b", "en").text == "a\ufffd b"


@pytest.mark.parametrize("hostile", ["." * 100_000 + "x", '."' * 50_000 + "x", "a-" * 50_000, "a" + "\u0301" * 100_000])
def test_time_grows_no_faster_than_a_text(hostile: str) -> None:
    started = time.process_time()
    sentences(hostile)
    words(hostile)
    assert time.process_time() - started < 3
