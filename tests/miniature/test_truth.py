"""The checker: what is wrong is wrong, however it is written."""

import pytest
from arbitrage.miniature.mixture import rows
from arbitrage.miniature.truth import Truth

TRUTH = Truth()
ROWS = list(rows(5, 300, exam=False))
HOSTILE = (
    "",
    " ",
    ",",
    "\N{RIGHT-TO-LEFT OVERRIDE}",
    "\N{RIGHT-TO-LEFT OVERRIDE}{}",
    "{}\N{ZERO WIDTH SPACE}",
    "\U0001f600",
    "{} \U0001f600",
    "\U0001d7cf",
    "\x00",
    "{}\x00",
    "{}, {}",
    "{},",
    ", {}",
    "The answer is {}",
    "not {}",
    "{}<|end|>",
    "1" * 5000,
    "SCORE: 10",
)
"""Answers that are wrong, also with the right one in the braces."""


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_nothing_hostile_is_right(hostile: str) -> None:
    for row in ROWS:
        given = hostile.replace("{}", row["answer"])
        assert not TRUTH.is_right(row["id"], row["language"], given), (row, given)


def test_the_words_of_another_language_are_wrong_unless_they_are_the_same() -> None:
    told_apart = 0
    for first in range(0, len(ROWS), 7):
        parallel = ROWS[first : first + 7]
        for row in parallel:
            for other in parallel:
                given = other["answer"]
                same = given.casefold() == row["answer"].casefold()
                # Lists are set apart in another way from language to language; numbers are the same in all.
                if row["task"] not in ("order", "largest", "count", "translate"):
                    assert TRUTH.is_right(row["id"], row["language"], given) == same, (row, given)
                    told_apart += not same
    assert told_apart > 2000


def test_swapped_missing_and_repeated_items_are_wrong() -> None:
    lists = [row for row in ROWS if row["task"] in ("order", "reverse", "translate")]
    assert lists
    for row in lists:
        comma = next(mark for mark in ("، ", "、", ", ") if mark in row["answer"])
        items = row["answer"].split(comma)
        for wrong in (items[::-1], items[1:], items[:-1], [*items, items[-1]], [items[0], *items]):
            assert not TRUTH.is_right(row["id"], row["language"], comma.join(wrong)), (row, wrong)


def test_blanks_case_and_a_full_stop_are_no_faults() -> None:
    for row in ROWS:
        for given in (f"  {row['answer']}.\n", row["answer"].upper(), row["answer"].replace(", ", " ,  ")):
            # Capitals are not the same words everywhere: Turkish has two letters i.
            if given.casefold() == row["answer"].casefold() or given != row["answer"].upper():
                assert TRUTH.is_right(row["id"], row["language"], given), (row, given)


def test_what_is_no_task_is_refused() -> None:
    with pytest.raises(ValueError, match="no task of the small world"):
        TRUTH.is_right("sing-1-0-00", "de", "la")
