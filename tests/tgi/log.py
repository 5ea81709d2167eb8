"""What was asked: one line for every generation request, in memory and, where wished, in a file."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any


@dataclass(slots=True)
class Request:
    """One generation request."""

    index: int
    """The order of arrival, from 0."""
    route: str
    start: float
    """Monotonic seconds, comparable between the processes of one machine."""
    in_flight: int
    """How many generation requests were open when this one arrived, itself included."""
    end: float | None = None
    status: int = 0
    """The HTTP status; 499 when the connection ended first, 0 when the double sent none or is still busy."""
    key: str = ""
    """See `key_of`; empty when the body could not be read."""
    model: str | None = None
    seed: int | None = None
    stream: bool = False
    fault: str = ""
    error_type: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Log:
    """The requests of one double."""

    def __init__(self, path: Path | None = None) -> None:
        self.requests: list[Request] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._arrived = 0
        # A line is written when its request ends, and is readable at once by another process.
        self._file = path.open("a", encoding="utf-8", buffering=1) if path else None

    def begin(self, route: str) -> Request:
        """Note an arrival."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        request = Request(self._arrived, route, monotonic(), self.in_flight)
        self._arrived += 1
        self.requests.append(request)
        return request

    def end(self, request: Request) -> None:
        """Note that a request is over, once; before its last byte, so that whoever has that finds it here."""
        if request.end is not None:
            return
        self.in_flight -= 1
        request.end = monotonic()
        if self._file:
            self._file.write(json.dumps(asdict(request)) + "\n")

    def refused(self, route: str, status: int) -> None:
        """Note a request that was turned away before anybody read it."""
        request = self.begin(route)
        request.status = status
        self.end(request)

    def stats(self) -> dict[str, Any]:
        """Sum up: requests, how they ended, the load, and when the first and the last came."""
        requests = list(self.requests)
        return {
            "requests": len(requests),
            "by_status": dict(Counter(str(request.status) for request in requests if request.end is not None)),
            "by_fault": dict(Counter(request.fault for request in requests if request.fault)),
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "first": requests[0].start if requests else None,
            "last": requests[-1].start if requests else None,
            "prompt_tokens": sum(request.prompt_tokens for request in requests),
            "completion_tokens": sum(request.completion_tokens for request in requests),
        }

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
