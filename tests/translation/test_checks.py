import pytest
from arbitrage.checks.language import LanguageCheck
from arbitrage.translation.checks import outcome
from arbitrage.translation.languages import flores, spoken

GOOD = [
    ("What do you know of the number 4?", "Was weißt du über die Zahl 4?", "de"),
    ("What do you know of the number 4?", "ماذا تعرف عن الرقم ٤؟", "ar"),
    ("What do you know of the number 4?", "关于数字4，你知道什么？", "zh"),
    ("What do you know of the number 4?", "4という数字について何を知っていますか？", "ja"),
    ("Why does Python 3.12 say `TypeError: x`?", "لماذا تقول Python 3.12 إن `TypeError: x`؟", "ar"),
    ("It costs 1,234.50 dollars.", "Es kostet 1.234,50 Dollar.", "de"),
    ("Hello!", "Привіт!", "uk"),
    ("OK", "Gut", "de"),
    ("anything", "whatever else", "xyz"),
]


@pytest.mark.parametrize(("source", "translation", "language"), GOOD)
def test_a_translation_passes(source: str, translation: str, language: str) -> None:
    assert outcome([source], [translation], language) is None


BAD = [
    ("```\ncode\n```", "```\ncode\n```", "de", "nothing_to_translate"),
    ("https://example.org", "https://example.org", "de", "nothing_to_translate"),
    ("What is the capital of France?", "What is the capital of France?", "de", "untranslated"),
    ("What is the capital of France?", "what  is the CAPITAL of France", "de", "untranslated"),
    ("What is the capital of France?", "What is the capital von France?", "de", "untranslated"),
    ("Tell me something about it.", "ja " * 60, "de", "length"),
    ("word and " * 40, "Wort", "de", "length"),
    ("What is the capital of France?", "Quelle est la capitale de la France ?", "ar", "language"),
    ("What is the capital of France?", "Какая столица Франции?", "zh", "language"),
    ("What is the capital of France?", "Koji je glavni grad Francuske?", "sr-Cyrl", "language"),
    ("Add 12 and 30.", "Zähle zwölf und 30 zusammen.", "de", "numbers"),
    ("Add 12 and 12.", "Zähle 12 dazu und noch einmal.", "de", "numbers"),
]


@pytest.mark.parametrize(("source", "translation", "language", "why"), BAD)
def test_what_is_none_is_named(source: str, translation: str, language: str, why: str) -> None:
    assert outcome([source], [translation], language) == why


def test_one_turn_of_several_is_enough_unless_it_is_of_few_words() -> None:
    source = ["What is the capital of France?", "Paris", "And what of Italy, do you know that too?"]
    good = ["Was ist die Hauptstadt von Frankreich?", "Paris", "Und was ist mit Italien, weißt du das auch?"]
    assert outcome(source, good, "de") is None
    assert outcome(source, [*good[:2], source[2]], "de") == "untranslated"


def test_the_recipes_language_check_finds_another_language_of_the_same_script() -> None:
    source, french = ["What is the capital of France?"], ["Quelle est la capitale de la France, je vous prie ?"]
    check = LanguageCheck(["de", "en"])
    assert outcome(source, french, "de") is None
    assert outcome(source, french, "de", check) == "language"
    assert outcome(source, ["Was ist eigentlich die Hauptstadt von Frankreich?"], "de", check) is None


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("de", "deu_Latn"),
        ("zh", "zho_Hans"),
        ("zh-Hant", "zho_Hant"),
        ("sr", "srp_Cyrl"),
        ("sr-Latn", None),
        ("ceb", "ceb_Latn"),
        ("kas", None),
        ("kas-Deva", "kas_Deva"),
        ("qqq", None),
        ("xx", None),
    ],
)
def test_languages_as_nllb_calls_them(language: str, code: str | None) -> None:
    known = "deu_Latn zho_Hans zho_Hant srp_Cyrl ceb_Latn kas_Arab kas_Deva".split()
    assert flores(language, known) == code


def test_languages_as_a_model_is_told_them() -> None:
    assert spoken("de") == "German"
    assert spoken("zh-Hant") == "Chinese (traditional script)"
    assert spoken("qqq") == "the language with the tag qqq"


def test_an_answer_may_be_what_is_the_same_in_both_languages() -> None:
    for text in ("42", "```\nx = 1\n```", "Paris", "Yes, Anna", ""):
        assert outcome([text], [text], "de", is_answer=True) is None
        assert outcome([text], [text], "de") in ("nothing_to_translate", "untranslated")
    sentence = "This is an answer of some words."
    assert outcome([sentence], [sentence], "de", is_answer=True) == "untranslated"
    assert outcome(["Yes"], ["Ja " * 40], "de", is_answer=True) == "length"
    assert outcome(["Paris"], ["Париж"], "de", is_answer=True) == "language"
    assert outcome(["In 1990 or so."], ["Ungefähr damals."], "de", is_answer=True) == "numbers"
