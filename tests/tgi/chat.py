"""From a chat or completion request to the inputs and parameters that TGI generates from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tgi.refusal import Refusal
from tgi.rules import single
from tgi.wire import dumps

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Which conversations a model's chat template accepts."""

    roles: Sequence[str] = ("system", "user", "assistant", "tool")
    alternate: bool = False
    """Whether user and assistant must take turns after an optional system message."""


def text_of(message: Message) -> str:
    """Return a message's text; chunks are joined, tool calls become their JSON."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if content is None:
        return dumps(message["tool_calls"]).decode()
    return "".join(
        chunk["text"] if chunk["type"] == "text" else f"![]({chunk['image_url']['url']})" for chunk in content
    )


def last_user_text(messages: Sequence[Message]) -> str:
    """Return the text that answers are looked up by: the last user message."""
    return next((text_of(message) for message in reversed(messages) if message["role"] == "user"), "")


def render(messages: Sequence[Message], template: Template | None = Template()) -> str:
    """Render messages as the double's template does, or refuse them with error type `template_error`."""
    if template is None:
        raise Refusal.of("template_error", "template not found")
    if not messages:
        raise Refusal.of("template_error", "undefined value (in <string>:1)")
    turns = [message["role"] for message in messages if message["role"] != "system"]
    for message in messages:
        if message["role"] not in template.roles:
            raise _raised(
                "System role not supported"
                if message["role"] == "system"
                else f"Only {', '.join(template.roles)} roles are supported!"
            )
    if template.alternate and any(role != ("user", "assistant")[turn % 2] for turn, role in enumerate(turns)):
        raise _raised("Conversation roles must alternate user/assistant/user/assistant/...")
    inputs = "".join(f"<|{message['role']}|>{text_of(message)}<|end|>" for message in messages)
    if messages[-1]["role"] == "assistant":
        # TGI lets the model go on where the last assistant message stops.
        return inputs.removesuffix("<|end|>").rstrip()
    return inputs + "<|assistant|>"


def _raised(text: str) -> Refusal:
    return Refusal.of("template_error", f"syntax error: {text} (in <string>:1)")


def sampling_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the native parameters that the OpenAI-compatible routes share."""
    temperature = body.get("temperature")
    greedy = temperature is not None and single(temperature) == 0
    return {
        "temperature": None if greedy else temperature,
        "do_sample": not greedy,
        "frequency_penalty": body.get("frequency_penalty"),
        "top_p": body.get("top_p"),
        "max_new_tokens": body.get("max_tokens", body.get("max_completion_tokens")),
        "stop": body.get("stop") or [],
        "seed": body.get("seed"),
        "details": True,
    }


def chat_parameters(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the native parameters of a chat request; `n` and `logit_bias` are ignored, as TGI does."""
    tools, response_format = body.get("tools"), body.get("response_format")
    if response_format is not None and tools is not None:
        raise Refusal.of("tool_error", "Grammar and tools are mutually exclusive")
    if tools is not None and (name := forced_tool(body)) not in (None, *(_name(tool) for tool in tools)):
        raise Refusal.of("tool_error", f"Tool with name {name} not found")
    presence = body.get("presence_penalty")
    return {
        **sampling_of(body),
        "repetition_penalty": None if presence is None else presence + 2.0,
        "top_n_tokens": body.get("top_logprobs"),
        "grammar": response_format,
    }


def forced_tool(body: Mapping[str, Any]) -> str | None:
    """Return the tool that the model must call, or None where it may answer in words."""
    tools, choice = body.get("tools"), body.get("tool_choice")
    if not tools or choice in (None, "auto", "none"):
        return None
    if choice == "required":
        return _name(tools[0])
    return choice if isinstance(choice, str) else str(choice["function"]["name"])


def _name(tool: Mapping[str, Any]) -> str:
    return str(tool["function"]["name"])
