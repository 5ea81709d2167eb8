"""What goes wrong on demand.

Kinds that answer with an error status:
    overloaded 429, incomplete 500, generation 424, validation 422, unauthorized 401, payment 402, gated 403,
    html (502 with an HTML page), unavailable (503 with an empty body)
Kinds without an answer:
    hang (never), reset (RST instead of an answer), closed (an orderly end instead of an answer)
Kinds that spoil a good answer:
    cut_json (complete body, half of the JSON), cut_body (the connection ends in the middle), drip (slowly,
    over `drip_seconds`), huge (`huge_bytes` of text), bad_utf8, bad_type (`text/html`), empty (no body),
    no_fields (`{}`), no_choices, null_content, extra_choices
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Any

from tgi.refusal import Refusal

DENIED = {
    "unauthorized": (401, "Invalid credentials in Authorization header"),
    "payment": (402, "You have exceeded your monthly included credits for Inference Providers."),
    "gated": (403, "Access to model is restricted and you are not in the authorized list."),
}
SPOILED = ["cut_json", "cut_body", "drip", "huge", "bad_utf8", "bad_type", "empty"]
SPOILED += ["no_fields", "no_choices", "null_content", "extra_choices"]
SILENT = ["hang", "reset", "closed"]
REFUSED = ["overloaded", "incomplete", "generation", "validation", *DENIED, "html", "unavailable"]
KINDS = frozenset([*REFUSED, *SILENT, *SPOILED])
HTML = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>502 Bad Gateway</body></html>"


@dataclass
class Faults:
    """What goes wrong now; assign to a field or call `set` and `clear` at any time, from any thread."""

    shares: dict[str, float] = field(default_factory=dict)
    """Kind: share of requests, drawn by a hash of `seed` and the order of arrival."""
    by_prompt: dict[str, float] = field(default_factory=dict)
    """Kind: share of prompts, by a hash of the prompt: the same prompt fails again, whenever it comes."""
    next: list[str] = field(default_factory=list)
    """Kinds for the next requests, one each, before anything is drawn."""
    refuse_above: int | None = None
    """429 to whoever arrives when already this many requests are in flight."""
    retry_after: float | str | None = None
    """The `Retry-After` header on every 429 and 503."""
    info_model: str | None = None
    """Another model id for `/info` and `/v1/models`."""
    info_sha: str | None = None
    """Another commit for `/info`."""
    down: float = 0.0
    """Seconds for which nobody listens, from now; open connections are reset."""
    drip_seconds: float = 5.0
    huge_bytes: int = 32 << 20
    seed: int = 0

    on_down: Callable[[float], None] | None = field(default=None, repr=False)

    def set(self, **changes: Any) -> None:
        """Change some fields; a dictionary or list replaces the one before."""
        known = {field.name for field in fields(self)} - {"on_down"}
        if unknown := set(changes) - known:
            raise ValueError(f"no such fault field: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
        named = [*changes.get("shares", ()), *changes.get("by_prompt", ()), *changes.get("next", ())]
        if wrong := set(named) - KINDS:
            raise ValueError(f"no such fault: {', '.join(sorted(wrong))}; there are {', '.join(sorted(KINDS))}")
        for name, value in changes.items():
            setattr(self, name, value)
        if "down" in changes and self.on_down:
            self.on_down(self.down)

    def clear(self) -> None:
        """Let nothing go wrong any more; a double that is down comes back."""
        plain = Faults()
        self.set(**{field.name: getattr(plain, field.name) for field in fields(self) if field.name != "on_down"})

    def pick(self, index: int, key: str, in_flight: int) -> str:
        """Return what goes wrong with this request, or nothing."""
        if self.next:
            return self.next.pop(0)
        if self.refuse_above is not None and in_flight > self.refuse_above:
            return "overloaded"
        return (
            (self.by_prompt and _draw(self.by_prompt, f"{self.seed}:{key}"))
            or (self.shares and _draw(self.shares, f"{self.seed}:{index}"))
            or ""
        )


def _draw(shares: dict[str, float], what: str) -> str:
    point = int.from_bytes(sha256(what.encode()).digest()[:8]) / 2**64
    for kind, share in shares.items():
        point -= share
        if point < 0:
            return kind
    return ""


def refusal_of(kind: str) -> Refusal | None:
    """Return the error answer of a fault, or None where the fault is of another sort."""
    if kind in DENIED:
        status, error = DENIED[kind]
        return Refusal(status, json.dumps({"error": error}), content_type="application/json")
    if kind == "incomplete":
        return Refusal.of("incomplete_generation")
    if kind in ("overloaded", "generation", "validation"):
        return Refusal.of(kind, "this double was told to fail")
    if kind == "html":
        return Refusal(502, HTML, content_type="text/html")
    return Refusal(503, "") if kind == "unavailable" else None
