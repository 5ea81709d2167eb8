"""The shapes of good answers, and where they stop."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
import tgi
from test_tgi.calls import CHAT, get, post, user


@pytest.fixture(scope="module")
def double() -> Iterator[tgi.Handle]:
    with tgi.serve(tgi.Double(model_id="org/m", answers=lambda question: "one two three four")) as handle:
        yield handle


def test_info_and_models(double: tgi.Handle) -> None:
    info = get(double.url + "/info").body
    limits = "max_concurrent_requests max_best_of max_stop_sequences max_input_tokens max_total_tokens"
    rest = "validation_workers max_client_batch_size router version sha docker_label"
    assert " ".join(info) == f"model_id model_sha model_pipeline_tag {limits} {rest}"
    assert (info["model_id"], len(info["model_sha"])) == ("org/m", 40)
    assert get(double.url + "/v1/models").body["data"][0]["id"] == "org/m"
    for path in ("/", "/health", "/ping"):
        assert get(double.url + path).raw == b""


def test_generate_says_details_only_when_asked(double: tgi.Handle) -> None:
    assert post(double.url + "/generate", {"inputs": "Hello"}).body == {"generated_text": "one two three four"}
    reply = post(double.url + "/generate", {"inputs": "Hello", "parameters": {"details": True}})
    details = reply.body["details"]
    assert list(details) == ["finish_reason", "generated_tokens", "seed", "prefill", "tokens"]
    assert (details["finish_reason"], details["generated_tokens"], details["seed"]) == ("eos_token", 6, None)
    assert details["tokens"][-1] | {"id": 0} == {"id": 0, "text": "</s>", "logprob": -0.25, "special": True}
    assert "".join(token["text"] for token in details["tokens"][:-1]) == "one two three four"
    assert (reply.headers["x-prompt-tokens"], reply.headers["x-generated-tokens"]) == ("2", "6")
    assert reply.headers["x-compute-characters"] == "5"


def test_decoder_input_details_bring_the_prefill_and_the_details(double: tgi.Handle) -> None:
    parameters = {"decoder_input_details": True, "top_n_tokens": 2}
    details = post(double.url + "/generate", {"inputs": "Hello", "parameters": parameters}).body["details"]
    assert [(token["text"], token["logprob"]) for token in details["prefill"]] == [
        ("Hell", None),
        ("o", -0.5),
    ]
    assert [len(top) for top in details["top_tokens"]] == [2] * 6


def test_best_of_brings_the_other_sequences(double: tgi.Handle) -> None:
    parameters = {"best_of": 2, "do_sample": True, "details": True}
    details = post(double.url + "/generate", {"inputs": "Hello", "parameters": parameters}).body["details"]
    assert [other["generated_text"] for other in details["best_of_sequences"]] == ["one two three four"]


def test_the_root_answers_a_list_and_repeats_the_prompt_unless_told_not_to(double: tgi.Handle) -> None:
    assert post(double.url, {"inputs": "Hello "}).body == [{"generated_text": "Hello one two three four"}]
    plain = {"inputs": "Hello ", "parameters": {"return_full_text": False}}
    assert post(double.url, plain).body == [{"generated_text": "one two three four"}]
    with tgi.serve(tgi.Double(pipeline_tag="text2text-generation")) as other:
        assert not post(other.url, {"inputs": "Hello "}).body[0]["generated_text"].startswith("Hello")


def test_chat(double: tgi.Handle) -> None:
    reply = post(double.url + CHAT, user("Hello", model="tgi", max_tokens=100))
    body = reply.body
    assert body.pop("created") > 0
    assert body == {
        "object": "chat.completion",
        "id": "",
        "model": "org/m",
        "system_fingerprint": "3.3.6-dev0-native",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "one two three four"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15},
    }
    assert tgi.count_tokens(tgi.render(user("Hello")["messages"])) == 9
    assert post(double.url + CHAT, user(model="other")).body["model"] == "other"


@pytest.mark.parametrize(
    ("more", "text", "native", "chat", "tokens"),
    [
        ({}, "one two three four", "eos_token", "stop", 6),
        ({"max": 3}, "one two thre", "length", "length", 3),
        ({"max": 5}, "one two three four", "length", "length", 5),
        ({"max": 6}, "one two three four", "eos_token", "stop", 6),
        ({"stop": ["two"]}, "one two", "stop_sequence", "stop_sequence", 2),
        ({"stop": ["four"], "max": 2}, "one two ", "length", "length", 2),
    ],
)
def test_where_an_answer_stops(
    double: tgi.Handle, more: dict[str, object], text: str, native: str, chat: str, tokens: int
) -> None:
    stop = more.get("stop", [])
    parameters = {"details": True, "stop": stop, "max_new_tokens": more.get("max")}
    body = post(double.url + "/generate", {"inputs": "x", "parameters": parameters}).body
    details = body["details"]
    assert (body["generated_text"], details["finish_reason"], details["generated_tokens"]) == (
        text,
        native,
        tokens,
    )
    body = post(double.url + CHAT, user(stop=stop, max_tokens=more.get("max"))).body
    assert body["choices"][0]["message"]["content"] == text
    assert (body["choices"][0]["finish_reason"], body["usage"]["completion_tokens"]) == (chat, tokens)


@pytest.mark.parametrize(("wanted", "total", "got"), [(1024, 9000, 1024), (1500, 9000, 2048), (1500, 2000, 1024)])
def test_more_than_1024_tokens_come_in_whole_restarts(wanted: int, total: int, got: int) -> None:
    limits = tgi.Limits(max_input_tokens=total - 1, max_total_tokens=total)
    with tgi.serve(tgi.Double(answers=lambda question: "x" * 99_999, limits=limits)) as double:
        reply = post(double.url + CHAT, user(max_tokens=wanted))
    assert reply.body["usage"]["completion_tokens"] == got


def test_seeds_are_reported_where_the_request_samples(double: tgi.Handle) -> None:
    def seed(parameters: dict[str, object]) -> object:
        body = {"inputs": "x", "parameters": {"details": True, **parameters}}
        return post(double.url + "/generate", body).body["details"]["seed"]

    assert seed({"seed": 5}) is None
    assert seed({"seed": 5, "do_sample": True}) == 5
    assert seed({"seed": 5, "temperature": 0.5}) == 5
    assert isinstance(seed({"temperature": 0.5}), int)


def test_the_default_answer_is_a_function_of_model_prompt_and_sampling_seed() -> None:
    with tgi.serve([tgi.Double(model_id="org/a"), tgi.Double(model_id="org/b")]) as (a, b):

        def said(double: tgi.Handle, text: str, **more: object) -> str:
            return post(double.url + CHAT, user(text, **more)).body["choices"][0]["message"]["content"]

        assert said(a, "Hi") == said(a, "Hi") == a.says("Hi")
        assert said(a, "Hi", seed=1) == a.says("Hi", 1)
        assert said(a, "Hi", seed=1, temperature=0) == a.says("Hi")
        different = {
            said(a, "Hi"),
            said(b, "Hi"),
            said(a, "Ho"),
            said(a, "Hi", seed=1),
            said(a, "Hi", seed=2),
        }
        assert len(different) == 5


def test_recordings(tmp_path: Path) -> None:
    rows = [{"prompt": "Хто?", "completion": "Я."}, {"prompt": "Wer?", "completion": "Ich."}]
    path = tmp_path / "recorded.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with tgi.serve(tgi.Double(answers=tgi.replay(path), reasoning=True)) as double:
        text = post(double.url + CHAT, user("Хто?")).body["choices"][0]["message"]["content"]
        assert text.startswith("<think>\n")
        assert text.endswith("\n</think>\n\nЯ.")
        reply = post(double.url + CHAT, user("Qui?"))
        assert (reply.status, reply.body["error_type"]) == (424, "generation")
        assert double.log[0].key == tgi.key_of("Хто?")


def test_tools(double: tgi.Handle) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {}}}
    choice = post(double.url + CHAT, user(tools=[tool], tool_choice="required")).body["choices"][0]
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "look"
    choice = post(double.url + CHAT, user(tools=[tool])).body["choices"][0]
    assert choice["message"]["content"] == "one two three four"


def test_completions_have_a_choice_for_every_prompt(double: tgi.Handle) -> None:
    body = post(double.url + "/v1/completions", {"prompt": ["a", "b"], "max_tokens": 2}).body
    assert [(choice["index"], choice["text"], choice["finish_reason"]) for choice in body["choices"]] == [
        (0, "one two ", "length"),
        (1, "one two ", "length"),
    ]
    assert body["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}


def test_streams(double: tgi.Handle) -> None:
    body = {"inputs": "Hello", "parameters": {"details": True}}
    reply = post(double.url + "/generate_stream", body)
    assert reply.headers["Content-Type"] == "text/event-stream"
    assert [event["index"] for event in reply.events] == [1, 2, 3, 4, 5, 6]
    assert [event["generated_text"] for event in reply.events] == [None] * 5 + ["one two three four"]
    assert reply.events[-1]["details"] == {
        "finish_reason": "eos_token",
        "generated_tokens": 6,
        "seed": None,
        "input_length": 2,
    }
    assert len(post(double.url, {**body, "stream": True}).events) == 6

    *chunks, usage, done = post(double.url + CHAT, user(stream=True, stream_options={"include_usage": True})).events
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "one two three four"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 5 + ["stop"]
    assert (usage["choices"], usage["usage"]["completion_tokens"], done) == ([], 6, "[DONE]")

    *chunks, done = post(double.url + "/v1/completions", {"prompt": ["a"], "stream": True}).events
    assert (chunks[-1]["choices"][0]["finish_reason"], chunks[-1]["usage"]["total_tokens"]) == (
        "eos_token",
        7,
    )


@pytest.mark.parametrize("parameters", [{"best_of": 2}, {"decoder_input_details": True}, {"top_p": 1.0}])
def test_what_fails_in_a_stream_is_an_event_under_200(double: tgi.Handle, parameters: dict[str, object]) -> None:
    reply = post(double.url + "/generate_stream", {"inputs": "x", "parameters": parameters})
    assert reply.status == 200
    assert [event["error_type"] for event in reply.events] == ["validation"]


def test_tokenize(double: tgi.Handle) -> None:
    tokens = post(double.url + "/tokenize", {"inputs": "Hello"}).body
    assert [(token["text"], token["start"], token["stop"]) for token in tokens] == [
        ("Hell", 0, 4),
        ("o", 4, 5),
    ]
    assert post(double.url + "/chat_tokenize", user()).body["templated_text"] == "<|user|>Hi<|end|><|assistant|>"


def test_speed() -> None:
    slow = tgi.Double(answers=lambda question: "x" * 16, latency=0.05, per_token=0.01)
    with tgi.serve(slow) as double:
        start = monotonic()
        post(double.url + "/generate", {"inputs": "x"})
        assert 0.1 <= monotonic() - start < 1
        assert 0.1 <= (double.log[0].end or 0) - double.log[0].start < 1


def test_metrics() -> None:
    with tgi.serve(tgi.Double()) as double:
        post(double.url + "/generate", {"inputs": "x"})
        post(double.url + "/generate", {"inputs": ""})
        lines = get(double.url + "/metrics").raw.decode().splitlines()
    assert {
        "tgi_request_count 2",
        "tgi_request_success 1",
        'tgi_request_failure{err="validation"} 1',
    } <= set(lines)
