"""What goes wrong on demand.

Kinds:
    refuse  answer with `status` (and `retry_after`) instead of doing it
    lost    do it, then end the connection without an answer
    drop    end the connection without doing it
    cut     of an upload, read half and end the connection; of a download, send half and end it
    slow    wait `seconds`, then do it
    push    somebody else commits `files` to the branch first
"""

import re
import threading
from dataclasses import asdict, dataclass, field, fields
from typing import Any

KINDS = frozenset(["refuse", "lost", "drop", "cut", "slow", "push"])
MESSAGES = {
    401: "Invalid credentials in Authorization header",
    429: "Too Many Requests: you have reached your rate limit.",
    500: "Internal Error - We're working hard to fix this as soon as possible!",
    503: "Service Unavailable",
}


@dataclass
class Fault:
    """One thing that goes wrong with the requests whose `METHOD /path` has `route`, a pattern, in it."""

    kind: str
    route: str
    times: int | None = 1
    """How many requests it meets; None for all."""
    skip: int = 0
    """How many it lets pass first."""
    status: int = 500
    retry_after: float | None = None
    seconds: float = 1.0
    files: dict[str, str] = field(default_factory=lambda: {"someone-else.txt": "pushed meanwhile\n"})
    done: int = 0
    """How many requests it met."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; there are {', '.join(sorted(KINDS))}")
        re.compile(self.route)

    @property
    def headers(self) -> dict[str, str]:
        """What a refusal says about trying again."""
        if self.retry_after is None:
            return {}
        wait = f"{self.retry_after:g}"
        return {"Retry-After": wait} | ({"RateLimit": f'"api";r=0;t={wait}'} if self.status == 429 else {})


class Faults:
    """What goes wrong now; `add` and `clear` at any time, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, kind: str, route: str, **more: Any) -> Fault:
        """Let something go wrong; the fault that this returns counts what it met."""
        known = {field.name for field in fields(Fault)} - {"done"}
        if unknown := set(more) - known:
            raise ValueError(f"no such field: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
        fault = Fault(kind, route, **more)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._faults.clear()

    def pick(self, method: str, path: str) -> Fault | None:
        """Return what goes wrong with this request: the first fault that is for it and has not met enough."""
        with self._lock:
            for fault in self._faults:
                if not re.search(fault.route, f"{method} {path}"):
                    continue
                if fault.skip:
                    fault.skip -= 1
                elif fault.times is None or fault.done < fault.times:
                    fault.done += 1
                    return fault
        return None

    def listed(self) -> list[dict[str, Any]]:
        """Return every fault with its count."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]
