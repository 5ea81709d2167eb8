"""What is sent in each of the four shapes, and what is made of answers, good and bad."""

from collections.abc import Mapping
from typing import Any

import pytest
from arbitrage.recipe.model import Sampling, Teacher
from arbitrage.records import Message
from arbitrage.teachers.failure import Failed, Kind
from arbitrage.teachers.wire import Reply, Request, Wire, read_reply

TURNS: list[Message] = [{"role": "user", "content": "Hi"}]


def _request(turns: list[Message] = TURNS, sampling: Sampling | None = None, **settings: Any) -> Request:
    settings = {"endpoint": "http://h", "api": "tgi", "model": "org/m", **settings}
    teacher = Teacher.model_validate(settings)
    wire = Wire(teacher, sampling or Sampling(), is_tgi=settings["api"] == "tgi")
    return wire.request("de", turns, 5)


CHAT = {"model": "org/m", "messages": TURNS, "max_tokens": 1024, "temperature": 0.3, "seed": 5}


def test_chat_with_tgi_leaves_top_p_out() -> None:
    assert _request() == Request("/v1/chat/completions", CHAT)
    assert _request(sampling=Sampling(top_p=0.9)).body["top_p"] == 0.9


def test_chat_with_others_says_top_p() -> None:
    assert _request(api="openai") == Request("/chat/completions", {**CHAT, "top_p": 1.0})


def test_raw_with_tgi() -> None:
    parameters = {"max_new_tokens": 1024, "do_sample": True, "temperature": 0.3, "seed": 5, "details": True}
    assert _request(format="raw") == Request("/generate", {"inputs": "Hi", "parameters": parameters})


def test_raw_with_others() -> None:
    expected = {"model": "org/m", "prompt": "Hi", "max_tokens": 1024, "temperature": 0.3, "top_p": 1.0, "seed": 5}
    assert _request(format="raw", api="openai") == Request("/completions", expected)


def test_greedy() -> None:
    greedy = Sampling(temperature=0, stop=["\n"], max_tokens=7)
    assert _request(sampling=greedy).body == {**CHAT, "temperature": 0.0, "stop": ["\n"], "max_tokens": 7}
    parameters = {"max_new_tokens": 7, "do_sample": False, "stop": ["\n"], "seed": 5, "details": True}
    assert _request(sampling=greedy, format="raw").body["parameters"] == parameters


def test_the_name_on_the_server() -> None:
    assert _request(served_as="tr").body["model"] == "tr"


def test_extra_adds_changes_and_takes_out() -> None:
    body = _request(extra={"seed": None, "temperature": 0.7, "chat_template_kwargs": {"enable_thinking": False}}).body
    assert "seed" not in body
    assert (body["temperature"], body["chat_template_kwargs"]) == (0.7, {"enable_thinking": False})
    assert _request(format="raw", extra={"watermark": True}).body["parameters"]["watermark"] is True


def test_a_prompts_own_system_turn_wins() -> None:
    system: Message = {"role": "system", "content": "S"}
    own: list[Message] = [{"role": "system", "content": "Own"}, *TURNS]
    assert _request(system={"de": "S"}).body["messages"] == [system, *TURNS]
    assert _request(system={"tr": "S"}, languages=["tr"]).body["messages"] == TURNS
    assert _request(own, system={"de": "S"}).body["messages"] == own
    assert _request(own, system={"de": "S"}, format="raw").body["inputs"] == "Own\n\nHi"


def _chat(content: Any = "Yes.", **more: Any) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", "content": content}, "finish_reason": "stop", **more}
    return {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}


def test_a_chat_answer() -> None:
    assert read_reply(_chat(), {}) == Reply("Yes.", None, "stop", 3, 4, "usage")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_in_a_field(field: str) -> None:
    body = _chat(message={"content": "Yes.", field: "Hm."})
    assert read_reply(body, {})[:2] == ("Yes.", "Hm.")


def test_unfinished_reasoning_is_named() -> None:
    assert read_reply(_chat("<think>Hm"), {})[:3] == ("", "Hm", "unfinished_reasoning")
    assert read_reply(_chat("<think>Hm", finish_reason="length"), {}).finish_reason == "length"


def test_a_completions_answer() -> None:
    body = {"choices": [{"text": "Yes.", "finish_reason": "length"}]}
    assert read_reply(body, {}) == Reply("Yes.", None, "length", None, None, None)


def test_a_native_answer() -> None:
    details = {"finish_reason": "eos_token", "generated_tokens": 4}
    expected = Reply("Yes.", None, "stop", 3, 4, "details")
    assert read_reply({"generated_text": "Yes.", "details": details}, {"x-prompt-tokens": "3"}) == expected
    assert read_reply({"generated_text": "Yes."}, {}) == Reply("Yes.", None, None, None, None, None)


@pytest.mark.parametrize("header", ["9" * 5000, "-1", "٣", "3.5", "", "9" * 19])
def test_a_header_that_is_no_count(header: str) -> None:
    body = {"generated_text": "Yes.", "details": {"generated_tokens": 4}}
    assert read_reply(body, {"x-prompt-tokens": header}).prompt_tokens is None


@pytest.mark.parametrize("count", [-1, True, "4", 4.0, None, 2**63])
def test_a_count_that_is_none(count: Any) -> None:
    body = {**_chat(), "usage": {"prompt_tokens": count, "completion_tokens": 4}}
    assert read_reply(body, {}).prompt_tokens is None


def test_halves_of_characters_are_replaced() -> None:
    body = _chat("a\ud800b", finish_reason="\udfff")
    body["choices"][0]["message"]["reasoning"] = "\ud83d\ude00 \udc00"
    reply = read_reply(body, {})
    assert reply[:3] == ("a\ufffdb", "😀 \ufffd", "\ufffd")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        5,
        {},
        {"choices": []},
        {"choices": {}},
        {"choices": [None]},
        {"choices": ["text"]},
        {"choices": [{}]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {}}]},
        {"error": "busy"},
        {"generated_text": 5},
        {"generated_text": ["a"]},
        {"generated_text": "a", "details": [1]},
        {**_chat(), "usage": [1]},
        _chat(["a"]),
        _chat({"text": "a"}),
        _chat(5),
    ],
    ids=repr,
)
def test_what_is_no_answer(body: Any) -> None:
    headers: Mapping[str, str] = {}
    with pytest.raises(Failed) as raised:
        read_reply(body, headers)
    assert raised.value.kind is Kind.PROTOCOL
