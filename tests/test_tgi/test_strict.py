"""Every rule of TGI's that a client can break, one case each."""

from collections.abc import Iterator
from typing import Any

import pytest
import tgi
from test_tgi.calls import CHAT, call, get, post, user


@pytest.fixture(scope="module")
def double() -> Iterator[tgi.Handle]:
    limits = tgi.Limits(max_input_tokens=1000, max_total_tokens=1200, payload_limit=50_000)
    with tgi.serve(tgi.Double(limits=limits)) as handle:
        yield handle


def native(**parameters: Any) -> dict[str, Any]:
    return {"inputs": "Hi", "parameters": parameters}


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"properties": {}}}}
SCHEMA = {"properties": {"name": {"type": "string"}}}


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"temperature": 0}, "`temperature` must be strictly positive"),
        ({"temperature": -1}, "`temperature` must be strictly positive"),
        ({"repetition_penalty": 0}, "`repetition_penalty` must be strictly positive"),
        ({"frequency_penalty": 2.5}, "`frequency_penalty` must be >= -2.0 and <= 2.0"),
        ({"top_p": 1}, "`top_p` must be > 0.0 and < 1.0"),
        ({"top_p": 0}, "`top_p` must be > 0.0 and < 1.0"),
        ({"top_p": 0.99999999}, "`top_p` must be > 0.0 and < 1.0"),
        ({"typical_p": 1.0}, "`typical_p` must be > 0.0 and < 1.0"),
        ({"top_k": 0}, "`top_k` must be strictly positive"),
        ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
        ({"stop": list("abcde")}, "`stop` supports up to 4 stop sequences. Given: 5"),
        ({"best_of": 2}, "you must use sampling when `best_of` is > 1"),
        ({"best_of": 3, "do_sample": True}, "`best_of` must be > 0 and <= 2. Given: 3"),
        ({"best_of": 2, "do_sample": True, "seed": 1}, "`seed` must not be set when `best_of` > 1"),
        ({"top_n_tokens": 6}, "`top_n_tokens` must be >= 0 and <= 5. Given: 6"),
        ({"truncate": 0}, "`truncate` must be strictly positive and less than 1000. Given: 0"),
        ({"truncate": 1001}, "`truncate` must be strictly positive and less than 1000. Given: 1001"),
        (
            {"grammar": {"type": "json", "value": {}}},
            "grammar is not valid: Grammar must have a 'properties' field",
        ),
        ({"grammar": {"type": "json", "value": 1}}, "grammar is not supported"),
    ],
)
def test_native_parameters_out_of_range(double: tgi.Handle, parameters: dict[str, Any], text: str | None) -> None:
    reply = post(double.url + "/generate", native(**parameters))
    if text is None:
        assert reply.status == 200
        return
    assert reply.status == 422
    assert reply.body == {"error": f"Input validation error: {text}", "error_type": "validation"}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"inputs": ""}, "`inputs` cannot be empty"),
        ({"inputs": "x" * 4004}, "`inputs` must have less than 1000 tokens. Given: 1001"),
        (
            {"inputs": "x" * 800, "parameters": {"max_new_tokens": 1001}},
            "`inputs` tokens + `max_new_tokens` must be <= 1200. Given: 200 `inputs` tokens and 1001 `max_new_tokens`",
        ),
    ],
)
def test_inputs_that_do_not_fit(double: tgi.Handle, body: dict[str, Any], text: str) -> None:
    reply = post(double.url + "/generate", body)
    assert (reply.status, reply.body["error"]) == (422, f"Input validation error: {text}")


def test_only_the_first_chunk_of_1024_counts_against_the_total(double: tgi.Handle) -> None:
    assert post(double.url + "/generate", native(max_new_tokens=100_000)).status == 200


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"top_p": 1.0}, "Input validation error: `top_p` must be > 0.0 and < 1.0"),
        ({"temperature": -0.1}, "Input validation error: `temperature` must be strictly positive"),
        ({"max_tokens": 0}, "Input validation error: `max_new_tokens` must be strictly positive"),
        ({"stop": list("abcde")}, "Input validation error: `stop` supports up to 4 stop sequences. Given: 5"),
        ({"presence_penalty": -2}, "Input validation error: `repetition_penalty` must be strictly positive"),
        ({"top_logprobs": 6}, "Input validation error: `top_n_tokens` must be >= 0 and <= 5. Given: 6"),
        (
            {"tools": [TOOL], "response_format": {"type": "json", "value": SCHEMA}},
            "Tool error: Grammar and tools are mutually exclusive",
        ),
        ({"tools": [TOOL], "tool_choice": "find"}, "Tool error: Tool with name find not found"),
    ],
)
def test_chat_out_of_range(double: tgi.Handle, more: dict[str, Any], text: str) -> None:
    reply = post(double.url + CHAT, user(**more))
    assert (reply.status, reply.body["error"]) == (422, text)
    assert reply.body["error_type"] == ("tool_error" if text.startswith("Tool") else "validation")


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/generate", {}, "missing field `inputs`"),
        ("/generate", {"inputs": 1}, "inputs: invalid type: integer `1`, expected a string"),
        ("/generate", {"inputs": "x", "parameters": None}, "expected struct GenerateParameters"),
        ("/generate", native(stop="x"), 'parameters.stop: invalid type: string "x", expected a sequence'),
        ("/generate", native(stop=None), "parameters.stop: invalid type: null, expected a sequence"),
        ("/generate", native(do_sample=None), "parameters.do_sample: invalid type: null, expected a boolean"),
        ("/generate", native(top_p="1"), 'parameters.top_p: invalid type: string "1", expected f32'),
        ("/generate", native(top_p=True), "parameters.top_p: invalid type: boolean `true`, expected f32"),
        ("/generate", native(seed=-1), "parameters.seed: invalid value: integer `-1`, expected u64"),
        ("/generate", native(max_new_tokens=1.5), "invalid type: floating point `1.5`, expected u32"),
        ("/generate", native(grammar={"type": "xml", "value": ""}), "unknown variant `xml`"),
        ("/", {"inputs": ["x"]}, "inputs: invalid type: sequence, expected a string"),
        ("/", {"inputs": "x", "stream": None}, "stream: invalid type: null, expected a boolean"),
        (CHAT, {}, "missing field `messages`"),
        (CHAT, {"messages": "Hi"}, 'messages: invalid type: string "Hi", expected a sequence'),
        (CHAT, {"messages": [{"content": "Hi"}]}, "messages[0]: missing field `role`"),
        (CHAT, {"messages": [{"role": "user", "content": None}]}, "untagged enum MessageBody"),
        (CHAT, {"messages": [{"role": "user", "content": [{"type": "audio"}]}]}, "untagged enum MessageBody"),
        (CHAT, user(stop="x"), 'stop: invalid type: string "x", expected a sequence'),
        (CHAT, user(seed=-1), "seed: invalid value: integer `-1`, expected u64"),
        (CHAT, user(max_tokens=-1), "max_tokens: invalid value: integer `-1`, expected u32"),
        (CHAT, user(max_tokens=5, max_completion_tokens=5), "duplicate field `max_tokens`"),
        (
            CHAT,
            user(stream_options=None),
            "stream_options: invalid type: null, expected struct StreamOptions",
        ),
        (CHAT, user(logit_bias={"5": 1}), "logit_bias: invalid type: map, expected a sequence"),
        (CHAT, user(response_format={"type": "json_schema", "json_schema": {}}), "missing field `value`"),
        (CHAT, user(response_format={"type": "text"}), "unknown variant `text`"),
        (CHAT, user(tools=[{"type": "function", "function": {"name": "x"}}]), "missing field `arguments`"),
        (CHAT, user(tool_choice=1), "untagged enum ToolTypeDeserializer"),
        ("/v1/completions", {"prompt": []}, "Do not use an empty array for the prompt."),
        ("/v1/completions", {"prompt": [1]}, "untagged enum PromptDeserializer"),
    ],
)
def test_json_of_the_wrong_shape(double: tgi.Handle, path: str, body: Any, text: str) -> None:
    reply = post(double.url + path, body)
    assert reply.status == 422
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.raw.startswith(b"Failed to deserialize the JSON body into the target type: ")
    assert text in reply.raw.decode()


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"{'inputs': 1}", b'{"inputs": NaN}', b'{"inputs": "\xff"}', b'{"inputs": "\\ud83d"}'],
)
def test_what_is_not_json_is_400_in_plain_text(double: tgi.Handle, raw: bytes) -> None:
    reply = post(double.url + "/generate", raw)
    assert reply.status == 400
    assert reply.raw.startswith(b"Failed to parse the request body as JSON: ")


def test_a_pair_of_surrogates_is_json(double: tgi.Handle) -> None:
    assert "😀" in post(double.url + "/generate", b'{"inputs": "\\ud83d\\ude00"}').body["generated_text"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("text/plain", 415), ("", 415), ("application/json; charset=utf-8", 200), ("application/x+json", 200)],
)
def test_the_content_type_must_be_json(double: tgi.Handle, kind: str, status: int) -> None:
    reply = post(double.url + "/generate", {"inputs": "x"}, Content_Type=kind)
    assert reply.status == status
    if status == 415:
        assert reply.raw == b"Expected request with `Content-Type: application/json`"


def test_a_payload_over_the_limit(double: tgi.Handle) -> None:
    reply = post(double.url + "/generate", {"inputs": "x" * 50_000})
    assert (reply.status, reply.raw) == (413, b"Failed to buffer the request body: length limit exceeded")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/generate", 405), ("PUT", "/", 405), ("POST", "/info", 405), ("GET", "/v2/chat", 404)],
)
def test_wrong_methods_and_paths_have_empty_bodies(double: tgi.Handle, method: str, path: str, status: int) -> None:
    reply = call(double.url + path, method, b"{}")
    assert (reply.status, reply.raw) == (status, b"")


def test_unknown_fields_are_ignored(double: tgi.Handle) -> None:
    assert post(double.url + "/generate", native(nonsense=1)).status == 200
    assert post(double.url + CHAT, user(n=5, chat_template_kwargs={}, user="me")).status == 200


@pytest.mark.parametrize(
    ("template", "messages", "text"),
    [
        (tgi.Template(), [], "undefined value"),
        (
            tgi.Template(roles=("user", "assistant")),
            [("system", "Be kind"), ("user", "Hi")],
            "System role not",
        ),
        (tgi.Template(), [("developer", "Be kind"), ("user", "Hi")], "roles are supported!"),
        (tgi.Template(alternate=True), [("user", "Hi"), ("user", "You there?")], "roles must alternate"),
        (None, [("user", "Hi")], "template not found"),
    ],
)
def test_conversations_that_the_template_refuses(
    template: tgi.Template | None, messages: list[tuple[str, str]], text: str
) -> None:
    body = {"messages": [{"role": role, "content": content} for role, content in messages]}
    with tgi.serve(tgi.Double(template=template)) as double:
        reply = post(double.url + CHAT, body)
    assert (reply.status, reply.body["error_type"]) == (422, "template_error")
    assert reply.body["error"].startswith("Template error: ")
    assert text in reply.body["error"]


@pytest.mark.parametrize(
    ("body", "error_type"),
    [
        ({"prompt": "x", "suffix": "y"}, "suffix not supported"),
        ({"prompt": ["x"] * 5}, "batch size exceeded"),
        ({"prompt": "x", "top_p": 1.0}, "validation"),
    ],
)
def test_completions_that_are_refused(double: tgi.Handle, body: dict[str, Any], error_type: str) -> None:
    reply = post(double.url + "/v1/completions", body)
    assert (reply.status, reply.body["error_type"]) == (422, error_type)


def test_one_request_too_many_is_refused_before_it_is_validated() -> None:
    with tgi.serve(tgi.Double(limits=tgi.Limits(max_concurrent_requests=0))) as double:
        reply = post(double.url + CHAT, user(top_p=1.0))
        assert (reply.status, reply.body) == (
            429,
            {"error": "Model is overloaded", "error_type": "overloaded"},
        )
        # The template comes first, and a stream has answered 200 before anybody looks.
        assert post(double.url + CHAT, {"messages": []}).status == 422
        streamed = post(double.url + CHAT, user(stream=True))
        assert streamed.status == 200
        assert streamed.events == [
            {"error": {"message": "Model is overloaded", "http_status_code": 422}},
            "[DONE]",
        ]


def test_an_api_key_guards_what_generates_and_nothing_else() -> None:
    with tgi.serve(tgi.Double(api_key="Secret")) as double:
        for path in ("/", "/generate", "/generate_stream", CHAT, "/v1/completions", "/tokenize"):
            assert post(double.url + path, b"not even JSON").status == 401
        assert post(double.url + "/generate", {"inputs": "x"}, Authorization="Secret").status == 401
        assert post(double.url + "/generate", {"inputs": "x"}, Authorization="Bearer Secret").status == 200
        assert post(double.url + "/generate", {"inputs": "x"}, Authorization="bearer SECRET").status == 200
        for path in ("/", "/info", "/health", "/ping", "/metrics", "/v1/models"):
            assert get(double.url + path).status == 200
        assert double.stats["by_status"] == {"401": 6, "200": 2}
