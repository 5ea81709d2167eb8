"""What a server may send that is no honest answer: nothing of it breaks a build or reaches a terminal."""

import json
from pathlib import Path
from typing import Any

import pytest
from arbitrage.errors import StoreError
from arbitrage.recipe.model import Teacher
from arbitrage.records import Completion
from arbitrage.store.store import open_store
from arbitrage.store.writer import Writer
from arbitrage.teachers.failure import Failed
from arbitrage.teachers.identity import _read_info
from arbitrage.teachers.wire import read_reply


def chat(**message: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": "stop"}]}


def test_an_answer_that_is_all_reasoning_may_leave_its_content_out() -> None:
    reply = read_reply(chat(reasoning_content="Hm."), {})
    assert (reply.text, reply.reasoning) == ("", "Hm.")


@pytest.mark.parametrize("content", [5, ["x"], {"text": "x"}, True])
def test_content_that_is_no_text(content: object) -> None:
    with pytest.raises(Failed, match="content is"):
        read_reply(chat(content=content), {})


def test_a_finish_reason_with_half_a_surrogate_pair() -> None:
    body = json.loads('{"choices": [{"message": {"content": "x"}, "finish_reason": "\\ud800"}]}')
    assert read_reply(body, {}).finish_reason == "\ufffd"


def test_a_token_count_of_thousands_of_digits() -> None:
    assert read_reply({"generated_text": "x"}, {"x-prompt-tokens": "9" * 5000}).prompt_tokens is None


@pytest.mark.parametrize("sha", ["\ud800", "\x1b]0;title\x07", "a" * 10_000, "a b", "", 7])
def test_what_is_no_name_of_a_revision(sha: object) -> None:
    teacher = Teacher(endpoint=["http://h"], api="tgi", model="org/a")
    assert _read_info(teacher, {"model_id": "org/a", "model_sha": sha}).revision is None


def test_a_row_that_no_store_can_hold_is_an_error_and_no_silence(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with open_store(path):
        pass
    stopped = []
    writer = Writer(path, 1, lambda: None, lambda: stopped.append(True))
    writer.put(("a", Completion("c", "p", "org/a", "r", 0, "\ud800")))
    with pytest.raises(StoreError, match="could not be written"):
        writer.close()
    assert stopped
