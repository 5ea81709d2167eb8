"""One request and one answer, without HTTP's own details."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub.access import Account, account_of
from hub.refusal import Refusal
from hub.store import Store

BODY_LIMIT = 256 << 20


@dataclass
class Ask:
    """A request."""

    store: Store
    method: str
    """GET also for HEAD: the difference is only in what is sent."""
    target: str
    headers: Mapping[str, str]
    block: Callable[[], bytes]
    """Gives the next piece of the body, and nothing at its end."""

    @cached_property
    def path(self) -> str:
        """The path as it was sent."""
        return urlsplit(self.target).path

    @cached_property
    def steps(self) -> list[str]:
        """The decoded pieces of the path; a revision is one of them, whatever is in it."""
        return [unquote(step) for step in self.path.strip("/").split("/")]

    @cached_property
    def query(self) -> dict[str, str]:
        """The last value of every name in the query."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}

    def flag(self, name: str) -> bool:
        """Whether the query says yes."""
        return self.query.get(name, "").lower() in ("true", "1")

    def number(self, name: str, default: int) -> int:
        """Return a number of the query."""
        value = self.query.get(name, str(default))
        if not re.fullmatch("[0-9]{1,9}", value):
            raise Refusal(400, f'"{name}" must be a number')
        return int(value)

    @cached_property
    def account(self) -> Account | None:
        """Whose token came with it."""
        return account_of(self.store.tokens, self.headers.get("Authorization"))

    @cached_property
    def body(self) -> bytes:
        """The whole body."""
        parts, size = [], 0
        while part := self.block():
            parts.append(part)
            size += len(part)
            if size > BODY_LIMIT:
                raise Refusal(413, "Payload too large")
        return b"".join(parts)

    @cached_property
    def data(self) -> dict[str, Any]:
        """The body as a JSON object."""
        try:
            data = json.loads(self.body)
        except ValueError as error:
            raise Refusal(400, f"Invalid JSON: {error}") from error
        if not isinstance(data, dict):
            raise Refusal(400, "Expected a JSON object")
        return data

    def value(self, name: str, kind: type) -> Any:
        """Return a field of the body that has to be there."""
        value = self.data.get(name)
        if not isinstance(value, kind):
            raise Refusal(400, f'"{name}" is required and must be a {kind.__name__}')
        return value


@dataclass
class Answer:
    """What is sent back: bytes, or a piece of a file."""

    status: int = 200
    content: bytes | Path = b""
    headers: dict[str, str] = field(default_factory=dict)
    start: int = 0
    stop: int | None = None

    @property
    def size(self) -> int:
        """How many bytes of content are sent."""
        whole = len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size
        return (whole if self.stop is None else self.stop) - self.start

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> "Answer":
        """Make an answer of JSON."""
        kind = {"Content-Type": "application/json; charset=utf-8"}
        return cls(status, json.dumps(value).encode(), kind | dict(headers or {}))

    def ranged(self, wanted: str | None) -> "Answer":
        """Return the part of it that a Range header asks for."""
        self.headers["Accept-Ranges"] = "bytes"
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted or "")
        if not found or not any(found.groups()):
            return self
        size = self.size
        first, last = found.groups()
        start = int(first) if first else max(size - int(last), 0)
        stop = min(int(last) + 1, size) if first and last else size
        if start >= stop:
            return Answer(416, b"", {"Content-Range": f"bytes */{size}"})
        self.status, self.start, self.stop = 206, start, stop
        self.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        return self
