"""Plain HTTP calls, so that a test sees exactly what the double sends."""

import json
from http.client import HTTPConnection, HTTPMessage
from typing import Any, NamedTuple

CHAT = "/v1/chat/completions"


class Reply(NamedTuple):
    status: int
    headers: HTTPMessage
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def events(self) -> list[Any]:
        lines = [line.removeprefix("data: ") for line in self.raw.decode().split("\n\n") if line]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]


def call(url: str, method: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
    host, _, path = url.removeprefix("http://").partition("/")
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection = HTTPConnection(host, timeout=10)
    try:
        connection.request(method, "/" + path, raw, {"Content-Type": "application/json"} | (headers or {}))
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


def post(url: str, body: Any, **headers: str) -> Reply:
    return call(url, "POST", body, {name.replace("_", "-"): value for name, value in headers.items()})


def get(url: str) -> Reply:
    return call(url, "GET")


def user(text: str = "Hi", **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}
