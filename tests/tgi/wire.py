"""JSON as the Rust server reads and writes it: compact, raw UTF-8, no NaN, no half of a surrogate pair."""

import json
from typing import Any, NoReturn


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dumps(value: object) -> bytes:
    """Write compact JSON in raw UTF-8."""
    return _encode(value).encode()


def loads(raw: bytes) -> Any:
    """Read strict JSON; ValueError where a Rust server would not read it either."""
    text = raw.decode()
    value = _decode(text)
    if "\\ud" in text or "\\uD" in text:
        # Python lets lone surrogates pass, which cannot be UTF-8 on the way out.
        _encode(value).encode()
    return value
