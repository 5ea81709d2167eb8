"""What TGI can read at all: the types of every field, and the messages when one does not fit.

A body that is not JSON is 400; JSON of the wrong shape is 422 in plain text, written by the web framework
before TGI sees the request. Unknown fields are ignored. A field that is not optional refuses null.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tgi.refusal import Refusal
from tgi.wire import loads

Check = Callable[[Any, str], None]


class Mismatch(Exception):
    """A value that does not fit the field at `path`."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}" if path else text)


def read(raw: bytes, content_type: str, check: Check) -> dict[str, Any]:
    """Read a body, or refuse it as the web framework does."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Refusal(415, "Expected request with `Content-Type: application/json`")
    try:
        body = loads(raw)
    except ValueError as error:
        raise Refusal(400, f"Failed to parse the request body as JSON: {error}") from None
    try:
        check(body, "")
    except Mismatch as error:
        place = f"at line 1 column {len(raw)}"
        raise Refusal(422, f"Failed to deserialize the JSON body into the target type: {error} {place}") from None
    return body  # type: ignore[no-any-return]


def _named(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return f'string "{value}"'
    return "sequence" if isinstance(value, list) else "map"


def _wrong(value: Any, path: str, expected: str) -> Mismatch:
    return Mismatch(path, f"invalid type: {_named(value)}, expected {expected}")


def _whole(name: str, low: int, high: int) -> Check:
    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(value, path, name)
        if not low <= value <= high:
            raise Mismatch(path, f"invalid value: integer `{value}`, expected {name}")

    return check


def _of(kind: type | tuple[type, ...], expected: str) -> Check:
    refuse_bool = kind is not bool

    def check(value: Any, path: str) -> None:
        if not isinstance(value, kind) or (refuse_bool and isinstance(value, bool)):
            raise _wrong(value, path, expected)

    return check


def _maybe(inner: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if value is not None:
            inner(value, path)

    return check


def _many(inner: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise _wrong(value, path, "a sequence")
        for index, item in enumerate(value):
            inner(item, f"{path}[{index}]")

    return check


def _struct(name: str, fields: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(value, path, f"struct {name}")
        prefix = f"{path}." if path else ""
        for key, item in value.items():
            if field := fields.get(key):
                field(item, prefix + key)
        for key in required:
            if key not in value:
                raise Mismatch(path, f"missing field `{key}`")

    return check


_float = _of((int, float), "f32")
_text = _of(str, "a string")
_flag = _of(bool, "a boolean")
_i32 = _whole("i32", -(2**31), 2**31 - 1)
_u32 = _whole("u32", 0, 2**32 - 1)
_u64 = _whole("u64", 0, 2**64 - 1)
_usize = _whole("usize", 0, 2**64 - 1)


def _message_body(value: dict[str, Any]) -> bool:
    content = value.get("content")
    if isinstance(content, str):
        return True
    if isinstance(content, list):
        return all(
            isinstance(chunk, dict)
            and (
                (chunk.get("type") == "text" and isinstance(chunk.get("text"), str))
                or (chunk.get("type") == "image_url" and isinstance(chunk.get("image_url"), dict))
            )
            for chunk in content
        )
    return isinstance(value.get("tool_calls"), list)


def _message(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise _wrong(value, path, "struct Message")
    if "role" not in value:
        raise Mismatch(path, "missing field `role`")
    _text(value["role"], f"{path}.role")
    _maybe(_text)(value.get("name"), f"{path}.name")
    if not _message_body(value):
        raise Mismatch(path, "data did not match any variant of untagged enum MessageBody")


def _grammar(value: Any, path: str) -> None:
    _struct("GrammarType", {"type": _text}, ("type",))(value, path)
    if value["type"] not in ("json", "json_object", "regex", "json_schema"):
        raise Mismatch(
            f"{path}.type",
            f"unknown variant `{value['type']}`, expected one of `json`, `regex`, `json_schema`",
        )
    if "value" not in value:
        raise Mismatch(path, "missing field `value`")
    if value["type"] == "regex":
        _text(value["value"], f"{path}.value")
    if value["type"] == "json_schema":
        _struct("JsonSchemaConfig", {"name": _maybe(_text)}, ("schema",))(value["value"], f"{path}.value")


def _tool(value: Any, path: str) -> None:
    _struct("Tool", {"type": _text}, ("type", "function"))(value, path)
    function = value["function"]
    _struct("FunctionDefinition", {"name": _text, "description": _maybe(_text)}, ("name",))(
        function, f"{path}.function"
    )
    if "arguments" not in function and "parameters" not in function:
        raise Mismatch(f"{path}.function", "missing field `arguments`")


def _tool_choice(value: Any, path: str) -> None:
    named = isinstance(value, dict) and value.get("type") == "function" and value.get("function")
    if not (value is None or isinstance(value, str) or (isinstance(named, dict) and "name" in named)):
        raise Mismatch(path, "data did not match any variant of untagged enum ToolTypeDeserializer")


def _prompt(value: Any, path: str) -> None:
    if value == []:
        raise Mismatch(path, "Empty array detected. Do not use an empty array for the prompt.")
    many = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if not (isinstance(value, str) or many):
        raise Mismatch(path, "data did not match any variant of untagged enum PromptDeserializer")


_parameters = _struct(
    "GenerateParameters",
    {
        "best_of": _maybe(_usize),
        "temperature": _maybe(_float),
        "repetition_penalty": _maybe(_float),
        "frequency_penalty": _maybe(_float),
        "top_k": _maybe(_i32),
        "top_p": _maybe(_float),
        "typical_p": _maybe(_float),
        "do_sample": _flag,
        "max_new_tokens": _maybe(_u32),
        "return_full_text": _maybe(_flag),
        "stop": _many(_text),
        "truncate": _maybe(_usize),
        "watermark": _flag,
        "details": _flag,
        "decoder_input_details": _flag,
        "seed": _maybe(_u64),
        "top_n_tokens": _maybe(_u32),
        "grammar": _maybe(_grammar),
        "adapter_id": _maybe(_text),
    },
)
generate_request = _struct("GenerateRequest", {"inputs": _text, "parameters": _parameters}, ("inputs",))
compat_request = _struct(
    "CompatGenerateRequest", {"inputs": _text, "parameters": _parameters, "stream": _flag}, ("inputs",)
)
_sampling = {
    "model": _maybe(_text),
    "max_tokens": _maybe(_u32),
    "temperature": _maybe(_float),
    "top_p": _maybe(_float),
    "stream": _flag,
    "seed": _maybe(_u64),
    "frequency_penalty": _maybe(_float),
    "stop": _maybe(_many(_text)),
}
completion_request = _struct(
    "CompletionRequest",
    {**_sampling, "prompt": _prompt, "suffix": _maybe(_text), "repetition_penalty": _maybe(_float)},
    ("prompt",),
)
_chat = _struct(
    "ChatRequest",
    {
        **_sampling,
        "messages": _many(_message),
        "logit_bias": _maybe(_many(_float)),
        "logprobs": _maybe(_flag),
        "top_logprobs": _maybe(_u32),
        "max_completion_tokens": _maybe(_u32),
        "n": _maybe(_u32),
        "presence_penalty": _maybe(_float),
        "tools": _maybe(_many(_tool)),
        "tool_prompt": _maybe(_text),
        "tool_choice": _tool_choice,
        "response_format": _maybe(_grammar),
        "stream_options": _struct("StreamOptions", {"include_usage": _flag}),
    },
    ("messages",),
)


def chat_request(value: Any, path: str) -> None:
    """Check a chat request; `max_completion_tokens` is another name of `max_tokens`."""
    _chat(value, path)
    if "max_tokens" in value and "max_completion_tokens" in value:
        raise Mismatch(path, "duplicate field `max_tokens`")
