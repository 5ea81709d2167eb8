import pytest
from arbitrage.checks import AT_ONCE, CHECKS, flags
from arbitrage.recipe.model import CHECKS as IN_RECIPES


def test_the_recipe_knows_every_check() -> None:
    assert CHECKS == IN_RECIPES


@pytest.mark.parametrize(
    ("text", "reasoning", "finish_reason", "expected"),
    [
        ("An answer.", None, "stop", ()),
        ("An answer.", "Thoughts.", "stop", ()),
        ("An answer.", None, None, ()),
        ("", None, "stop", ("empty",)),
        (" \n\u3000", None, "stop", ("empty",)),
        ("An answ", None, "length", ("truncated",)),
        ("", None, "length", ("empty", "truncated")),
        ("", "Thoughts.", "stop", ("no_answer",)),
        ("", "Thoughts.", "length", ("truncated",)),
        ("", "Though", "unfinished_reasoning", ("truncated",)),
    ],
)
def test_flags(text: str, reasoning: str | None, finish_reason: str | None, expected: tuple[str, ...]) -> None:
    assert flags(list(CHECKS), text, reasoning, finish_reason) == expected
    assert flags([], text, reasoning, finish_reason) == ()
    for name in AT_ONCE:
        assert flags([name], text, reasoning, finish_reason) == tuple(one for one in expected if one == name)


def test_a_wrong_language_is_flagged_where_the_recipe_looks_for_it() -> None:
    assert flags(CHECKS, "An answer.", None, "length", wrong_language=True) == ("truncated", "language")
    assert flags(list(AT_ONCE), "An answer.", None, "stop", wrong_language=True) == ()
