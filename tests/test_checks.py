import pytest
from arbitrage.checks import CHECKS, flags
from arbitrage.recipe.model import CHECKS as IN_RECIPES


def test_the_recipe_knows_every_check() -> None:
    assert tuple(CHECKS) == IN_RECIPES


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
    for name in CHECKS:
        assert flags([name], text, reasoning, finish_reason) == tuple(one for one in expected if one == name)
