"""Nothing foreign steers a terminal."""

import io

from arbitrage.progress import Progress
from arbitrage.terminal import safe
from rich.console import Console


def test_control_characters_are_shown_as_codes() -> None:
    assert safe("a\x1b]0;title\x07\x9b31m\nb\tç 你") == "a\\x1b]0;title\\x07\\x9b31m\nb\tç 你"


def test_what_progress_tells_is_one_line_without_a_terminal() -> None:
    out = io.StringIO()
    Progress(Console(file=out, width=80)).tell("x " * 100 + "\x1b[31m")
    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()
