import re

import pytest
from arbitrage.translation.pieces import translate_texts
from arbitrage.translation.translator import Reply
from arbitrage.translation.verbatim import SPAN
from hypothesis import given
from hypothesis import strategies as st
from servers.tiny_seq2seq import spelled
from translation.test_verbatim import TEXTS
from translation.texts import CODE, HOSTILE, KEPT, LISTS, Scripted, without_marks


def of(translator: Scripted, text: str) -> Reply:
    (reply,) = translate_texts(translator, [text], "en", "de")
    return reply


def expected(text: str) -> str:
    """Return a text without fences with everything spelled otherwise but for what stays."""
    kept = SPAN.findall(text)
    assert kept is not None
    spans = [match.span() for match in SPAN.finditer(text)]
    return "".join(char if any(a <= place < b for a, b in spans) else spelled(char) for place, char in enumerate(text))


@pytest.mark.parametrize("by_sentence", [True, False])
@pytest.mark.parametrize("most", [10_000, 40])
@pytest.mark.parametrize("text", [KEPT, LISTS, HOSTILE["dots"], HOSTILE["markup"], HOSTILE["marks of ours"]])
def test_everything_but_the_words_comes_back_as_it_was(text: str, most: int, by_sentence: bool) -> None:
    assert of(Scripted(most, by_sentence=by_sentence), text).text == expected(text)


@pytest.mark.parametrize("text", [KEPT, LISTS, HOSTILE["markup"]])
def test_marks_that_are_lost_are_translated_around(text: str) -> None:
    translator = Scripted(spoil=without_marks)
    assert of(translator, text).text == expected(text)


def test_marks_may_move_but_not_be_doubled() -> None:
    moved = Scripted(spoil=lambda text: Reply(" ".join(reversed(text.split()))))
    assert of(moved, "see `a` or `b` now").text == "now `b` or `a` see"
    doubled = Scripted(spoil=lambda text: Reply(f"{spelled(text)} [[0]]") if "[[0]]" in text else None)
    assert of(doubled, "see `a` now").text == "hvv `a` mld"


def test_code_is_not_touched() -> None:
    found = of(Scripted(), CODE).text
    assert found is not None
    assert "def f(x):\n    return x + 1  # add one" in found
    assert found.startswith("Urc gsrh:\n```python\n")
    assert found.endswith("\n```\nzmw xzoo `f(2)` gdrxv.")


def test_numbers_that_are_lost_are_marked() -> None:
    translator = Scripted(spoil=lambda text: Reply(spelled(text).replace("12", "twelve")))
    assert of(translator, "add 12 to it").text == "zww 12 gl rg"
    assert translator.asked == ["add 12 to it", "add [[0]] to it"]


def test_numbers_that_are_lost_for_good_leave_a_translation_that_a_check_will_name() -> None:
    translator = Scripted(spoil=lambda text: Reply(re.sub(r"12|\[\[0\]\]", "", spelled(text))))
    assert of(translator, "add 12 to it").text == "zww  gl rg"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_line_breaks_stay(text: str) -> None:
    found = of(Scripted(30, by_sentence=False), text)
    if found.text is not None:
        ends = re.compile("[\n\r\v\f\x85\u2028]")
        assert ends.findall(found.text) == ends.findall(text)


@given(TEXTS, st.booleans(), st.booleans())
def test_no_text_is_cut_without_a_word(text: str, loses: bool, by_sentence: bool) -> None:
    translator = Scripted(40, by_sentence=by_sentence, spoil=without_marks if loses else lambda text: None)
    found = of(translator, text)
    assert found.problem in (None, "too_long")
    if found.text is not None:
        kept = [span[0] for span in SPAN.finditer(found.text)]
        assert len(found.text) == len(text) or kept


def test_a_long_sentence_is_cut_and_a_long_word_is_an_error() -> None:
    sentence = "one clause here, " * 30 + "and the end."
    translator = Scripted(50)
    assert of(translator, sentence).text == spelled(sentence)
    assert max(map(len, translator.asked)) <= 50
    assert all(text.endswith((",", ".")) for text in translator.asked)
    words = "word " * 100
    assert of(Scripted(50), words).text == spelled(words)
    assert of(Scripted(50), f"a {'x' * 51} b") == Reply(None, "too_long")


def test_a_translation_that_is_cut_off_is_made_of_shorter_pieces() -> None:
    translator = Scripted(spoil=lambda text: Reply(None, "truncated") if len(text) > 20 else None)
    text = "one two three four five six seven eight nine"
    assert of(translator, text).text == spelled(text)
    endless = Scripted(spoil=lambda text: Reply(None, "truncated"))
    assert of(endless, "word " * 1000) == Reply(None, "truncated")
    assert len(endless.asked) < 40


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(""), "empty"),
        (Reply("   "), "empty"),
        (Reply(None), "empty"),
        (Reply("Here it is:\n\nabc"), "line_breaks"),
        (Reply("abc [[0]]"), "marks"),
        (Reply(None, "refused"), "refused"),
    ],
)
def test_what_is_no_translation_is_named(reply: Reply, problem: str) -> None:
    assert of(Scripted(spoil=lambda text: reply), "abc") == Reply(None, problem)


def test_equal_pieces_are_asked_once_and_nothing_else_is() -> None:
    translator = Scripted()
    texts = ["Same. Same. Other.", "Same.", "```\ncode\n```", "", "42", "https://example.org"]
    found = translate_texts(translator, texts, "en", "de")
    assert sorted(translator.asked) == ["Other.", "Same."]
    assert [reply.text for reply in found] == ["Hznv. Hznv. Lgsvi.", "Hznv.", *texts[2:]]
