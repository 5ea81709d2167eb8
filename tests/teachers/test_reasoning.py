import pytest
from arbitrage.teachers.reasoning import Parted, part


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("Plain.", None, Parted("Plain.", None, False)),
        ("  Plain. ", None, Parted("  Plain. ", None, False)),
        ("", None, Parted("", None, False)),
        ("<think>\nHm.\n</think>\n\nYes.", None, Parted("Yes.", "Hm.", False)),
        ("\n<think>Hm.</think>Yes. ", None, Parted("Yes. ", "Hm.", False)),
        ("<think></think>Yes.", None, Parted("Yes.", None, False)),
        ("Hm.\n</think>\nYes.", None, Parted("Yes.", "Hm.", False)),
        ("<think>Hm, but", None, Parted("", "Hm, but", True)),
        ("<think>Hm.</think>", None, Parted("", "Hm.", False)),
        ("Write <think>x</think> in your text.", None, Parted("Write <think>x</think> in your text.", None, False)),
        ("<think>a</think>b</think>c", None, Parted("b</think>c", "a", False)),
        ("Yes.", "Hm.", Parted("Yes.", "Hm.", False)),
        ("<think>x</think>Yes.", "Hm.", Parted("<think>x</think>Yes.", "Hm.", False)),
        ("Yes.", "", Parted("Yes.", None, False)),
    ],
)
def test_part(text: str, field: str | None, expected: Parted) -> None:
    assert part(text, field) == expected
