import pytest
from arbitrage.errors import ArbitrageError
from arbitrage_eval.measures import confusion
from arbitrage_eval.measures.confusion import Confusion
from arbitrage_eval.measures.table import measure
from arbitrage_eval.measures.words import read
from measures.passages import PASSAGES

ENGLISH = "This whole line is written in plain English, as anybody can see."


def rates(language: str, *texts: str, **options: object) -> dict[str, float | None]:
    one = Confusion(language, **options)  # type: ignore[arg-type]
    for text in texts:
        one.add(one.look(read(text, language)))
    return dict(one.values())


def test_a_text_passes_when_each_of_its_lines_does() -> None:
    for language, text in PASSAGES.items():
        wrong = PASSAGES["de" if language == "en" else "en"]
        found = rates(language, text, text + "\n" + wrong, text + "\n" + text)
        assert found["line_pass"] == pytest.approx(2 / 3) and found["line_pass_texts"] == 3, language


def test_short_lines_and_texts_of_short_lines_do_not_count() -> None:
    assert rates("de", "Only four words here", "", "🙂")["line_pass_texts"] == 0
    assert rates("de", PASSAGES["de"] + "\nOnly four words here")["line_pass"] == 1


def test_what_a_base_model_asks_itself_next_does_not_count() -> None:
    assert rates("de", PASSAGES["de"] + "\nQ: " + PASSAGES["en"])["line_pass"] == 1


def test_english_words_count_where_the_script_is_another_and_the_lines_pass() -> None:
    text = PASSAGES["ar"]
    found = rates(
        "ar", text, text + " this creativity", text + "\n" + ENGLISH, text + " NASA Dr of https://example.org/words"
    )
    assert found["line_pass"] == 3 / 4 and found["word_pass"] == pytest.approx(2 / 3)
    assert found["word_pass_texts"] == 3
    assert found["lcpr"] == pytest.approx(2 * (3 / 4) * (2 / 3) / (3 / 4 + 2 / 3))
    assert rates("zh", PASSAGES["zh"] + "很creativity好")["word_pass"] == 0
    assert "word_pass" not in rates("tr", PASSAGES["tr"]) and "lcpr" not in rates("sr", PASSAGES["uk"])


def test_a_vocabulary_and_a_judge_of_lines_can_be_given_and_are_named() -> None:
    vocabulary = ("words-1", frozenset({"creativity"}))
    given = Confusion("ar", judge=("mine", lambda line, language: language == "ar"), english=vocabulary)
    assert "|lid:mine|english:words-1|" in given.signature
    for text in (ENGLISH, ENGLISH + " creativity"):
        given.add(given.look(read(text, "ar")))
    assert given.values()["line_pass"] == 1 and given.values()["word_pass"] == 0.5


def test_nothing_passes_gives_no_word_pass() -> None:
    found = rates("uk", ENGLISH)
    assert (found["line_pass"], found["word_pass"], found["lcpr"]) == (0, None, None)


def test_it_is_absent_where_nothing_tells_the_language() -> None:
    assert measure("confusion", [ENGLISH], "ha") == {}


def test_lingua_is_asked_for_by_name_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confusion, "find_spec", lambda name: None)
    with pytest.raises(ArbitrageError, match=r"pip install 'multilingual-arbitrage\[language\]'"):
        measure("confusion", [ENGLISH], "en")


def test_a_long_text_costs_no_more_than_its_first_lines() -> None:
    asked: list[str] = []
    one = Confusion("en", judge=("counting", lambda line, language: asked.append(line) is None))
    one.add(one.look(read((ENGLISH + "\n") * 2_000, "en")))
    assert len(asked) == confusion.MOST_LINES
