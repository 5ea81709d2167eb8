import time

import pytest
from arbitrage.translation.cuts import halves, sentences
from arbitrage.translation.verbatim import has_words, numbers, prose, runs
from hypothesis import given
from hypothesis import strategies as st
from translation.texts import CODE, HOSTILE, KEPT, LISTS, LONG

TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(list("`~<>{}[]()$%.!? \n\r\\@/-1a")))
)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_runs_of_a_text_are_the_text(text: str) -> None:
    found = list(runs(text))
    assert "".join(run.text for run in found) == text
    assert all(run.text == run.text.strip() and "\n" not in run.text for run in found if run.is_prose)


@given(TEXTS)
def test_the_runs_of_any_text_are_the_text(text: str) -> None:
    assert "".join(run.text for run in runs(text)) == text
    assert "".join(sentences(text)) == text
    cut = halves(text)
    assert cut is None or ("".join(cut) == text and all(half.strip() for half in cut))


def test_code_list_marks_and_line_ends_are_no_prose() -> None:
    assert [run.text for run in runs(CODE) if run.is_prose] == ["Fix this:", "and call `f(2)` twice."]
    assert [run.text for run in runs(LISTS) if run.is_prose] == [
        "Title", "first point", "second point", "one", "two", "quoted words", "a tab", "last line", "end"
    ]  # fmt: skip


def test_addresses_placeholders_and_tags_are_no_words() -> None:
    kept = ["me@example.org", "https://example.org/a_(b)?q=1&x=2", "{name}", "%s", "<b>"]
    assert all(not has_words(text) for text in kept)
    assert prose(KEPT).split() == "Write to or see , , and this by 3:45 for $1,234.50.".split()
    assert numbers(KEPT) == ["1", "1,234.50", "2", "3:45"]
    assert not has_words("42 + 1 = 43?")
    assert has_words("你好")


def test_a_fence_ends_with_its_own_mark_alone() -> None:
    text = "````\n```\nstill code\n````\nprose"
    assert [run.text for run in runs(text) if run.is_prose] == ["prose"]
    assert [run.text for run in runs("~~~\ncode\n```\ncode") if run.is_prose] == []


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("One here. Two there! Three? Four", 4),
        ("Dr. No met Mr. X. e.g. here, i.e. there", 1),
        ("It cost 3.50 at example.org. Then", 2),
        ("He said “Stop.” Then he left.", 2),
        ("你好。你是谁？我很好！", 3),
        ("كيف حالك؟ أنا بخير.", 2),
        ("यह एक है। यह दो है।", 2),
        ("See https://example.org/a.b?c. Then", 2),
        ("the end. of the line goes on", 1),
        ("", 0),
    ],
)
def test_sentences(line: str, count: int) -> None:
    found = sentences(line)
    assert "".join(found) == line
    assert len(found) == count, found


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("One thing. Another thing", "One thing. "),
        ("one thing, and then another one", "one thing, "),
        ("some words without any mark", "some words "),
        ("一二三四，五六七八", "一二三四，"),
        ("a https://example.org/some,long", "a "),
    ],
)
def test_a_line_is_cut_where_sense_allows(line: str, first: str) -> None:
    assert halves(line) == (first, line[len(first) :])


def test_one_word_is_not_cut() -> None:
    assert halves("Donaudampfschifffahrt") is None
    assert halves("  word  ") is None


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_hundred_thousand_characters_take_no_time(text: str) -> None:
    start = time.process_time()
    assert "".join(run.text for run in runs(text)) == text
    assert "".join(sentences(text)) == text
    halves(text)
    prose(text)
    assert time.process_time() - start < 5
